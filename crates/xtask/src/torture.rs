//! `cargo xtask torture`: kills hookd under load, as often as one asks for.

use clap::Args;

use crate::tools;

/// The test that it runs; `cargo xtask test` runs it with fewer kills.
const TEST: &str = "torture::what_was_acknowledged_outlives_any_number_of_kills";

/// Kills hookd at random under load, starts it again, and looks whether anything that was acknowledged is missing.
///
/// It is the test `torture` of `tests`. Its figures are printed: requests, kills, what was sent again, what was checked.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask torture 50\n  cargo xtask torture 500 --release --seed 42")]
pub(crate) struct Options {
    /// How often hookd is killed.
    #[arg(default_value_t = 50)]
    rounds: u64,
    /// What is random comes from this number; a run that fails prints its own.
    #[arg(long)]
    seed: Option<u64>,
    /// Torture hookd as it is shipped, not as it is tested.
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let profile = if options.release { "release" } else { "dev" };
    tools::run(tools::cargo().args(["build", "--package", "hookd", "--bin", "hookd", "--profile", profile]))?;
    let folder = if options.release { "release" } else { "debug" };
    let mut cargo = tools::cargo();
    cargo.args(["test", "--package", "hookd-tests", "--test", "all", "--", "--exact", "--nocapture", TEST]);
    cargo.env("HOOKD_BIN", tools::target().join(folder).join("hookd"));
    cargo.env("HOOKD_TORTURE_ROUNDS", options.rounds.to_string());
    if let Some(seed) = options.seed {
        cargo.env("HOOKD_TORTURE_SEED", seed.to_string());
    }
    tools::run(&mut cargo)
}
