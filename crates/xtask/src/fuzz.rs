//! `cargo xtask fuzz`: runs the fuzz targets for a time.

use clap::Args;

use crate::tools;

/// What makes `rustc` count which code an input reaches. All of it is stable.
const COVERAGE: [&str; 3] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=3",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
];

/// For how long `cargo xtask test` runs all targets together, in seconds.
pub(crate) const SHORT_SECONDS: u64 = 20;

/// The seed of the short run: the same inputs each time, so that it fails by what was changed and not by luck.
const SHORT_SEED: u64 = 1;

/// Runs the fuzz targets, which share the time: any input breaks no law.
///
/// Prints for each target: inputs, inputs a second, the slowest, memory, findings with the file of their input. Findings and
/// new inputs are in `target/fuzz`. When one is fixed, move its file to `fuzz/regressions/TARGET`.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask fuzz 3600\n  cargo xtask fuzz 60 github --seed 7")]
pub(crate) struct Options {
    /// For how long, in seconds.
    seconds: u64,
    /// The target, which is a dialect, `arguments`, `pattern`, `json`, `head` or `config`; all if it is left out.
    target: Option<String>,
    /// The seed of all randomness; every run prints its own.
    #[arg(long)]
    seed: Option<u64>,
    /// Use the build of the tests, which does not count what code is reached: slower, but there is nothing to compile.
    #[arg(long)]
    plain: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = tools::cargo();
    cargo.args(["run", "--quiet", "--package", "hookd-fuzz"]);
    if !options.plain {
        // With a target named, flags are not for build scripts, which could not be linked with them.
        cargo.args(["--profile", "fuzz", "--target", &host()?]).env("RUSTFLAGS", COVERAGE.join(" "));
    }
    cargo.arg("--").arg(options.seconds.to_string()).args(&options.target);
    cargo.arg("--output").arg(tools::target().join("fuzz"));
    if let Some(seed) = options.seed {
        cargo.args(["--seed", &seed.to_string()]);
    }
    tools::run(&mut cargo)
}

/// The short run of all targets, with the build of the tests.
pub(crate) fn run_short() -> Result<(), String> {
    run(&Options { seconds: SHORT_SECONDS, target: None, seed: Some(SHORT_SEED), plain: true })
}

/// The target triple of this machine, as the compiler names it.
fn host() -> Result<String, String> {
    let line = tools::first_line("rustc", &["--print", "host-tuple"]);
    if line.is_empty() { Err("`rustc --print host-tuple` prints nothing".to_owned()) } else { Ok(line) }
}
