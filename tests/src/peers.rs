//! The peers that `cargo xtask test` installed in `target/peers`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace")
}

/// Cargo's target folder, which also takes the tests' reports.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A file or folder that `cargo xtask test` installed.
///
/// # Panics
/// When it does not exist.
pub fn peer(path: &str) -> PathBuf {
    let peers = env::var_os("HOOKD_PEERS").map_or_else(|| target().join("peers"), PathBuf::from);
    let path = peers.join(path);
    assert!(path.exists(), "{} is not there; `cargo xtask test` gets it", path.display());
    path
}

/// A JSON file that `cargo xtask test` installed.
///
/// # Panics
/// When it does not exist, or not JSON.
pub fn json(path: &str) -> Value {
    let path = peer(path);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
