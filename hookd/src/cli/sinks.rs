//! `hookd sinks`: the sinks of a running hookd, through its private listener; and `hookd sinks test`, which tries the sinks
//! of a configuration by itself.

mod show;
mod test;

use std::io;
use std::path::Path;

use super::admin::{Admin, Asking};
use super::records::escaped;
use super::terminal;
use super::{Exit, Output, after_help, fail};
use clap::{ArgGroup, Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List all sinks: state, changes that wait, dead letters, error.
    #[command(after_help = after_help("hookd sinks list"))]
    List,

    /// Show one sink: the change that it is at, its dead letters by reason.
    #[command(after_help = after_help("hookd sinks show master"))]
    Show {
        /// The sink.
        name: String,
        /// List the dead letters one by one, the first 1000 of them.
        #[arg(long)]
        dead_letters: bool,
    },

    /// Try a sink of the configuration file. Sends no change, unless `--send` says so.
    ///
    /// Asks the other side whether it works, where it can be asked (a Buildbot with its API), and shows what the filter
    /// does with a change. The file need not be that of the running hookd, which is only asked for the change: so a filter
    /// can be tried before it is used. Exit code 1: the other side does not work, or did not take the change.
    #[command(after_help = after_help("hookd sinks test master --change 17 --config new.toml"))]
    Test(test::TestArgs),

    /// Make the next attempt now, whatever the pause.
    #[command(after_help = after_help("hookd sinks retry master"))]
    Retry {
        /// The sink.
        name: String,
    },

    /// Give up the first change that waits: it becomes a dead letter.
    #[command(after_help = after_help("hookd sinks skip master --change 17"))]
    Skip {
        /// The sink.
        name: String,
        /// Only if it is this change.
        #[arg(long, value_name = "ID")]
        change: Option<i64>,
    },

    /// Send nothing to a sink until it is resumed, also after a restart. Changes wait in the store.
    #[command(after_help = after_help("hookd sinks pause master"))]
    Pause {
        /// The sink.
        name: String,
    },

    /// Send to a paused sink again.
    #[command(after_help = after_help("hookd sinks resume master"))]
    Resume {
        /// The sink.
        name: String,
    },

    /// Delete the place in the log, and the dead letters, of a sink that is no longer configured.
    ///
    /// Until then the changes that it has not had are kept for it, in case it comes back.
    #[command(after_help = after_help("hookd sinks forget old-master"))]
    Forget {
        /// The sink.
        name: String,
    },

    /// Send changes once more: dead letters, or what the filter dropped.
    #[command(after_help = after_help("hookd sinks requeue master --change 17 --change 18"))]
    Requeue(RequeueArgs),
}

/// Arguments of `hookd sinks requeue`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["change", "reason", "all", "filtered"])))]
pub(super) struct RequeueArgs {
    /// The sink.
    name: String,
    /// This change; can be repeated.
    #[arg(long, value_name = "ID")]
    change: Vec<i64>,
    /// All dead letters with exactly this reason.
    #[arg(long)]
    reason: Option<String>,
    /// All dead letters.
    #[arg(long)]
    all: bool,
    /// All changes that the filter dropped, and would not drop now.
    #[arg(long)]
    filtered: bool,
}

pub(super) fn run(config: &Path, args: &Asking<Command>, output: &mut Output<'_>) -> io::Result<Exit> {
    // What to post, for the commands that do something.
    let action = match &args.command {
        Command::Test(test) => return test::run(config, &args.admin, test, args.json, output),
        Command::List | Command::Show { .. } => None,
        Command::Retry { name } => Some(format!("{}/retry", path(name))),
        Command::Pause { name } => Some(format!("{}/pause", path(name))),
        Command::Resume { name } => Some(format!("{}/resume", path(name))),
        Command::Forget { name } => Some(format!("{}/forget", path(name))),
        Command::Skip { name, change: None } => Some(format!("{}/skip", path(name))),
        Command::Skip { name, change: Some(change) } => Some(format!("{}/skip?changeid={change}", path(name))),
        Command::Requeue(requeue) => Some(format!("{}/requeue?{}", path(&requeue.name), requeue.query())),
    };
    let Some(admin) = Admin::reach(config, &args.admin, output)? else { return Ok(Exit::Usage) };
    let asked = match (&args.command, action) {
        (_, Some(action)) => admin.post(&action).and_then(|answer| answer.success()),
        (Command::Show { name, dead_letters }, _) => show::read(&admin, &path(name), *dead_letters),
        _ => admin.get("/api/v2/sinks").and_then(|answer| answer.success()),
    };
    let answer = match asked {
        Ok(answer) => answer,
        Err(message) => return fail(&message, output),
    };
    if args.json {
        terminal::json(&answer, output)?;
        return Ok(Exit::Ok);
    }
    match &args.command {
        Command::List => show::list(&answer, output)?,
        Command::Show { .. } => show::one(&answer, output)?,
        _ => writeln!(output.out, "{}", answer["result"].as_str().unwrap_or_default())?,
    }
    Ok(Exit::Ok)
}

impl RequeueArgs {
    fn query(&self) -> String {
        if let Some(reason) = &self.reason {
            format!("reason={}", escaped(reason))
        } else if self.all {
            "kind=dead".to_owned()
        } else if self.filtered {
            "kind=filtered".to_owned()
        } else {
            let changes: Vec<String> = self.change.iter().map(|change| format!("changeid={change}")).collect();
            changes.join("&")
        }
    }
}

/// The path of a sink in the REST API.
fn path(name: &str) -> String {
    format!("/api/v2/sinks/{}", escaped(name))
}
