//! `hookd store`: statistics, check, backup and vacuum of a store, and copies into another one. Statistics, check and backup work while hookd runs.
//! What takes long shows its progress on a terminal, and can be interrupted.

mod copy;
mod digest;
mod postgres;

use std::io;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use hookd_config::{Config, Store, StoreUrl};
use hookd_store_sqlite::maintenance::{self, Checked, MaintenanceError, Stats};
use jiff::Timestamp;

use super::{Exit, Output, after_help, progress};
use crate::log::chain;

/// Arguments of `hookd store`.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// Use this store instead of the configured one, such as a backup.
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how much is in the store, and its size on disk. For a store in PostgreSQL as well.
    #[command(after_help = after_help("hookd store stats --json"))]
    Stats {
        /// Print a JSON object: sizes in bytes, times in seconds since 1970.
        #[arg(long)]
        json: bool,
    },

    /// Verify the integrity of the whole store. Exit code 1 if there is a problem.
    ///
    /// Verifies that each accepted delivery has its changes, that each stored request decompresses, that numbers have no
    /// gaps, and that cursors and pending deliveries agree with them. In SQLite also runs its own check, and verifies the
    /// checksums and that the indexes are complete; in PostgreSQL also verifies that each delivery would be recognised when
    /// it is sent again (`pg_amcheck` checks tables and indexes). Works while hookd runs. Takes as long as reading the whole
    /// store.
    #[command(after_help = after_help("hookd store check --file hookd-backup.db"))]
    Check {
        /// Print how many records of each kind there are, with a hash over them: the same in a copy, whatever its engine.
        #[arg(long)]
        digest: bool,
    },

    /// Copy everything into an empty store, such as from SQLite to PostgreSQL or back. Not while hookd runs.
    ///
    /// Deliveries, requests, changes, cursors, settlements and positions of pollers keep their numbers and ids, so that a
    /// redelivery is recognised, and sinks and pollers go on where they were. At the end both stores are read and compared.
    /// If it is interrupted, the same command continues; until it has ended with exit code 0, no hookd opens the copy.
    #[command(after_help = after_help("hookd store copy --from sqlite:hookd.db --to postgresql://hookd@db.example.org/hookd"))]
    Copy(copy::CopyArgs),

    /// Copy the store into a new file, which is itself a store. Works while hookd runs.
    ///
    /// The file is complete and on disk if the exit code is 0; otherwise it does not exist. Existing files are never
    /// overwritten. For a store in PostgreSQL: `pg_dump`, or `hookd store copy`.
    #[command(after_help = after_help("hookd store backup /backup/hookd-monday.db"))]
    Backup {
        /// The new file.
        to: PathBuf,
    },

    /// Return free space to the disk. Not while hookd runs, which reuses that space by itself.
    ///
    /// Rewrites the whole store, and needs room for that beside it and in the folder for temporary files
    /// (`SQLITE_TMPDIR`). Worthwhile after making `keep_payloads` or `keep_changes` much shorter.
    #[command(after_help = after_help("hookd store vacuum"))]
    Vacuum,
}

pub(super) fn run(config: &Path, args: &StoreArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    if let Command::Copy(copy) = &args.command {
        if args.file.is_some() {
            writeln!(output.err, "error: `--file` names one store, and `copy` needs two: `--from` and `--to`")?;
            return Ok(Exit::Usage);
        }
        return copy::run(config, copy, output);
    }
    let path = match &args.file {
        Some(file) => file.clone(),
        None => match Config::load_store(config) {
            Ok(Store { url: StoreUrl::Sqlite(path), .. }) => path,
            Ok(store) => return postgres::run(&store, &args.command, output),
            Err(report) => {
                writeln!(output.err, "{report}")?;
                return Ok(Exit::Usage);
            }
        },
    };
    match &args.command {
        Command::Stats { json } => report(maintenance::stats(&path), output, |stats, output| {
            if *json {
                serde_json::to_writer_pretty(&mut *output.out, &stats)?;
                writeln!(output.out)?;
            } else {
                print_stats(&path, &stats, output)?;
            }
            Ok(Exit::Ok)
        }),
        Command::Check { digest } => {
            let checked = report(maintenance::check_watched(&path, &progress::watch()), output, |checked, output| {
                print_check(&path, &checked, output)
            })?;
            match checked {
                Exit::Ok if *digest => digest::of_file(&path, output),
                exit => Ok(exit),
            }
        }
        // It was run above.
        Command::Copy(_) => Ok(Exit::Usage),
        Command::Backup { to } => {
            report(maintenance::backup_watched(&path, to, &progress::watch()), output, |backup, output| {
                writeln!(output.out, "{}: {}", to.display(), size(backup.bytes))?;
                Ok(Exit::Ok)
            })
        }
        Command::Vacuum => {
            report(maintenance::vacuum_watched(&path, &progress::watch()), output, |vacuumed, output| {
                writeln!(
                    output.out,
                    "{}: {} before, {} now",
                    path.display(),
                    size(vacuumed.before),
                    size(vacuumed.after)
                )?;
                Ok(Exit::Ok)
            })
        }
    }
}

/// Prints the result of a command, or why it failed.
fn report<T>(
    done: Result<T, MaintenanceError>,
    output: &mut Output<'_>,
    print: impl FnOnce(T, &mut Output<'_>) -> io::Result<Exit>,
) -> io::Result<Exit> {
    match done {
        Ok(done) => print(done, output),
        Err(error) => {
            writeln!(output.err, "error: {}", chain(&error))?;
            Ok(Exit::Failure)
        }
    }
}

fn print_check(path: &Path, checked: &Checked, output: &mut Output<'_>) -> io::Result<Exit> {
    let Checked { problems, deliveries, requests } = checked;
    for problem in problems {
        writeln!(output.err, "{}: {problem}", path.display())?;
    }
    if problems.is_empty() {
        writeln!(output.out, "{}: ok, {deliveries} deliveries, {requests} of them with their request", path.display())?;
        return Ok(Exit::Ok);
    }
    writeln!(output.err, "error: the store is damaged: keep a copy of it, and restore a backup")?;
    Ok(Exit::Failure)
}

fn print_stats(path: &Path, stats: &Stats, output: &mut Output<'_>) -> io::Result<()> {
    let Stats { deliveries, changes, pending, file_bytes, wal_bytes, free_bytes, .. } = stats;
    writeln!(output.out, "store       {}", path.display())?;
    writeln!(output.out, "deliveries  {deliveries}, {pending} of them pending")?;
    writeln!(output.out, "changes     {changes}")?;
    writeln!(output.out, "size        {}, {} of it free", size(*file_bytes), size(*free_bytes))?;
    writeln!(output.out, "WAL         {}", size(*wal_bytes))?;
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

#[expect(clippy::cast_possible_truncation, reason = "fractions of a second are not shown")]
fn time(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_second(seconds as i64).ok()
}
