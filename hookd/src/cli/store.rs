//! `hookd store`: figures, checks, backups of a store, beside a hookd that runs or without one.

use std::io;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use hookd_config::{Config, StoreUrl};
use hookd_store::care::{self, CareError, Checked, Stats};
use jiff::Timestamp;

use super::{Exit, Output, after_help};
use crate::log::chain;

/// What `hookd store` is told.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// Another store than that of the configuration, such as a backup.
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell how much is in the store, and what it takes on disk.
    #[command(after_help = after_help("hookd store stats --json"))]
    Stats {
        /// Print JSON: an object with the figures, sizes in bytes, times in seconds since 1970.
        #[arg(long)]
        json: bool,
    },

    /// Look whether the store is sound, to its last byte. Exit code 1 when something is wrong.
    ///
    /// SQLite's own check; and each accepted delivery has its changes, each request that is kept can be unpacked and
    /// has its checksum, numbers have no gaps, the indexes lead to all of it. Works while hookd runs. Takes as long as
    /// reading the whole file.
    #[command(after_help = after_help("hookd store check --file hookd-backup.db"))]
    Check,

    /// Copy the store into a new file, which is a store by itself. Works while hookd runs.
    ///
    /// The file is complete and on disk when this ends with exit code 0, and not there else. A file that exists is
    /// never overwritten.
    #[command(after_help = after_help("hookd store backup /backup/hookd-monday.db"))]
    Backup {
        /// The new file.
        to: PathBuf,
    },

    /// Give free space back to the disk. Not while hookd runs, which uses that space again by itself.
    ///
    /// Writes the whole store anew, for which there must be room beside it and in the folder for temporary files
    /// (`SQLITE_TMPDIR`). Worth it when `keep_payloads` or `keep_changes` was made much shorter.
    #[command(after_help = after_help("hookd store vacuum"))]
    Vacuum,
}

pub(super) fn run(config: &Path, args: &StoreArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let path = match &args.file {
        Some(file) => file.clone(),
        None => match Config::load_store(config) {
            Ok(store) => {
                let StoreUrl::Sqlite(path) = store.url;
                path
            }
            Err(report) => {
                writeln!(output.err, "{report}")?;
                return Ok(Exit::Wrong);
            }
        },
    };
    match &args.command {
        Command::Stats { json } => told(care::stats(&path), output, |stats, output| {
            if *json {
                serde_json::to_writer_pretty(&mut *output.out, &stats)?;
                writeln!(output.out)?;
            } else {
                tell(&path, &stats, output)?;
            }
            Ok(Exit::Ok)
        }),
        Command::Check => told(care::check(&path), output, |checked, output| judge(&path, &checked, output)),
        Command::Backup { to } => told(care::backup(&path, to), output, |backup, output| {
            writeln!(output.out, "{}: {}", to.display(), size(backup.bytes))?;
            Ok(Exit::Ok)
        }),
        Command::Vacuum => told(care::vacuum(&path), output, |vacuumed, output| {
            writeln!(output.out, "{}: {} before, {} now", path.display(), size(vacuumed.before), size(vacuumed.after))?;
            Ok(Exit::Ok)
        }),
    }
}

/// Tells what was done, or why it was not.
fn told<T>(
    done: Result<T, CareError>,
    output: &mut Output<'_>,
    tell: impl FnOnce(T, &mut Output<'_>) -> io::Result<Exit>,
) -> io::Result<Exit> {
    match done {
        Ok(done) => tell(done, output),
        Err(error) => {
            writeln!(output.err, "error: {}", chain(&error))?;
            Ok(Exit::Failure)
        }
    }
}

fn judge(path: &Path, checked: &Checked, output: &mut Output<'_>) -> io::Result<Exit> {
    let Checked { problems, deliveries, requests } = checked;
    for problem in problems {
        writeln!(output.err, "{}: {problem}", path.display())?;
    }
    if problems.is_empty() {
        writeln!(output.out, "{}: ok, {deliveries} deliveries, {requests} of them with their request", path.display())?;
        return Ok(Exit::Ok);
    }
    writeln!(output.err, "error: the store is not sound: keep a copy of it, and restore a backup")?;
    Ok(Exit::Failure)
}

fn tell(path: &Path, stats: &Stats, output: &mut Output<'_>) -> io::Result<()> {
    let Stats { deliveries, changes, pending, file_bytes, log_bytes, free_bytes, .. } = stats;
    writeln!(output.out, "store       {}", path.display())?;
    writeln!(output.out, "deliveries  {deliveries}, of which {pending} are pending")?;
    writeln!(output.out, "changes     {changes}")?;
    writeln!(output.out, "size        {}, of which {} are free", size(*file_bytes), size(*free_bytes))?;
    writeln!(output.out, "log         {}", size(*log_bytes))?;
    if let Some(bytes) = stats.bytes_per_delivery {
        writeln!(output.out, "a delivery  {}", size(bytes))?;
    }
    for (name, received_at) in [("oldest", stats.oldest_received_at), ("newest", stats.newest_received_at)] {
        if let Some(time) = received_at.and_then(time) {
            writeln!(output.out, "{name}      {time}")?;
        }
    }
    Ok(())
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

#[expect(clippy::cast_possible_truncation, reason = "a fraction of a second is not shown")]
fn time(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_second(seconds as i64).ok()
}
