//! `hookd completions`: what a shell needs to complete command lines.

use std::io;

use clap::{Args, ValueEnum};
use clap_complete::generate;

use super::{Exit, Output, command_line};
use crate::version::Build;

/// Arguments of `hookd completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(super) fn run(args: &CompletionsArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    // Into memory first: it panics where it cannot write, such as into a pipe that was closed.
    let mut script = Vec::new();
    generate(shell, &mut command_line(), Build::current().name, &mut script);
    output.out.write_all(&script)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use crate::cli::Exit;
    use crate::cli::tests::hookd;

    #[test]
    fn prints_a_script_for_each_shell() {
        for (shell, beginning) in [("bash", "_hookd() {"), ("zsh", "#compdef hookd"), ("fish", "# Print an optspec")] {
            let (exit, out, err) = hookd(&["completions", shell]);
            assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
            assert!(out.starts_with(beginning) && out.contains("backup"), "{shell}: {out}");
        }
    }
}
