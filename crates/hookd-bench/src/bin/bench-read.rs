//! Reads all changes of a store onward, as a sink does, and prints how many there were and how many seconds it took.
//!
//! Run as `bench-read FILE BATCH`, where each read asks for so many changes.

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use hookd_store::Log as _;
use hookd_store_sqlite::SqliteStore;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench-read: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [path, batch] = arguments else { return Err("expected FILE BATCH".to_owned()) };
    let batch: usize = batch.parse().map_err(|error| format!("`{batch}`: {error}"))?;
    let store = SqliteStore::open(Path::new(path)).map_err(|error| error.to_string())?;
    let newest = *store.tail().borrow();
    let (started, mut after, mut count) = (Instant::now(), 0, 0_u64);
    while after < newest {
        let changes = store.read_on(after, batch).map_err(|error| error.to_string())?;
        let last = changes.last().ok_or("the log ends before its tail")?;
        // Numbers have no gaps, so that a change that is left out shows.
        if count > 0 && last.changeid != after + changes.len() as i64 {
            return Err(format!("changes between {after} and {} are missing", last.changeid));
        }
        (after, count) = (last.changeid, count + changes.len() as u64);
    }
    println!("{count} {:.6}", started.elapsed().as_secs_f64());
    store.close();
    Ok(())
}
