//! A large store: filled once and kept, measured beside an empty one, and used to measure startup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::binary;
use super::child::{Server, until};
use super::figures::{Goal, Spread};
use super::http;
use super::load::Load;
use super::servers::start_hookd_on;
use crate::tools::{root, run, run_quietly};

/// The name of hookd on this store, in the tables.
pub(super) const NAME: &str = "hookd-stored";

/// How old a filled store may be: payloads expire after 14 days, and that work would be measured as well.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const SEED: &str = "20260102";

/// How many times hookd is started for each kind of start.
const STARTS: usize = 5;

/// How long a server is under load before it is killed.
const CRASH_AFTER: Duration = Duration::from_secs(3);

/// Times from hookd's start to the first `ready`, in milliseconds.
pub(super) struct Starts {
    /// How many changes the store was to have.
    pub(super) changes: u64,
    after_crash: f64,
    warm: Spread,
    cold: Spread,
}

/// Fills a store with this many changes. A store from an earlier run is reused; if that was interrupted, it is resumed.
pub(super) fn prepare(folder: &Path, changes: u64) -> Result<PathBuf, String> {
    let store = folder.join(format!("stored-{changes}.db"));
    let stamp = store.with_extension("stamp");
    let failed = |error: std::io::Error| format!("{}: {error}", stamp.display());
    let (begun, full) = (migrations()?, format!("{}-- full\n", migrations()?));
    let is_young = fs::metadata(&stamp)
        .and_then(|file| file.modified())
        .is_ok_and(|begun| SystemTime::now().duration_since(begun).is_ok_and(|age| age < MAX_AGE));
    let found = fs::read_to_string(&stamp).ok().filter(|_| is_young && store.exists());
    if found.as_ref() == Some(&full) {
        return Ok(store);
    }
    if found.as_ref() != Some(&begun) {
        remove(&store)?;
        fs::write(&stamp, begun).map_err(failed)?;
    }
    run(Command::new(binary("bench-fill")).arg(&store).args([&changes.to_string(), SEED]))?;
    fs::write(&stamp, full).map_err(failed)?;
    Ok(store)
}

fn remove(store: &Path) -> Result<(), String> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = store.as_os_str().to_owned();
        file.push(suffix);
        if Path::new(&file).exists() {
            fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    Ok(())
}

/// The whole schema, with the version of the format in it: if it changes, the store is filled again.
fn migrations() -> Result<String, String> {
    let folder = root().join("crates/hookd-store-sqlite/src/migrations");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).map_err(failed)?.flatten().map(|file| file.path()).collect();
    files.sort();
    files.push(root().join("crates/hookd-store-sqlite/src/format/version.rs"));
    files.iter().map(|file| fs::read_to_string(file).map_err(failed)).collect()
}

/// Measures startup: after the crash of a server under load, after a clean stop, and with a cold page cache.
pub(super) fn starts(server: Server, load: &Load, store: &Path, changes: u64) -> Result<Starts, String> {
    let folder = &load.folder;
    let mut wrk = load.begin(&server, CRASH_AFTER.as_secs() + 1)?;
    sleep(CRASH_AFTER);
    server.kill();
    // It ends by itself, and reports nothing but errors.
    wrk.child.wait().map_err(|error| format!("wrk: {error}"))?;
    let after_crash = start(folder, store)?;
    let times = |is_cold: bool| -> Result<Spread, String> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            if is_cold {
                drop_from_cache(store)?;
            }
            times.push(start(folder, store)?);
        }
        Spread::new(times).ok_or_else(|| "no starts".to_owned())
    };
    Ok(Starts { changes, after_crash, warm: times(false)?, cold: times(true)? })
}

/// Starts hookd and stops it cleanly; returns the milliseconds until it was ready.
fn start(folder: &Path, store: &Path) -> Result<f64, String> {
    let started = Instant::now();
    let server = start_hookd_on(NAME, folder, store)?;
    let admin = server.admin.ok_or("hookd has no admin listener")?;
    let ready = until(Duration::from_secs(60), Duration::from_micros(500), || http::get(admin, "/readyz").ok());
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    ready.ok_or("hookd was not ready within a minute")?;
    server.stop()?;
    Ok(milliseconds)
}

/// Drops a file from the page cache, as after a reboot.
fn drop_from_cache(file: &Path) -> Result<(), String> {
    run_quietly(Command::new("sync").arg(file))?;
    run_quietly(Command::new("dd").arg(format!("if={}", file.display())).args([
        "iflag=nocache",
        "count=0",
        "status=none",
    ]))
}

impl Starts {
    pub(super) fn goal(&self) -> Goal {
        let slowest = self.after_crash.max(self.warm.max).max(self.cold.max);
        Goal {
            goal: "ready within 0.2 s of start on a store of ten million changes",
            result: format!("at most {slowest:.0} ms on {} changes", self.changes),
            is_met: slowest <= 200.0 && self.changes >= 10_000_000,
        }
    }

    pub(super) fn lines(&self) -> String {
        format!(
            "Milliseconds from start to ready with {} changes stored: {} after a clean stop, {} with a cold page \
             cache, {:.0} after `kill -9` under load.\n",
            self.changes,
            self.warm.shown(0),
            self.cold.shown(0),
            self.after_crash,
        )
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "changes": self.changes,
            "ready_ms": {
                "after_stop": self.warm.to_json(),
                "cold": self.cold.to_json(),
                "after_kill": self.after_crash,
            },
        })
    }
}
