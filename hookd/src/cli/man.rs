//! `hookd man`: the manual pages of the command line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

use super::{Exit, Output, command_line};

/// Arguments of `hookd man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The command whose page it is; without it the page of `hookd` itself.
    command: Vec<String>,

    /// Write all pages into this folder, which must exist, instead of printing one.
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    all: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let mut cli = command_line().disable_help_subcommand(true);
    cli.build();
    if let Some(folder) = &args.all {
        return match write_all(&cli, folder) {
            Ok(count) => {
                writeln!(output.out, "{count} pages in {}", folder.display())?;
                Ok(Exit::Ok)
            }
            Err(error) => {
                writeln!(output.err, "error: cannot write into `{}`: {error}", folder.display())?;
                Ok(Exit::Failure)
            }
        };
    }
    let mut command = &cli;
    for name in &args.command {
        let inner: Vec<&Command> = command.get_subcommands().filter(|inner| !inner.is_hide_set()).collect();
        let Some(found) = inner.iter().find(|inner| inner.get_name() == name) else {
            let known: Vec<String> = inner.iter().map(|inner| format!("`{}`", inner.get_name())).collect();
            let possible = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("expected one of {}", known.join(", "))
            };
            writeln!(output.err, "error: `{}` has no command `{name}`, {possible}", title(command))?;
            return Ok(Exit::Usage);
        };
        command = found;
    }
    output.out.write_all(&page(command)?)?;
    Ok(Exit::Ok)
}

/// The name of a command's page: `hookd-store-backup`.
fn title(command: &Command) -> &str {
    command.get_display_name().unwrap_or("hookd")
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

/// Writes the pages of a command and of those in it; returns how many.
fn write_all(command: &Command, folder: &Path) -> io::Result<usize> {
    fs::write(folder.join(format!("{}.1", title(command))), page(command)?)?;
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
    inner.map(|inner| write_all(inner, folder)).try_fold(1, |count, more| Ok(count + more?))
}

#[cfg(test)]
mod tests {
    use crate::cli::Exit;
    use crate::cli::tests::hookd;

    #[test]
    fn prints_the_page_of_each_command() {
        for (args, name) in [
            (&["man"][..], "hookd"),
            (&["man", "serve"], "hookd-serve"),
            (&["man", "store", "backup"], "hookd-store-backup"),
        ] {
            let (exit, out, err) = hookd(args);
            assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
            assert!(out.contains(&format!(".TH {name} 1")), "{out}");
            assert!(out.contains("Exit codes"), "{out}");
        }
        let (exit, _, err) = hookd(&["man", "store", "sell"]);
        assert_eq!(exit, Exit::Usage);
        assert!(
            err.starts_with("error: `hookd-store` has no command `sell`, expected one of `stats`, `check`, "),
            "{err}"
        );
    }

    #[test]
    fn writes_all_pages_into_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (exit, out, err) = hookd(&["man", "--all", folder.path().to_str().unwrap()]);
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
        let pages = std::fs::read_dir(folder.path()).unwrap().count();
        assert!(out.starts_with(&format!("{pages} pages in ")) && pages > 10, "{out}");
        assert!(folder.path().join("hookd-sinks-list.1").exists());
        let (exit, _, err) = hookd(&["man", "--all", "/nonexistent/folder"]);
        assert_eq!(exit, Exit::Failure);
        assert!(err.contains("cannot write into `/nonexistent/folder`"), "{err}");
    }
}
