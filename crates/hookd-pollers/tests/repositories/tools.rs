//! Commands of tests, and programs in place of real ones.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Runs a command that must succeed, and returns what it prints.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A program with this script for a shell.
pub(crate) fn script(path: &Path, text: &str) -> PathBuf {
    let new = path.with_extension("new");
    fs::write(&new, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&new, path).unwrap();
    path.to_owned()
}

/// Waits until a condition holds.
pub(crate) async fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process runs.
pub(crate) fn runs(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended.
    !status.is_empty() && !status.contains(") Z ")
}

/// Arguments and environment of all processes, whoever started them.
pub(crate) fn processes() -> Vec<(u32, String)> {
    let folders = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok());
    let pids = folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let read = |pid: u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&arguments).replace('\0', " ")))
    };
    pids.filter_map(read).collect()
}

/// Options with another one.
pub(crate) fn with(options: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut options = options.clone();
    options[name] = value.into();
    options
}

/// A path as text.
pub(crate) fn text(path: impl AsRef<OsStr>) -> String {
    path.as_ref().to_str().unwrap().to_owned()
}
