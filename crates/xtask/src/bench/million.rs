//! The long run: hookd's memory and the size of its store after a million requests.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::child::Usage;
use super::figures::Goal;
use super::load::Load;
use super::servers::{HOOKD, start_hookd};
use super::{deliveries, fresh};

/// The minimum number of different pushes: the store must not benefit from repetition.
pub(super) const PUSHES: usize = 20_000;

/// How long `wrk` runs at a time, in seconds.
const STEP_SECONDS: u64 = 20;

/// The results of a long run.
pub(super) struct Million {
    requests: u64,
    seconds: f64,
    deliveries: u64,
    /// Before hookd is stopped.
    usage: Usage,
    /// The database and its WAL while hookd runs, in bytes.
    running: (u64, u64),
    /// The same after it has stopped, when everything is in the database.
    stopped: (u64, u64),
    summary: String,
}

pub(super) fn run(folder: &Path, load: &Load, requests: u64) -> Result<Million, String> {
    let folder = fresh(&folder.join("million"))?;
    let server = start_hookd(HOOKD, &folder)?;
    let (mut sent, mut seconds) = (0, 0.0);
    while sent < requests {
        // The last step is as long as the rate so far requires.
        let rate = if sent == 0 { f64::INFINITY } else { sent as f64 / seconds };
        let due = if rate.is_finite() { ((requests - sent) as f64 / rate).ceil() as u64 } else { STEP_SECONDS };
        let measured = load.send(&server, due.clamp(1, STEP_SECONDS))?;
        sent += measured.requests;
        seconds += measured.seconds;
        let resident = mebibytes(server.usage()?.resident);
        eprintln!("  {sent} requests, {:.0} requests/s, {resident:.1} MiB resident", measured.rate());
    }
    let usage = server.usage()?;
    let deliveries = deliveries(&server)?;
    if deliveries < sent {
        return Err(format!("{sent} requests were answered, but {deliveries} deliveries are stored"));
    }
    let sizes = || (size(&folder.join("hookd.db")), size(&folder.join("hookd.db-wal")));
    let running = sizes();
    server.stop()?;
    Ok(Million { requests: sent, seconds, deliveries, usage, running, stopped: sizes(), summary: load.summary.clone() })
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

impl Million {
    fn bytes_per_delivery(&self) -> f64 {
        (self.stopped.0 + self.stopped.1) as f64 / self.deliveries as f64
    }

    pub(super) fn goals(&self) -> [Goal; 2] {
        let (resident, bytes) = (mebibytes(self.usage.resident), self.bytes_per_delivery());
        [
            Goal {
                goal: "resident memory under 40 MiB after a million requests",
                result: format!(
                    "{resident:.1} MiB after {} (at most {:.1})",
                    self.requests,
                    mebibytes(self.usage.peak)
                ),
                is_met: resident < 40.0 && self.requests >= 1_000_000,
            },
            Goal {
                goal: "at most 2 KB of disk for each delivery",
                result: format!("{bytes:.0} bytes"),
                is_met: bytes <= 2000.0,
            },
        ]
    }

    pub(super) fn lines(&self) -> String {
        let rate = self.requests as f64 / self.seconds;
        format!(
            "{} requests ({}), {rate:.0} a second. Resident: {:.1} MiB, at most {:.1} MiB. Store: {:.1} MiB and a WAL of \
             {:.1} MiB while running, {:.1} MiB when stopped, which is {:.0} bytes for each of {} deliveries.\n",
            self.requests,
            self.summary,
            mebibytes(self.usage.resident),
            mebibytes(self.usage.peak),
            mebibytes(self.running.0),
            mebibytes(self.running.1),
            mebibytes(self.stopped.0 + self.stopped.1),
            self.bytes_per_delivery(),
            self.deliveries,
        )
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "seconds": self.seconds,
            "deliveries": self.deliveries,
            "resident_bytes": self.usage.resident,
            "peak_resident_bytes": self.usage.peak,
            "running_database_bytes": self.running.0,
            "running_wal_bytes": self.running.1,
            "stopped_bytes": self.stopped.0 + self.stopped.1,
            "bytes_per_delivery": self.bytes_per_delivery(),
        })
    }
}
