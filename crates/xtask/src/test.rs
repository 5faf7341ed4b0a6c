//! `cargo xtask test`: all tests, against real peers.

use std::process::Command;

use clap::Args;

use crate::{fuzz, peers, tools};

/// Installs the peers that tests need, runs all tests of the workspace, and the fuzz targets for a short time.
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
        failures.extend(run_tests(&missing, &options.arguments).err());
        // A selection of tests does not include the examples in the documentation.
        if options.arguments.is_empty() {
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

fn run_tests(missing: &[peers::Missing], arguments: &[String]) -> Result<(), String> {
    let mut cargo = tools::cargo();
    let left_out: Vec<&str> = missing.iter().flat_map(|peer| peer.tests).copied().collect();
    if tools::succeeds("cargo", &["nextest", "--version"]) {
        cargo.args(["nextest", "run", "--workspace", "--run-ignored", "all"]);
        if !left_out.is_empty() {
            let tests: Vec<String> = left_out.iter().map(|test| format!("test(/^{test}/)")).collect();
            cargo.arg("-E").arg(format!("not ({})", tests.join(" | ")));
        }
        cargo.args(arguments);
    } else {
        cargo.args(["test", "--workspace", "--lib", "--bins", "--tests", "--", "--include-ignored"]);
        for test in left_out {
            cargo.args(["--skip", test]);
        }
        cargo.args(arguments);
    }
    tools::run(with_peers(&mut cargo))
}

/// Passes the paths of hookd and of the peers to the tests.
fn with_peers(command: &mut Command) -> &mut Command {
    command.env("HOOKD_BIN", tools::target().join("debug/hookd")).env("HOOKD_PEERS", peers::folder())
}
