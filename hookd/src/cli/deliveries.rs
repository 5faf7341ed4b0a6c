//! `hookd deliveries`: the deliveries of a running hookd, through its private listener.

mod became;
mod export;
mod replay;
mod secrets;
mod selection;
mod show;
mod tail;

use std::io;
use std::path::Path;

use clap::Subcommand;

use super::admin::{Admin, Asking};
use super::{Exit, Output, after_help, fail};
pub(super) use replay::print_preview;
use selection::SelectionArgs;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List deliveries, newest first.
    #[command(after_help = after_help("hookd deliveries list --dialect github --state refused --since 2h"))]
    List {
        #[command(flatten)]
        selection: SelectionArgs,
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },

    /// Show everything about one delivery but its body.
    #[command(after_help = after_help("hookd deliveries show 17"))]
    Show {
        /// Its number.
        #[arg(value_name = "ID")]
        id: i64,
    },

    /// Print deliveries as they come, until it is interrupted; also while hookd is restarted.
    ///
    /// A delivery that waits for a forge's API is printed again when that has answered. With `--json`, each is an object on a
    /// line of its own.
    #[command(after_help = after_help("hookd deliveries tail --dialect github"))]
    Tail {
        #[command(flatten)]
        selection: SelectionArgs,
        /// How many earlier ones are printed first.
        #[arg(long, value_name = "N", default_value_t = 10)]
        limit: usize,
    },

    /// Print the request of a delivery as a fixture for tests, or as a command. Secrets are removed.
    ///
    /// The fixture is JSON with method, path, query, headers and body, and the changes that it became; `hookd_testkit` reads
    /// it. Signatures, tokens
    /// and passwords in headers are never stored; what looks like one in the query or in the body is replaced by `REMOVED`,
    /// and named in `removed`. If a body was changed by that, its signature would no longer be valid.
    #[command(after_help = after_help("hookd deliveries export 17 > push.json"))]
    Export(export::ExportArgs),

    /// Translate stored deliveries anew under the present configuration, and submit the changes as new ones.
    ///
    /// The new deliveries say which ones they replay (`replay_of`), and so do their changes (the property
    /// `hookd_replay_of`). Deliveries are named by their numbers, or chosen by conditions; replays themselves are left out
    /// then, and so are those of polls, which have no request. Who sent a request is not verified again. With `--json`, each is
    /// an object on a line of its own. Exit code 1: some were not replayed.
    #[command(after_help = after_help("hookd deliveries replay --dialect github --state ignored --since 2h --dry-run"))]
    Replay(replay::ReplayArgs),
}

pub(super) fn run(config: &Path, args: &Asking<Command>, output: &mut Output<'_>) -> io::Result<Exit> {
    let Some(admin) = Admin::reach(config, &args.admin, output)? else { return Ok(Exit::Usage) };
    match &args.command {
        Command::List { selection, limit } => match selection.newest(&admin, *limit) {
            Ok(deliveries) => show::list(&deliveries, args.json, output),
            Err(message) => fail(&message, output),
        },
        Command::Show { id } => match show::read(&admin, *id) {
            Ok(delivery) => show::one(&delivery, args.json, output),
            Err(message) => fail(&message, output),
        },
        Command::Tail { selection, limit } => tail::run(&admin, selection, *limit, args.json, output),
        Command::Export(export) => export::run(&admin, export, output),
        Command::Replay(replay) => replay::run(&admin, replay, args.json, output),
    }
}
