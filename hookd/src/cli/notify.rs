//! `hookd notify`: what a repository's hook runs.
//!
//! What whoever pushed should see goes to standard error, each line with the name of the command before it.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use super::{Exit, Output};
use crate::notify::{Common, Deadline, Failure, GitArgs, HgArgs, Opened, Report, SvnArgs, Verdict, flush, send};
use crate::submission::{Credentials, Endpoint};

/// What the lines on standard error begin with.
const PREFIX: &str = "hookd notify:";

/// The end of the help of a hook.
fn after_help(example: &str) -> String {
    format!(
        "Example:\n  {example}\n\nExit codes: 0 ok, 1 not sent, 2 invalid usage or settings, 3 refused by the other side.\n\
         Without `--strict` it is 0 whatever happens to the changes, so that no push fails; a wrong command line is 2."
    )
}

/// Arguments of `hookd notify`.
#[derive(Debug, Args)]
#[command(subcommand_required = true)]
pub(super) struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    /// Report a push to a git repository, as its hook `post-receive`, which names the refs on standard input.
    ///
    /// Options are also read from the section `hookd` of the repository's `git config`, by their names without dashes, such
    /// as `hookd.master` and `hookd.baseurl`, and `hookd.passwd`.
    #[command(after_help = after_help("hookd notify git --master http://localhost:8010/change_hook/base --spool spool"))]
    Git(GitArgs),

    /// Report a push to a Mercurial repository, as its hook `changegroup` or `incoming`.
    ///
    /// Options are also read from the sections `hookd` and `hgbuildbot` of the repository's `hgrc`, by their names without
    /// dashes, such as `master` and `baseurl`, and `passwd`.
    #[command(after_help = after_help("hookd notify hg --master http://localhost:8010/change_hook/base --spool spool"))]
    Hg(HgArgs),

    /// Report a commit to a Subversion repository, as its hook `post-commit`.
    #[command(after_help = after_help(
        "hookd notify svn \"$REPOS\" \"$REV\" --master http://localhost:8010/change_hook/base --spool spool"
    ))]
    Svn(SvnArgs),

    /// Send what hooks left in a spool, for `cron`.
    #[command(after_help = "Example:\n  hookd notify spool /var/spool/hookd\n\n\
        Exit codes: 0 ok, 1 not all was sent, 2 invalid usage, 3 some was refused by the other side")]
    Spool(SpoolArgs),
}

/// Arguments of `hookd notify spool`.
#[derive(Debug, Args)]
struct SpoolArgs {
    /// The folder.
    folder: PathBuf,

    /// The user for `change_hook_auth` of every master that something waits for.
    #[arg(long, requires = "password_file")]
    user: Option<String>,

    /// The file with the user's password in its first line; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,

    /// Trust also the certificates in this PEM file.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// How long all of it may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    /// Report success, too.
    #[arg(short, long)]
    verbose: bool,
}

pub(super) fn run(args: &NotifyArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let started = Instant::now();
    match &args.command {
        NotifyCommand::Git(args) => hook(args.common(), |reading| args.open(reading), started, output),
        NotifyCommand::Hg(args) => hook(args.common(), |reading| args.open(reading), started, output),
        NotifyCommand::Svn(args) => hook(args.common(), |reading| args.open(reading), started, output),
        NotifyCommand::Spool(args) => args.run(started, output),
    }
}

fn hook<'a>(
    common: &Common,
    open: impl FnOnce(Deadline) -> Result<Opened<'a>, Failure>,
    started: Instant,
    output: &mut Output<'_>,
) -> io::Result<Exit> {
    let Opened { settings, is_strict, read } = match open(common.reading(started)) {
        Ok(opened) => opened,
        Err(failure) => return failed(&failure, common.is_strict(), output),
    };
    let deadline = Deadline::new(started, settings.timeout);
    if common.flush {
        let Some(spool) = &settings.spool else {
            return failed(&Failure::Invalid("no spool: name one".to_owned()), is_strict, output);
        };
        let connect = |master: &str, time: Duration| settings.endpoint(master, time);
        return reported(&flush(spool, Some(&settings.masters), &connect, deadline), common.verbose, is_strict, output);
    }
    let mut push = match read(&settings, &mut io::stdin().lock()) {
        Ok(push) => push,
        Err(failure) => return failed(&failure, is_strict, output),
    };
    if common.dry_run {
        let body = push.body();
        writeln!(output.out, "{body}")?;
        return Ok(Exit::Ok);
    }
    let report = send(&settings, &mut push, deadline);
    for note in &push.notes {
        writeln!(output.err, "{PREFIX} {note}")?;
    }
    if common.verbose && push.changes.is_empty() {
        writeln!(output.err, "{PREFIX} no change")?;
    }
    reported(&report, common.verbose, is_strict, output)
}

fn failed(failure: &Failure, is_strict: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    writeln!(output.err, "{PREFIX} not sent: {failure}")?;
    Ok(match failure {
        _ if !is_strict => Exit::Ok,
        Failure::Invalid(_) => Exit::Usage,
        Failure::Unread(_) => Exit::Failure,
    })
}

fn reported(report: &Report, is_verbose: bool, is_strict: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    for line in report.sent.iter().filter(|_| is_verbose).chain(&report.problems) {
        writeln!(output.err, "{PREFIX} {line}")?;
    }
    Ok(match report.verdict {
        _ if !is_strict => Exit::Ok,
        Verdict::Sent => Exit::Ok,
        Verdict::Unsent => Exit::Failure,
        Verdict::Refused => Exit::Refused,
    })
}

impl SpoolArgs {
    fn run(&self, started: Instant, output: &mut Output<'_>) -> io::Result<Exit> {
        let credentials = match (&self.user, &self.password_file) {
            (Some(user), Some(file)) => Credentials::read(user, file).map(Some),
            _ => Ok(None),
        };
        let credentials = match credentials {
            Ok(credentials) => credentials,
            Err(message) => {
                writeln!(output.err, "{PREFIX} {message}")?;
                return Ok(Exit::Usage);
            }
        };
        if !self.folder.is_dir() {
            writeln!(output.err, "{PREFIX} {}: no such folder", self.folder.display())?;
            return Ok(Exit::Usage);
        }
        let connect = |master: &str, time: Duration| {
            let mut endpoint = Endpoint::new(master, time).map_err(Failure::Invalid)?;
            if let Some(credentials) = &credentials {
                endpoint = endpoint.with_credentials(credentials.clone());
            }
            match &self.ca {
                Some(ca) => endpoint.trusting(ca).map_err(Failure::Invalid),
                None => Ok(endpoint),
            }
        };
        let deadline = Deadline::new(started, Duration::from_secs(self.timeout));
        reported(&flush(&self.folder, None, &connect, deadline), self.verbose, true, output)
    }
}
