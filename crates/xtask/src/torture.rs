//! `cargo xtask torture`: kills hookd under load, any number of times.

use clap::Args;

use crate::{peers, tools};

/// The test that it runs; `cargo xtask test` runs it with fewer kills.
const TEST: &str = "torture::acknowledged_webhooks_survive_any_number_of_kills";

/// The tests that it runs with `--sinks`; `cargo xtask test` runs them with fewer changes.
const SINK_TESTS: &str = "sinks::master::a_master_has_each_change_exactly_once";

/// Kills hookd at random under load, restarts it, and checks that nothing that was acknowledged is missing.
///
/// This is the test `torture` of `tests`. It prints its figures: requests, kills, redeliveries, checks.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask torture 50\n  cargo xtask torture 500 --release --seed 42\n  \
    cargo xtask torture --sinks 10000")]
pub(crate) struct Options {
    /// How many times hookd is killed.
    #[arg(default_value_t = 50)]
    rounds: u64,
    /// The seed of all randomness; every run prints its own.
    #[arg(long)]
    seed: Option<u64>,
    /// Instead, deliver this many changes to a real Buildbot master, and kill both of them on the way.
    #[arg(long, value_name = "CHANGES")]
    sinks: Option<u64>,
    /// Use the release build, as shipped.
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let profile = if options.release { "release" } else { "dev" };
    tools::run(tools::cargo().args(["build", "--package", "hookd", "--bin", "hookd", "--profile", profile]))?;
    let folder = if options.release { "release" } else { "debug" };
    let mut cargo = tools::cargo();
    cargo.args(["test", "--package", "hookd-tests", "--test", "all", "--", "--nocapture"]);
    cargo.env("HOOKD_BIN", tools::target().join(folder).join("hookd"));
    match options.sinks {
        Some(changes) => {
            peers::install_named("buildbot")?;
            cargo.args(["--ignored", "--test-threads=1", SINK_TESTS]);
            cargo.env("HOOKD_TORTURE_CHANGES", changes.to_string());
        }
        None => {
            cargo.args(["--exact", TEST]);
            cargo.env("HOOKD_TORTURE_ROUNDS", options.rounds.to_string());
        }
    }
    if let Some(seed) = options.seed {
        cargo.env("HOOKD_TORTURE_SEED", seed.to_string());
    }
    tools::run(&mut cargo)
}
