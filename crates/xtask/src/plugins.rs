//! `cargo xtask plugins`: the workspace of plugins in `plugins-example`, built and tested as one of a third party is.
//!
//! It is built into the target folder of this workspace: what both depend on is compiled once.

use std::fs;
use std::process::Command;

use clap::Args;

use crate::peers::{self, Missing};
use crate::tools;

/// Its folder.
const FOLDER: &str = "plugins-example";

/// Checks and tests the workspace of plugins in `plugins-example`.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask plugins\n  cargo xtask plugins --release")]
pub(crate) struct Options {
    /// Instead, build hookd and my-hookd for release, and test that both have all that their debug builds have.
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    if options.release {
        return test_release();
    }
    tools::run(cargo().args(["fmt", "--all", "--check"]))?;
    tools::run(cargo().args(["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    build()?;
    test(&peers::install_all())
}

/// Builds `my-hookd`, which tests of this workspace run as well: as `target/plugins/my-hookd`, since the tutorial builds another
/// binary of this name into the same target folder.
pub(crate) fn build() -> Result<(), String> {
    tools::run(cargo().args(["build", "--package", "my-hookd", "--bin", "my-hookd"]))?;
    let folder = tools::target().join("plugins");
    let copied = fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(tools::target().join("debug/my-hookd"), folder.join("my-hookd")));
    copied.map(drop).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Runs all tests of the plugins whose peers are there.
pub(crate) fn test(missing: &[Missing]) -> Result<(), String> {
    tools::run_tests(&mut cargo(), &peers::left_out(missing), &[])
}

/// Checks in release builds what their debug builds are checked for: link-time optimisation may drop what nothing refers to.
fn test_release() -> Result<(), String> {
    tools::run(tools::cargo().args(["build", "--release", "--package", "hookd", "--bin", "hookd"]))?;
    let mut tests = tools::cargo();
    tests.args(["test", "--package", "hookd-tests", "--test", "all", "builds::"]);
    tools::run(tests.env("HOOKD_BIN", tools::target().join("release/hookd")))?;
    tools::run(cargo().args(["test", "--release", "--package", "my-hookd"]))
}

/// The cargo that builds the plugins.
fn cargo() -> Command {
    let mut cargo = tools::cargo();
    cargo.current_dir(tools::root().join(FOLDER)).env("CARGO_TARGET_DIR", tools::target());
    cargo.env("HOOKD_PEERS", peers::folder());
    cargo
}
