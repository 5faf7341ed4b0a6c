//! What `cargo xtask test` got into `target/peers`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace")
}

/// Where cargo puts what it builds, and tests what they report.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A file or folder that `cargo xtask test` got.
///
/// # Panics
/// When it is not there.
pub fn peer(path: &str) -> PathBuf {
    let peers = env::var_os("HOOKD_PEERS").map_or_else(|| target().join("peers"), PathBuf::from);
    let path = peers.join(path);
    assert!(path.exists(), "{} is not there; `cargo xtask test` gets it", path.display());
    path
}

/// A JSON file that `cargo xtask test` got.
///
/// # Panics
/// When it is not there, or not JSON.
pub fn json(path: &str) -> Value {
    let path = peer(path);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
