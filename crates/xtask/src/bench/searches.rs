//! Searching a large store, for what is there and for what is not.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::binary;
use super::figures::{Goal, Spread};

/// How often each search is made.
const SEARCHES: u32 = 5;

/// How long a search that finds nothing may take, in milliseconds, and up to how many changes that goes for.
const GOALS: [(u64, f64); 2] = [(1_500_000, 300.0), (15_000_000, 2000.0)];

/// How searches that find nothing are named.
const NOTHING: &str = "nothing";

/// How long searches took.
pub(super) struct Searches {
    changes: u64,
    searches: Vec<Timed>,
}

/// One search, made some times.
struct Timed {
    name: String,
    milliseconds: Spread,
    found: u64,
}

/// Searches a store of about this many changes.
pub(super) fn measure(store: &Path, changes: u64) -> Result<Searches, String> {
    let output = Command::new(binary("bench-search")).arg(store).arg(SEARCHES.to_string()).output();
    let output = output.map_err(|error| format!("bench-search: {error}"))?;
    if !output.status.success() {
        return Err(format!("bench-search failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let searches = text.lines().map(|line| timed(line).ok_or_else(|| format!("bench-search printed {line:?}")));
    Ok(Searches { changes, searches: searches.collect::<Result<_, _>>()? })
}

fn timed(line: &str) -> Option<Timed> {
    let [name, min, median, max, found] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let milliseconds = Spread { min: min.parse().ok()?, median: median.parse().ok()?, max: max.parse().ok()? };
    Some(Timed { name: name.to_owned(), milliseconds, found: found.parse().ok()? })
}

impl Searches {
    /// That a search that finds nothing is quick; none for stores of other sizes.
    pub(super) fn goal(&self) -> Option<Goal> {
        let (_, most) = GOALS.into_iter().find(|(changes, _)| self.changes <= *changes)?;
        let nothing = self.searches.iter().filter(|search| search.name.starts_with(NOTHING));
        let slowest = nothing.map(|search| search.milliseconds.max).fold(0.0, f64::max);
        Some(Goal {
            goal: "a search that finds nothing within 0.3 s at a million changes, 2 s at ten million",
            result: format!("at most {slowest:.0} ms on {} changes", self.changes),
            is_met: slowest <= most,
        })
    }

    pub(super) fn lines(&self) -> String {
        let mut lines = format!(
            "Milliseconds of a search of {} changes:\n\n| search | ms | found |\n|---|---|---|\n",
            self.changes
        );
        for Timed { name, milliseconds, found } in &self.searches {
            lines.push_str(&format!("| `{name}` | {} | {found} |\n", milliseconds.shown(1)));
        }
        lines
    }

    pub(super) fn to_json(&self) -> Value {
        let of = |search: &Timed| {
            let Timed { name, milliseconds, found } = search;
            json!({ "name": name, "milliseconds": milliseconds.to_json(), "found": found })
        };
        json!({ "changes": self.changes, "searches": self.searches.iter().map(of).collect::<Vec<_>>() })
    }
}
