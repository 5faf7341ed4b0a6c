//! `cargo xtask bench`: compares hookd with its peers, in one run and as ratios.
//!
//! Every server gets the same requests; each request has its own delivery id; rounds alternate between the servers; any
//! unsuccessful answer makes the run fail; every server is a child process that ends with the run.

mod child;
mod delivery;
mod figures;
mod http;
mod layout;
mod load;
mod machine;
mod million;
mod onward;
mod postgres;
mod report;
mod searches;
mod servers;
mod stored;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::{peers, tools};
use child::{Server, Usage};
use figures::{Figures, Round, rate};
pub(crate) use layout::{LayoutOptions, layout};
use load::{Load, Measured};
use report::Report;
use servers::{BASELINE, HOOKD, KINDS, Kind, SINKS, STEPS};

/// The secret of all servers.
const SECRET: &str = "It's a Secret to Everybody";

/// Compares hookd with a floor, Buildbot and other webhook receivers.
///
/// Every server gets the same GitHub pushes from `wrk`, on the same two cores; rounds alternate between them. The
/// report is printed, and written to `target/bench.md` and `target/bench.json`.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --only floor,hookd --rounds 9\n  \
    cargo xtask bench --only floor,hookd --steps\n  \
    cargo xtask bench --only hookd --rounds 0 --delivery\n  \
    cargo xtask bench --only hookd --rounds 0 --million\n  cargo xtask bench --only floor --stored 10000000\n  \
    cargo xtask bench --only hookd --postgres --postgres-stored 10000000\n  \
    cargo xtask bench --only floor,hookd --sinks --baseline ../before/target/release/hookd")]
pub(crate) struct Options {
    /// Seconds for which each server is measured in each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Number of rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Number of concurrent connections.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Servers to measure: `floor`, `hookd`, `buildbot`, `webhook`, `octokit`; all by default.
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = names())]
    only: Vec<String>,
    /// Also measure the steps between the floor and hookd: the floor plus work that hookd cannot do without, one step
    /// at a time.
    #[arg(long)]
    steps: bool,
    /// Also measure hookd with sinks: one that keeps up, and one that is down.
    #[arg(long)]
    sinks: bool,
    /// Also measure delivery: changes a second through `webhook` and `buildbot`, and the time until a change arrives.
    #[arg(long)]
    delivery: bool,
    /// Also measure hookd with its store in PostgreSQL, alone and two of them, and Buildbot with its database there.
    #[arg(long)]
    postgres: bool,
    /// Also measure look-ups in PostgreSQL among this many changes.
    #[arg(long, value_name = "CHANGES")]
    postgres_stored: Option<u64>,
    /// Also measure another build of hookd in the same rounds, such as one of an earlier commit: its binary.
    #[arg(long, value_name = "PATH")]
    baseline: Option<PathBuf>,
    /// Number of different pushes, which are sent in turn.
    #[arg(long, default_value_t = 500)]
    payloads: usize,
    /// Also send hookd a million requests, of at least 20,000 different pushes, and measure its memory and disk.
    #[arg(long, value_name = "REQUESTS", num_args = 0..=1, default_missing_value = "1000000")]
    million: Option<u64>,
    /// Also measure hookd on a store of this many changes, beside an empty one, and its startup time there. The store
    /// is filled once and kept in `target/bench`.
    #[arg(long, value_name = "CHANGES")]
    stored: Option<u64>,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let kinds = chosen(options);
    install_peers(&kinds)?;
    let build = ["build", "--release", "--package", "hookd", "--bin", "hookd", "--package", "hookd-bench", "--bins"];
    tools::run(tools::cargo().args(build))?;

    let folder = tools::target().join("bench");
    let _lock = locked(&folder)?;
    let place = fresh(&folder.join("run"))?;
    let mut report = Report {
        machine: machine::describe(),
        settings: String::new(),
        figures: Vec::new(),
        million: None,
        starts: None,
        onward: None,
        searches: None,
        delivery: None,
        postgres: None,
    };
    let load = Load::make(&place, options.payloads, options.connections)?;
    let Options { seconds, rounds, connections, .. } = options;
    report.settings = format!("{rounds} rounds of {seconds} s, {connections} connections, {}", load.summary);
    eprintln!("{}", report.settings);

    let store = options.stored.map(|changes| stored::prepare(&folder, changes)).transpose()?;
    let mut servers = start(&place, &kinds, options.baseline.as_deref(), store.as_deref(), &load)?;
    report.figures = measure(&servers, &load, options)?;
    let on_store = servers.pop_if(|server| server.name == stored::NAME);
    for server in servers {
        server.stop()?;
    }
    if let (Some(server), Some(store), Some(changes)) = (on_store, store, options.stored) {
        report.starts = Some(stored::starts(server, &load, &store, changes)?);
        report.onward = Some(onward::measure(&store)?);
        report.searches = Some(searches::measure(&store, changes)?);
    }
    if options.delivery {
        peers::install_named("buildbot")?;
        report.delivery = Some(delivery::run(&place, &load)?);
    }
    if let Some(changes) = options.postgres_stored {
        eprintln!("a store in PostgreSQL with {changes} changes");
        report.postgres = Some(postgres::stored(&fresh(&place.join("large"))?, &load.pushes()?, changes)?);
    }
    if let Some(requests) = options.million {
        let load = Load::make(&place, options.payloads.max(million::PUSHES), options.connections)?;
        eprintln!("{requests} requests to hookd");
        report.million = Some(million::run(&place, &load, requests)?);
    }
    publish(&report)?;
    fs::remove_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(KINDS.iter().map(|kind| kind.name))
}

/// The selected servers. A large store is measured beside an empty one.
fn chosen(options: &Options) -> Vec<&'static Kind> {
    let is_chosen = |kind: &&Kind| {
        let is_named = options.only.is_empty() || options.only.iter().any(|name| name == kind.name);
        is_named || (options.stored.is_some() && kind.name == HOOKD)
    };
    let steps = if options.steps { STEPS } else { &[] };
    let sinks = if options.sinks { SINKS } else { &[] };
    let postgres = if options.postgres { postgres::POSTGRES } else { &[] };
    KINDS.iter().filter(is_chosen).chain(steps).chain(sinks).chain(postgres).collect()
}

fn install_peers(kinds: &[&Kind]) -> Result<(), String> {
    peers::install_named("debian")?;
    for kind in kinds {
        for peer in kind.peers {
            peers::install_named(peer).map_err(|error| format!("{error}\n`--only` leaves `{}` out", kind.name))?;
        }
    }
    Ok(())
}

/// Starts all servers, each in its own folder, and checks that each does its job. The server on a large store is the
/// last.
fn start(
    place: &Path,
    kinds: &[&Kind],
    baseline: Option<&Path>,
    store: Option<&Path>,
    load: &Load,
) -> Result<Vec<Server>, String> {
    let push = load.first()?;
    let mut servers = Vec::new();
    for kind in kinds {
        let server = (kind.start)(kind.name, &fresh(&place.join(kind.name))?);
        servers.push(server.map_err(|error| format!("{} cannot be started: {error}", kind.name))?);
    }
    if let Some(executable) = baseline {
        let folder = fresh(&place.join(BASELINE))?;
        servers.push(servers::start_hookd_as(executable, BASELINE, &folder, Path::new("hookd.db"), "")?);
    }
    if let Some(store) = store {
        servers.push(servers::start_hookd_on(stored::NAME, &fresh(&place.join(stored::NAME))?, store)?);
    }
    servers.iter().try_for_each(|server| http::check(server, &push))?;
    Ok(servers)
}

fn measure(servers: &[Server], load: &Load, options: &Options) -> Result<Vec<Figures>, String> {
    let figures = |server: &Server| Figures { name: server.name, rounds: Vec::new(), usage: Usage::default() };
    let mut all: Vec<Figures> = servers.iter().map(figures).collect();
    // The first round is a warm-up, and does not count.
    let warm_up = usize::from(options.rounds > 0);
    for round in 0..options.rounds + warm_up {
        for (server, figures) in servers.iter().zip(&mut all) {
            if round < warm_up {
                measure_once(server, load, 1)?;
                continue;
            }
            let (round_figures, usage) = measure_once(server, load, options.seconds)?;
            let Measured { requests, p99, .. } = round_figures.measured;
            if requests == 0 {
                return Err(format!("{} answered nothing in {} s", server.name, options.seconds));
            }
            eprintln!("round {round}: {:<12} {:>8.0} requests/s, p99 {p99:.2} ms", server.name, rate(&round_figures));
            figures.rounds.push(round_figures);
            figures.usage = usage;
        }
    }
    Ok(all)
}

fn measure_once(server: &Server, load: &Load, seconds: u64) -> Result<(Round, Usage), String> {
    // Data that the previous server left unwritten must not slow down this one.
    tools::run_quietly(&mut Command::new("sync"))?;
    let (stored_before, before) = (stored_by(server)?, server.usage()?);
    let measured = load.send(server, seconds)?;
    server.settle()?;
    let after = server.usage()?;
    if let (Some(before), Some(after)) = (stored_before, stored_by(server)?)
        && after - before < measured.requests
    {
        return Err(format!("{} stored {} of {} deliveries", server.name, after - before, measured.requests));
    }
    let cpu_per_request = (after.cpu - before.cpu) * 1e6 / measured.requests as f64;
    Ok((Round { measured, cpu_per_request }, after))
}

/// How many deliveries a server has stored, if it reports that.
fn stored_by(server: &Server) -> Result<Option<u64>, String> {
    server.admin.map(|_| deliveries(server)).transpose()
}

/// How many deliveries hookd has stored.
fn deliveries(server: &Server) -> Result<u64, String> {
    let admin = server.admin.ok_or("only hookd reports what it has stored")?;
    let body = http::get(admin, "/api/v2/deliveries?limit=1&field=deliveryid")?;
    let list: serde_json::Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    list["meta"]["total"].as_u64().ok_or_else(|| format!("no total of deliveries in: {body}"))
}

fn publish(report: &Report) -> Result<(), String> {
    let markdown = report.markdown();
    println!("{markdown}");
    let json = format!("{:#}\n", report.to_json());
    for (name, text) in [("bench.md", &markdown), ("bench.json", &json)] {
        let path = tools::target().join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// A lock held by this process: concurrent runs would disturb each other.
fn locked(folder: &Path) -> Result<File, String> {
    let path = folder.join("lock");
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let lock = File::create(&path).map_err(|error| failed(&error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(failed(&"another `cargo xtask bench` is running")),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// A binary built by this run.
fn binary(name: &str) -> PathBuf {
    tools::target().join("release").join(name)
}

/// An empty folder, on the same disk as the stores.
fn fresh(path: &Path) -> Result<PathBuf, String> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path.to_owned())
}
