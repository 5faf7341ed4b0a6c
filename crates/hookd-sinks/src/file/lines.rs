//! A file of JSON Lines that only grows: opened, repaired, appended to.

use std::error::Error;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::document::BEGINNING;

/// How much is read at a time.
pub(super) const CHUNK_BYTES: u64 = 64 << 10;

/// An open file.
pub(crate) struct Lines {
    file: File,
    /// Whether it is a file on a disk, rather than a device or a pipe.
    is_regular: bool,
    /// The folder, where its entry for the file is not known to be on the disk.
    new_in: Option<PathBuf>,
    is_new: AtomicBool,
}

/// The file ends in the middle of a line that hookd did not write.
#[derive(Debug)]
pub(crate) struct NotOurs;

impl fmt::Display for NotOurs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its last line is not hookd's and has no newline: is this the right file? If so, end the line")
    }
}

impl Error for NotOurs {}

impl Lines {
    /// Opens the file, makes it where there is none, and removes a line that was torn off.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let is_new = !path.exists();
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let is_regular = file.metadata()?.is_file();
        if is_regular {
            repair(&file, path)?;
        }
        let folder = path.parent().filter(|_| is_new).map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        });
        Ok(Self { file, is_regular, new_in: folder, is_new: AtomicBool::new(is_new) })
    }

    /// Appends lines, which end with a newline: all of them, or none.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let length = if self.is_regular { Some(self.file.metadata()?.len()) } else { None };
        let written = self.file.write_all(lines);
        if written.is_err()
            && let Some(length) = length
            && let Err(error) = self.file.set_len(length)
        {
            tracing::warn!("a part of a line stays until the file is opened again: {error}");
        }
        written
    }

    /// Waits until all that was written is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if !self.is_regular {
            return Ok(());
        }
        self.file.sync_data()?;
        if let Some(folder) = &self.new_in
            && self.is_new.load(Ordering::Relaxed)
        {
            File::open(folder)?.sync_all()?;
            self.is_new.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Removes what follows the last newline, if it is the beginning of a line of hookd's.
fn repair(file: &File, path: &Path) -> io::Result<()> {
    let length = file.metadata()?.len();
    let end = end_of_lines(file, length)?;
    if end == length {
        return Ok(());
    }
    let mut torn = vec![0; BEGINNING.len().min(usize::try_from(length - end).unwrap_or(usize::MAX))];
    file.read_exact_at(&mut torn, end)?;
    if !BEGINNING.as_bytes().starts_with(&torn) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, NotOurs));
    }
    file.set_len(end)?;
    tracing::warn!(path = %path.display(), bytes = length - end, "the last line was torn off, and is removed");
    Ok(())
}

/// The offset behind the last newline; 0 where there is none.
pub(super) fn end_of_lines(file: &File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(CHUNK_BYTES);
        let chunk = read(file, start, end)?;
        if let Some(newline) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

pub(super) fn read(file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file_with(content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn line(id: &str) -> String {
        format!("{BEGINNING}{id}\"}}\n")
    }

    #[test]
    fn removes_a_line_that_was_torn_off() {
        let whole = line("a-1-0");
        let long = format!("{BEGINNING}a-2-0\",\"comments\":\"{}", "x".repeat(200_000));
        for torn in ["{", BEGINNING, &long] {
            let (_folder, path) = file_with(&format!("{whole}{torn}"));
            let mut lines = Lines::open(&path).unwrap();
            lines.append(line("a-2-0").as_bytes()).unwrap();
            lines.sync().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{whole}{}", line("a-2-0")));
        }
        let (_folder, path) = file_with(&long);
        Lines::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn removes_nothing_that_is_not_its_own() {
        for content in ["[server]\nlisten = ':1'", r#"{"hookd": 1}"#, "x"] {
            let (_folder, path) = file_with(content);
            let error = Lines::open(&path).err().unwrap();
            assert!(error.get_ref().unwrap().is::<NotOurs>(), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
