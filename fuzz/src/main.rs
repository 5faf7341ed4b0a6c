//! Runs fuzz targets for a time: `cargo xtask fuzz`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hookd_fuzz::corpus::Folders;
use hookd_fuzz::{Fuzzer, Target, coverage, targets};

/// Runs fuzz targets, which share the time.
#[derive(Parser)]
struct Cli {
    /// For how long, in seconds.
    seconds: u64,
    /// The target; all if it is left out.
    target: Option<String>,
    /// Which inputs are made; every run prints its own.
    #[arg(long)]
    seed: Option<u64>,
    /// The folder for findings and for inputs to start from the next time.
    #[arg(long)]
    output: PathBuf,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(findings) => {
            eprintln!("error: {findings} findings");
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<usize, String> {
    let all = targets::all();
    let names = || all.iter().map(|target| format!("`{}`", target.name())).collect::<Vec<_>>().join(", ");
    let is_wanted = |target: &&dyn Target| cli.target.as_ref().is_none_or(|name| name == target.name());
    let wanted: Vec<&dyn Target> = all.iter().map(|target| &**target).filter(is_wanted).collect();
    if wanted.is_empty() {
        return Err(format!("unknown target, expected one of {}", names()));
    }
    let seed = cli.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}, {} counters of coverage", coverage::size());
    let time = Duration::from_secs(cli.seconds) / u32::try_from(wanted.len()).unwrap_or(u32::MAX);
    let mut findings = Vec::new();
    for target in wanted {
        let fuzzer = Fuzzer::new(target, Folders::new(&cli.output), seed);
        let summary = fuzzer.and_then(|fuzzer| fuzzer.run(time)).map_err(|error| error.to_string())?;
        println!("{summary}");
        findings.extend(summary.findings.iter().map(|finding| (target.name(), finding.clone())));
    }
    for (target, (file, breach)) in &findings {
        println!("\n{target}: {}: {}\n  {}", breach.place, breach.message, file.display());
    }
    Ok(findings.len())
}
