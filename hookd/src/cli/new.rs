//! `hookd new`: the beginning of a plugin, as a workspace that works before anything is written in it.

mod name;
mod source;
mod workspace;

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::name::Name;
use self::source::Source;
use super::{Exit, Output, after_help, fail};

/// Arguments of `hookd new`.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a dialect: its crate with tests, and a hookd that has it.
    ///
    /// Writes a workspace into the new folder NAME. There, `cargo run -- serve` serves `/change_hook/NAME` at once, and
    /// `cargo test` passes; what is left is to read the payload, in `hookd-NAME/src/lib.rs`.
    ///
    /// The workspace is built with the hookd that this is: the checkout that it was built from, while that is there, or else
    /// its release on crates.io.
    #[command(after_help = after_help("hookd new dialect tea && cd tea && cargo run -- serve"))]
    Dialect(DialectArgs),
}

/// Arguments of `hookd new dialect`.
#[derive(Debug, Args)]
struct DialectArgs {
    /// The name of the dialect, which is also that of its URL and of the new folder.
    name: String,

    /// Build with the hookd of this checkout of its repository.
    #[arg(long, value_name = "FOLDER", conflicts_with = "git")]
    path: Option<PathBuf>,

    /// Build with the hookd of this Git repository.
    #[arg(long, value_name = "URL")]
    git: Option<String>,
}

pub(super) fn run(args: &NewArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let Command::Dialect(args) = &args.command;
    new_dialect(Path::new(""), args, output)
}

/// Writes the workspace of a dialect into a new folder in this one.
fn new_dialect(parent: &Path, args: &DialectArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let valid = Name::parse(&args.name).and_then(|name| Ok((name, source(args)?)));
    let (name, source) = match valid {
        Ok(valid) => valid,
        Err(message) => {
            writeln!(output.err, "error: {message}")?;
            return Ok(Exit::Usage);
        }
    };
    if let Err(message) = workspace::write(&parent.join(name.dialect()), &name, &source) {
        return fail(&message, output);
    }
    output.out.write_all(workspace::next_steps(&name).as_bytes())?;
    Ok(Exit::Ok)
}

fn source(args: &DialectArgs) -> Result<Source, String> {
    match (&args.path, &args.git) {
        (Some(path), _) => Source::checkout(path),
        (None, Some(url)) => Source::git(url),
        (None, None) => Ok(Source::of_this_build()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Runs `hookd new dialect` in a folder, and returns its exit, its output and its errors.
    fn new_in(folder: &Path, name: &str, path: Option<&Path>, git: Option<&str>) -> (Exit, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = DialectArgs { name: name.to_owned(), path: path.map(Path::to_owned), git: git.map(str::to_owned) };
        let exit = new_dialect(folder, &args, &mut Output { out: &mut out, err: &mut err }).unwrap();
        (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn writes_a_workspace_without_placeholders() {
        let folder = tempfile::tempdir().unwrap();
        let (exit, out, err) = new_in(folder.path(), "green_tea", None, Some("https://git.example.org/hookd.git"));
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
        assert!(out.contains("/change_hook/green_tea -H 'X-Green-Tea-Token: change-me'"), "{out}");
        let mut folders = vec![folder.path().join("green_tea")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                files += 1;
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains("{{") && !text.contains("}}"), "{}: {text}", path.display());
            }
        }
        assert!(files >= 9, "{files}");
        let manifest = fs::read_to_string(folder.path().join("green_tea/Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let git = manifest["workspace"]["dependencies"]["hookd-core"]["git"].as_str();
        assert_eq!(git, Some("https://git.example.org/hookd.git"));
    }

    #[test]
    fn the_hookd_of_a_checkout_is_named_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().canonicalize().unwrap();
        for (name, path) in [("one", None), ("two", Some(root.as_path()))] {
            assert_eq!(new_in(folder.path(), name, path, None).0, Exit::Ok);
            let manifest = fs::read_to_string(folder.path().join(name).join("Cargo.toml")).unwrap();
            let manifest: toml::Table = manifest.parse().unwrap();
            for (package, path) in [("hookd", "hookd"), ("hookd-core", "crates/hookd-core")] {
                let found = manifest["workspace"]["dependencies"][package]["path"].as_str();
                assert_eq!(found, root.join(path).to_str(), "{name}");
            }
        }
    }

    #[test]
    fn says_what_is_wrong_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("there")).unwrap();
        for (name, path, git, exit, expected) in [
            ("Tea", None, None, Exit::Usage, "`Tea` is no name of a dialect: expected a lower-case letter"),
            ("green-tea", None, None, Exit::Usage, "`green-tea` is no name of a dialect"),
            ("", None, None, Exit::Usage, "`` is no name of a dialect"),
            ("../tea", None, None, Exit::Usage, "`../tea` is no name of a dialect"),
            ("github", None, None, Exit::Usage, "this build has a dialect `github` already"),
            ("core", None, None, Exit::Usage, "hookd itself has a crate `hookd-core`"),
            ("tea", Some("gone"), None, Exit::Usage, "`gone` is no checkout of hookd"),
            ("tea", None, Some("a b"), Exit::Usage, "`a b` is no URL of a Git repository"),
            ("there", None, None, Exit::Failure, "exists already"),
        ] {
            let (found, out, err) = new_in(folder.path(), name, path.map(Path::new), git);
            assert_eq!((found, out.as_str()), (exit, ""), "{name}: {err}");
            assert!(err.starts_with("error: ") && err.contains(expected) && err.lines().count() == 1, "{err}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(folder.path().join("there")).unwrap().count(), 0);
    }
}
