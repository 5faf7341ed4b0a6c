//! Reading a large store onward, from its first change to its last, as a sink does that begins anew.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::binary;
use super::figures::{Goal, Spread};

/// How many changes each read asks for.
const BATCH_CHANGES: u32 = 500;

/// How often the store is read.
const READS: usize = 5;

/// The rate that is asked for.
const MIN_CHANGES_PER_SECOND: f64 = 500_000.0;

/// How quickly a store was read onward.
pub(super) struct Onward {
    changes: u64,
    changes_per_second: Spread,
}

/// Reads all of a store, again and again.
pub(super) fn measure(store: &Path) -> Result<Onward, String> {
    let (mut changes, mut rates) = (0, Vec::new());
    for _ in 0..READS {
        let output = Command::new(binary("bench-read")).arg(store).arg(BATCH_CHANGES.to_string()).output();
        let output = output.map_err(|error| format!("bench-read: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures = text.trim().split_once(' ').and_then(|(count, seconds)| {
            Some((count.parse::<u64>().ok()?, seconds.parse::<f64>().ok().filter(|seconds| *seconds > 0.0)?))
        });
        let Some((count, seconds)) = figures.filter(|_| output.status.success()) else {
            return Err(format!("bench-read failed: {}", String::from_utf8_lossy(&output.stderr)));
        };
        changes = count;
        rates.push(count as f64 / seconds);
        eprintln!("read {count} changes onward in {seconds:.2} s");
    }
    let changes_per_second = Spread::new(rates).ok_or("the store was not read")?;
    Ok(Onward { changes, changes_per_second })
}

impl Onward {
    pub(super) fn goal(&self) -> Goal {
        Goal {
            goal: "reading onward above 500,000 changes a second",
            result: format!("{} over {} changes", self.changes_per_second.shown(0), self.changes),
            is_met: self.changes_per_second.median >= MIN_CHANGES_PER_SECOND,
        }
    }

    pub(super) fn lines(&self) -> String {
        format!(
            "Changes a second, reading {} changes onward with {BATCH_CHANGES} a read: {}.\n",
            self.changes,
            self.changes_per_second.shown(0),
        )
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "changes": self.changes,
            "changes_per_read": BATCH_CHANGES,
            "changes_per_second": self.changes_per_second.to_json(),
        })
    }
}
