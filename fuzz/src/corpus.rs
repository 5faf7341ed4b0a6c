//! The folders with inputs: `corpus` and `regressions` of the repository, and those that a run adds to in `target/fuzz`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

/// The folders of a target that belong to the repository.
const KNOWN: [&str; 2] = ["corpus", "regressions"];

/// Where inputs are.
#[derive(Clone, Debug)]
pub struct Folders {
    repository: PathBuf,
    output: PathBuf,
}

impl Folders {
    /// Those of this package, and a folder of what is found.
    pub fn new(output: &Path) -> Self {
        Self { repository: PathBuf::from(env!("CARGO_MANIFEST_DIR")), output: output.to_owned() }
    }

    /// The inputs of the repository for a target, each with its file.
    ///
    /// # Errors
    /// When a file or folder cannot be read.
    pub fn known(&self, target: &str) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let folders = KNOWN.map(|folder| self.repository.join(folder).join(target));
        Ok(folders.iter().map(|folder| read(folder)).collect::<io::Result<Vec<_>>>()?.concat())
    }

    /// The inputs that earlier runs have kept.
    ///
    /// # Errors
    /// When a file or folder cannot be read.
    pub fn kept(&self, target: &str) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        read(&self.output.join("corpus").join(target))
    }

    /// Keeps an input that reaches new code.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, target: &str, input: &[u8]) -> io::Result<PathBuf> {
        write(&self.output.join("corpus").join(target), input)
    }

    /// Writes an input that breaks a law.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn report(&self, target: &str, input: &[u8]) -> io::Result<PathBuf> {
        write(&self.output.join("findings").join(target), input)
    }

    /// The file of the input that runs at present, for when it ends the process.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn current(&self, target: &str) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.output)?;
        Ok(self.output.join(format!("current-{target}")))
    }
}

/// The files of a folder, sorted; none where there is no such folder.
fn read(folder: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect()
}

fn write(folder: &Path, input: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{:016x}", xxh3_64(input)));
    fs::write(&path, input)?;
    Ok(path)
}
