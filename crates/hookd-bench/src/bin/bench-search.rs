//! Searches a store as the pages and the REST API do, and prints a line for each kind of search: its name, how many
//! milliseconds the fastest, the middle and the slowest of some took, and how many records each found.
//!
//! Run as `bench-search FILE SEARCHES`.

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use hookd_store::{ChangeField, Log as _, Operator, Query, Search, Store as _, StoreError};
use hookd_store_sqlite::SqliteStore;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as a page asks for.
const PAGE_ROWS: usize = 51;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench-search: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [path, searches] = arguments else { return Err("expected FILE SEARCHES".to_owned()) };
    let searches: usize = searches.parse().map_err(|error| format!("`{searches}`: {error}"))?;
    let store = SqliteStore::open(Path::new(path)).map_err(|error| error.to_string())?;
    let total = store.reader().changes(&Query::default().limit(0)).map_err(|error| error.to_string())?.total;
    let middle = i64::try_from(total / 2).unwrap_or(i64::MAX).max(1);
    let change = store.reader().change(middle).map_err(|error| error.to_string())?.ok_or("the store is empty")?.change;
    let branch = change.branch.unwrap_or_default();
    let short: String = change.revision.unwrap_or_default().chars().take(9).collect();
    let words =
        |words: &[&str]| Search { words: words.iter().map(|word| (*word).to_owned()).collect(), ..Search::default() };
    let search = |search: Search| move |store: &SqliteStore| Ok(store.reader().search(&search, PAGE_ROWS)?.len());
    let filter = |field: ChangeField, value: &str| {
        let query = Query::default().filter(field, Operator::Eq, value).limit(1000);
        move |store: &SqliteStore| Ok(store.reader().changes(&query)?.rows.len())
    };
    let missing = Search { repository: Some("nobody/nothing".to_owned()), ..Search::default() };
    measure("nothing", searches, &store, search(words(&["nothing-of-the-kind"])))?;
    measure("nothing-hash", searches, &store, search(words(&["0000000000"])))?;
    // Each is in nearly every delivery.
    measure("nothing-together", searches, &store, search(words(&["github", "push", "nobody-at-all"])))?;
    measure("nothing-repository", searches, &store, search(missing))?;
    measure("nothing-eq", searches, &store, filter(ChangeField::Branch, "nothing-of-the-kind"))?;
    measure("branch", searches, &store, search(words(&[&branch])))?;
    measure("author-and-branch", searches, &store, search(words(&[&change.author, &branch])))?;
    measure("short-hash", searches, &store, search(words(&[&short])))?;
    measure("all", searches, &store, search(words(&["push"])))?;
    store.close();
    Ok(())
}

/// Searches some times, and prints how long that took.
fn measure(
    name: &str,
    searches: usize,
    store: &SqliteStore,
    search: impl Fn(&SqliteStore) -> Result<usize, StoreError>,
) -> Result<(), String> {
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..searches.max(1) {
        let started = Instant::now();
        found = search(store).map_err(|error| format!("{name}: {error}"))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{name} {:.1} {:.1} {:.1} {found}", times[0], times[times.len() / 2], times[times.len() - 1]);
    Ok(())
}
