//! `hookd store` for a store in PostgreSQL: statistics and check. For the rest PostgreSQL has programs of its own.

use std::io;

use hookd_config::{Store, StoreUrl};
use hookd_store_postgres::{Reader, Stats};
use serde_json::json;

use super::{Command, digest, size, time};
use crate::cli::{Exit, Output, fail};
use crate::log::chain;
use crate::stores;

pub(super) fn run(store: &Store, command: &Command, output: &mut Output<'_>) -> io::Result<Exit> {
    let StoreUrl::Postgres(url) = &store.url else { return fail("the store is no PostgreSQL database", output) };
    // What the programs of PostgreSQL take, without the password.
    let shown = url.to_string();
    let is_json = match command {
        Command::Stats { json } => *json,
        Command::Check { digest } => return digest::check_database(store, *digest, output),
        Command::Backup { .. } => {
            let instead =
                format!("`pg_dump --schema=hookd --format=custom --file=FILE '{shown}'` copies it while hookd runs");
            return fail(&format!("the store is in PostgreSQL: {instead}"), output);
        }
        // It names its stores itself.
        Command::Copy(_) => return Ok(Exit::Usage),
        Command::Vacuum => {
            let instead = "it reuses free space by itself; `VACUUM FULL` returns it to the disk";
            return fail(&format!("the store is in PostgreSQL: {instead}"), output);
        }
    };
    let stats = match Reader::open(stores::postgres(store, url)) {
        Ok(reader) => reader.stats().map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    };
    match stats {
        Ok(stats) => {
            print(&shown, &stats, is_json, output)?;
            Ok(Exit::Ok)
        }
        Err(message) => fail(&message, output),
    }
}

fn print(shown: &str, stats: &Stats, is_json: bool, output: &mut Output<'_>) -> io::Result<()> {
    let Stats { deliveries, changes, pending, requests, bytes, received } = stats;
    let per_delivery = bytes.checked_div(*deliveries);
    let (oldest, newest) = received.unzip();
    let seconds = |moment: Option<hookd_store::Timestamp>| moment.map(hookd_store::Timestamp::as_seconds_f64);
    if is_json {
        let stats = json!({
            "bytes_per_delivery": per_delivery,
            "changes": changes,
            "deliveries": deliveries,
            "newest_received_at": seconds(newest),
            "oldest_received_at": seconds(oldest),
            "pending": pending,
            "requests": requests,
            "table_bytes": bytes,
        });
        serde_json::to_writer_pretty(&mut *output.out, &stats)?;
        return writeln!(output.out);
    }
    writeln!(output.out, "store       {shown}")?;
    writeln!(output.out, "deliveries  {deliveries}, {pending} of them pending, {requests} with their request")?;
    writeln!(output.out, "changes     {changes}")?;
    writeln!(output.out, "size        {}, tables and indexes", size(*bytes))?;
    if let Some(bytes) = per_delivery {
        writeln!(output.out, "a delivery  {}", size(bytes))?;
    }
    for (name, moment) in [("oldest", oldest), ("newest", newest)] {
        if let Some(moment) = seconds(moment).and_then(time) {
            writeln!(output.out, "{name}      {moment}")?;
        }
    }
    Ok(())
}
