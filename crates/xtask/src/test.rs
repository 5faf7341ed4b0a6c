//! `cargo xtask test`: all tests, against real peers.

use std::process::Command;

use clap::Args;

use crate::{fuzz, peers, plugins, tools};

/// Installs the peers that tests need, runs all tests of the workspace and of the plugins, and the fuzz targets for a short
/// time.
///
/// Peers (Buildbot from PyPI, payloads from npm and PyPI, Debian programs) go to `target/peers` and are kept there.
/// Plain `cargo test --workspace` needs no peers, and skips the tests that do.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test -- -E 'test(conformance)' --no-capture")]
pub(crate) struct Options {
    /// Succeed even if a peer is missing and its tests were left out.
    #[arg(long)]
    allow_missing: bool,
    /// Install the peers, and run no tests.
    #[arg(long)]
    only_peers: bool,
    /// Arguments for `cargo nextest run`, or for the test binaries if nextest is not installed.
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let missing = peers::install_all();
    let mut failures = Vec::new();
    if !options.only_peers {
        tools::run(tools::cargo().args(["build", "--package", "hookd", "--bin", "hookd"]))?;
        plugins::build()?;
        let tests = &mut tools::cargo();
        failures.extend(tools::run_tests(with_peers(tests), &peers::left_out(&missing), &options.arguments).err());
        // A selection of tests includes neither those of the plugins nor the examples in the documentation.
        if options.arguments.is_empty() {
            failures.extend(plugins::test(&missing).err());
            failures.extend(tools::run(tools::cargo().args(["test", "--workspace", "--doc"])).err());
            failures.extend(fuzz::run_short().err());
        }
    }
    for peer in &missing {
        eprintln!("missing: {peer}");
    }
    if !missing.is_empty() && !options.allow_missing {
        failures.push("peers are missing (--allow-missing ignores that)".to_owned());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\nerror: ")) }
}

/// Passes the paths of hookd and of the peers to the tests.
fn with_peers(command: &mut Command) -> &mut Command {
    command.env("HOOKD_BIN", tools::target().join("debug/hookd")).env("HOOKD_PEERS", peers::folder())
}
