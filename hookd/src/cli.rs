//! The command line: one file for each command.
//!
//! Data goes to standard output, errors and warnings to standard error. A reader that closes the pipe
//! (`hookd schema | head`) is not a failure.

mod admin;
mod changes;
mod check;
mod completions;
mod deliveries;
mod dialects;
mod docs;
mod man;
mod moment;
mod new;
mod notify;
mod pollers;
mod progress;
mod records;
mod reload;
mod revision;
mod schema;
mod send;
mod serve;
mod sinks;
mod store;
mod terminal;
mod why;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::admin::Asking;
use crate::version::Build;

/// The line on exit codes in every command's help.
const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failure, 2 invalid configuration or usage";

/// Receives webhooks from code forges, verifies them, stores them as Buildbot changes, and delivers these.
#[derive(Debug, Parser)]
#[command(name = "hookd", after_help = after_help("hookd check && hookd serve"))]
#[command(arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A command that reads the configuration.
#[derive(Debug, Args)]
struct Configured<A: Args> {
    /// The configuration file.
    #[arg(short, long, global = true, value_name = "FILE", default_value = "hookd.toml")]
    config: PathBuf,

    #[command(flatten)]
    args: A,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive webhooks until stopped by a signal.
    #[command(after_help = after_help("hookd serve --config /etc/hookd/hookd.toml --log-format json"))]
    Serve(Configured<serve::ServeArgs>),

    /// Check a configuration, and whether `serve` would start with it here.
    ///
    /// Reports everything that is wrong with the file and those it names, and warns of what is valid and can hardly be
    /// meant. If the file is valid, it also looks at what `serve` would open: the store, the addresses, the certificates.
    /// It changes nothing. Run it as the user of hookd, who may read and write what others may not. Beside a running hookd it
    /// looks at neither the store nor the ports that are in use, which are those of that one.
    #[command(after_help = format!(
        "{}\n  (4 with `--replay`: deliveries would be translated differently)",
        after_help("hookd check --config new.toml --replay 7d")
    ))]
    Check(Configured<check::CheckArgs>),

    /// Reload the configuration of a running hookd; an invalid one is rejected as a whole.
    #[command(after_help = after_help("hookd reload --config /etc/hookd/hookd.toml"))]
    Reload(Configured<reload::ReloadArgs>),

    /// Look at the sinks of a running hookd, and have them pause, resume, retry, skip or send changes once more.
    #[command(arg_required_else_help = true, after_help = after_help("hookd sinks list"))]
    Sinks(Configured<Asking<sinks::Command>>),

    /// Look at the pollers of a running hookd, and have them poll now.
    #[command(arg_required_else_help = true, after_help = after_help("hookd pollers list"))]
    Pollers(Configured<Asking<pollers::Command>>),

    /// List, show, follow, export and replay the deliveries of a running hookd.
    #[command(arg_required_else_help = true, after_help = after_help("hookd deliveries list --since 2h"))]
    Deliveries(Configured<Asking<deliveries::Command>>),

    /// List and show the changes of a running hookd.
    #[command(arg_required_else_help = true, after_help = after_help("hookd changes list --branch main"))]
    Changes(Configured<Asking<changes::Command>>),

    /// Show the whole way of a delivery: who sent it, what verified it, its changes, and how each ended at each sink.
    #[command(after_help = after_help("hookd why 72d3162e-cc78-11e3-81ab-4c9367dc0958"))]
    Why(Configured<why::WhyArgs>),

    /// Submit a change to a base dialect, of a hookd or of a Buildbot, as `post_build_request.py` does.
    ///
    /// Uses no configuration file.
    #[command(after_help = send::after_help())]
    Send(send::SendArgs),

    /// Report what was pushed to a repository, as its hook: one request for a push, one change for each revision.
    ///
    /// Uses no configuration file of hookd.
    #[command(arg_required_else_help = true, after_help = after_help("hookd notify git < refs"))]
    Notify(notify::NotifyArgs),

    /// Maintain the store: statistics, check, backup, copies, reclaiming space.
    #[command(arg_required_else_help = true, after_help = after_help("hookd store backup hookd-backup.db"))]
    Store(Configured<store::StoreArgs>),

    /// Start a plugin of one's own.
    #[command(arg_required_else_help = true, after_help = after_help("hookd new dialect tea"))]
    New(new::NewArgs),

    /// List the dialects in this build and their options.
    #[command(after_help = after_help("hookd dialects github"))]
    Dialects(dialects::DialectsArgs),

    /// Print the JSON Schema of `hookd.toml`, for editors.
    #[command(after_help = after_help("hookd schema > hookd.schema.json"))]
    Schema,

    /// Print the completions for a shell.
    #[command(after_help = after_help("hookd completions bash > /etc/bash_completion.d/hookd"))]
    Completions(completions::CompletionsArgs),

    /// Print the manual page of hookd or of one of its commands.
    #[command(after_help = after_help("hookd man store backup | man -l -"))]
    Man(man::ManArgs),

    /// Print the reference of all options in Markdown.
    #[command(hide = true, after_help = after_help("hookd docs > docs/reference.md"))]
    Docs,
}

fn after_help(example: &str) -> String {
    format!("Example:\n  {example}\n\n{EXIT_CODES}")
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It succeeded.
    Ok = 0,
    /// It failed.
    Failure = 1,
    /// The configuration or the command line is invalid.
    Usage = 2,
    /// What was asked for was refused by the other side.
    Refused = 3,
    /// Of `check --replay`: deliveries would be translated differently.
    Differs = 4,
}

impl Exit {
    /// This one, or another where this is success.
    fn or(self, other: Self) -> Self {
        if self == Self::Ok { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Where a command writes.
pub(crate) struct Output<'w> {
    /// Data.
    pub(crate) out: &'w mut dyn Write,
    /// Errors and warnings.
    pub(crate) err: &'w mut dyn Write,
}

/// The whole of `hookd`: parses the command line and runs the command. [`main!`](crate::main) calls it.
pub fn run(build: Build) -> ExitCode {
    build.set();
    let cli = match parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and `--version` end up here, too, and may be piped.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    if let Command::Serve(Configured { config, args }) = &cli.command {
        return crate::serve::run(config, args.log_format, &args.log_level);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut output = Output { out: &mut out, err: &mut io::stderr().lock() };
    let done = run_command(&cli, &mut output).and_then(|exit| out.flush().map(|()| exit));
    match done {
        Ok(exit) => exit.into(),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok.into(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: cannot write the output: {error}");
            Exit::Failure.into()
        }
    }
}

/// The command line, under the name and with the version of the build that runs.
fn command_line() -> clap::Command {
    static VERSIONS: OnceLock<(String, String)> = OnceLock::new();
    let build = Build::current();
    let (short, long) = VERSIONS.get_or_init(|| (build.line(), build.listing()));
    Cli::command().name(build.name).version(short.as_str()).long_version(long.as_str())
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command_line();
    let mut matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Runs a command other than `serve`.
fn run_command(cli: &Cli, output: &mut Output<'_>) -> io::Result<Exit> {
    match &cli.command {
        Command::Check(Configured { config, args }) => check::run(config, args, output),
        Command::Reload(Configured { config, args }) => reload::run(config, args, output),
        Command::Deliveries(Configured { config, args }) => deliveries::run(config, args, output),
        Command::Changes(Configured { config, args }) => changes::run(config, args, output),
        Command::Sinks(Configured { config, args }) => sinks::run(config, args, output),
        Command::Pollers(Configured { config, args }) => pollers::run(config, args, output),
        Command::Why(Configured { config, args }) => why::run(config, args, output),
        Command::Store(Configured { config, args }) => store::run(config, args, output),
        Command::Dialects(args) => dialects::run(args, output),
        Command::Schema => schema::run(output),
        Command::Completions(args) => completions::run(args, output),
        Command::Man(args) => man::run(args, output),
        Command::Send(args) => send::run(args, output),
        Command::Notify(args) => notify::run(args, output),
        Command::New(args) => new::run(args, output),
        Command::Docs => docs::run(output),
        Command::Serve(_) => Ok(Exit::Failure),
    }
}

/// Reports that a command failed.
fn fail(message: &str, output: &mut Output<'_>) -> io::Result<Exit> {
    writeln!(output.err, "error: {message}")?;
    Ok(Exit::Failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::VERSION;

    /// Runs `hookd` with these arguments and returns its exit, its output and its errors.
    pub(super) fn hookd(args: &[&str]) -> (Exit, String, String) {
        let args = ["hookd"].iter().chain(args).map(OsString::from);
        let cli = parse(args).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run_command(&cli, &mut Output { out: &mut out, err: &mut err }).unwrap();
        (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    /// All commands and those in them, with all that they inherit; but not `help`, which clap adds.
    fn commands() -> Vec<clap::Command> {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        let inside = |command: &clap::Command| -> Vec<_> {
            command.get_subcommands().filter(|inner| inner.get_name() != "help").cloned().collect()
        };
        let (mut left, mut commands) = (inside(&cli), Vec::new());
        while let Some(command) = left.pop() {
            left.extend(inside(&command));
            commands.push(command);
        }
        commands
    }

    #[test]
    fn every_command_has_an_example_and_lists_its_exit_codes() {
        for mut command in commands() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example:\n  hookd "), "{help}");
            assert!(help.contains("Exit codes: 0 ok, 1 ") && help.contains(", 2 invalid "), "{help}");
        }
    }

    #[test]
    fn takes_a_configuration_where_it_counts_and_nowhere_else() {
        let without = [
            "completions",
            "dialect",
            "dialects",
            "docs",
            "git",
            "hg",
            "man",
            "new",
            "notify",
            "schema",
            "send",
            "spool",
            "svn",
        ];
        for command in commands() {
            let takes = command.get_arguments().any(|argument| argument.get_id() == "config");
            assert_eq!(takes, !without.contains(&command.get_name()), "{}", command.get_name());
        }
        let config = |args: &[&str]| match parse(args.iter().map(OsString::from)).unwrap().command {
            Command::Check(Configured { config, .. }) => config,
            Command::Store(Configured { config, .. }) => config,
            other => panic!("{other:?}"),
        };
        for args in [
            &["hookd", "check", "--config", "x.toml"][..],
            &["hookd", "check", "-c", "x.toml"],
            &["hookd", "store", "-c", "x.toml", "check"],
            &["hookd", "store", "check", "-cx.toml"],
        ] {
            assert_eq!(config(args), PathBuf::from("x.toml"));
        }
        assert_eq!(config(&["hookd", "check"]), PathBuf::from("hookd.toml"));
        let error = parse(["hookd", "schema", "-c", "x.toml"].map(OsString::from)).unwrap_err();
        assert!(error.to_string().contains("unexpected argument '-c' found"), "{error}");
    }

    #[test]
    fn help_is_a_command_and_an_option() {
        let help = |args: &[&str]| parse(args.iter().map(OsString::from)).unwrap_err().to_string();
        assert_eq!(help(&["hookd", "help"]), help(&["hookd", "--help"]));
        assert_eq!(help(&["hookd", "help", "store", "backup"]), help(&["hookd", "store", "backup", "--help"]));
    }

    #[test]
    fn the_version_names_the_commit() {
        let version = |option: &str| parse(["hookd", option].map(OsString::from)).unwrap_err().to_string();
        assert_eq!(version("-V"), format!("hookd {VERSION}\n"));
        let listing = version("--version");
        assert!(listing.starts_with(&format!("hookd {VERSION}\ndialects: base, bitbucket, ")), "{listing}");
        assert!(VERSION.starts_with(env!("CARGO_PKG_VERSION")), "{VERSION}");
        let commit = VERSION.trim_start_matches(env!("CARGO_PKG_VERSION"));
        assert!(commit.is_empty() || (commit.starts_with(" (") && commit.ends_with(')')), "{VERSION}");
    }

    #[test]
    fn rejects_an_unknown_log_level() {
        for (level, unknown) in
            [("warning", "warning"), ("info,hookd=verbose", "verbose"), ("", ""), ("hookd", "hookd")]
        {
            let error = parse(["hookd", "serve", "--log-level", level].map(OsString::from)).unwrap_err().to_string();
            let message =
                format!("unknown level `{unknown}`, expected one of `off`, `error`, `warn`, `info`, `debug`, `trace`");
            assert!(error.contains(&message), "{error}");
        }
        for level in ["warn", "WARN", "off", "info,hookd=debug", "info,hookd::http=trace"] {
            parse(["hookd", "serve", "--log-level", level].map(OsString::from)).unwrap();
        }
    }

    #[test]
    fn rejects_an_invalid_log_filter() {
        let error = parse(["hookd", "serve", "--log-level", "a=b=c"].map(OsString::from)).unwrap_err();
        assert!(error.use_stderr() && error.to_string().contains("invalid value 'a=b=c' for '--log-level"), "{error}");
    }
}
