//! The machine and revision of a run: figures mean little without them.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::tools::first_line;

/// How many cores this process may use.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Everything about the machine and the sources that readers of the figures need.
pub(super) fn describe() -> Value {
    let is_changed = !first_line("git", &["status", "--porcelain"]).is_empty();
    let revision = match first_line("git", &["rev-parse", "HEAD"]) {
        none if none.is_empty() => "unknown".to_owned(),
        revision if is_changed => format!("{revision} and changes"),
        revision => revision,
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "revision": revision,
        "date": first_line("date", &["--iso-8601=seconds"]),
        "cores": cores(),
        "processor": processor.map_or("unknown", |(_, name)| name.trim()),
        "kernel": first_line("uname", &["--kernel-release"]),
        "compiler": first_line("rustc", &["--version"]),
        "wrk": first_line("wrk", &["--version"]),
        "load_before": load.split(' ').next().unwrap_or_default(),
    })
}
