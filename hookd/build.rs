//! Puts the commit into `hookd --version`: that of the environment variable `HOOKD_COMMIT`, for builds of an archive, or else
//! that of the repository. Without both the version stands alone.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=HOOKD_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let version = env!("CARGO_PKG_VERSION");
    let version = match env::var("HOOKD_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(commit) {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=HOOKD_VERSION={version}");
}

/// The commit of the repository that this is in, if it is that of hookd and not one around it.
fn commit() -> Option<String> {
    let root = git(&["rev-parse", "--show-toplevel"])?;
    let is_ours =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.canonicalize().ok()? == Path::new(&root).canonicalize().ok()?;
    if !is_ours {
        return None;
    }
    // It is appended to whenever the commit becomes another one.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=10", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}
