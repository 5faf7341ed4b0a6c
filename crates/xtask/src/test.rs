//! `cargo xtask test`: every test there is, against real peers.

use std::process::Command;

use clap::Args;

use crate::{peers, tools};

/// Gets the peers that tests need, and runs all tests of the workspace.
///
/// Peers (Buildbot from PyPI, payloads from npm and PyPI, Debian programs) go to `target/peers` and are kept there.
/// Tests need no peers with plain `cargo test --workspace`, which leaves those that do out.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test -- -E 'test(conformance)' --no-capture")]
pub(crate) struct Options {
    /// Succeed although a peer could not be had, and tests were left out for it.
    #[arg(long)]
    allow_missing: bool,
    /// Get the peers, and run no test.
    #[arg(long)]
    only_peers: bool,
    /// Arguments for `cargo nextest run`; where that is missing, for the test binaries.
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let missing = peers::get_all();
    let mut failures = Vec::new();
    if !options.only_peers {
        tools::run(tools::cargo().args(["build", "--package", "hookd", "--bin", "hookd"]))?;
        failures.extend(run_tests(&missing, &options.arguments).err());
        // A choice of tests is not about examples in the documentation.
        if options.arguments.is_empty() {
            failures.extend(tools::run(tools::cargo().args(["test", "--workspace", "--doc"])).err());
        }
    }
    for peer in &missing {
        eprintln!("missing: {peer}");
    }
    if !missing.is_empty() && !options.allow_missing {
        failures.push("not every peer could be had (--allow-missing lets that pass)".to_owned());
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

/// Tells the tests where what they test and its peers are.
fn with_peers(command: &mut Command) -> &mut Command {
    command.env("HOOKD_BIN", tools::target().join("debug/hookd")).env("HOOKD_PEERS", peers::folder())
}
