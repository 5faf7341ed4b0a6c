//! Delivery: how many changes a second sinks take, and how long after the answer to a webhook its changes arrive.
//!
//! The changes are those of the same pushes as everywhere. hookd has them stored before the sink begins with the oldest, so
//! that the rates are those of delivery alone. The receiver runs in this process, and shares the cores.

mod latency;
mod master;
mod receiver;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::child::{Server, until};
use super::load::Load;
use super::servers::{start_hookd, start_hookd_as, start_master};
use super::{binary, deliveries, fresh, http};
use latency::Latency;
use receiver::Receiver;

/// How long the log is filled, in seconds.
const FILL_SECONDS: u64 = 1;

/// How long deliveries are counted at most.
const MEASURED: Duration = Duration::from_secs(20);

/// How often progress is looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// The rate at which latency is measured while hookd has nothing else to do, in webhooks a second.
const IDLE_RATE: f64 = 20.0;

/// What was measured.
pub(super) struct Delivery {
    /// Changes a second through `webhook`.
    webhook: f64,
    /// Changes a second through `buildbot`, in the order of the log.
    buildbot: f64,
    /// Changes a second that a master takes which are posted to it directly, one after the other.
    master: f64,
    idle: Latency,
    /// At half the rate that `webhook` takes.
    half: Latency,
}

pub(super) fn run(place: &Path, load: &Load) -> Result<Delivery, String> {
    let folder = fresh(&place.join("delivery"))?;
    let (changes, pushes) = fill(&folder, load)?;
    eprintln!("{changes} changes of {pushes} pushes wait");

    let receiver = Receiver::start()?;
    let webhook = through(&folder, "webhook", &receiver.url(), changes)?;
    eprintln!("through `webhook`: {webhook:.0} changes/s");

    let peer = start_master("master", &fresh(&place.join("delivery-master"))?)?;
    let master = master::post(&peer, &changes_of(&folder)?, MEASURED)?;
    eprintln!("posted to a master directly: {master:.1} changes/s");
    peer.stop()?;
    let peer = start_master("master", &fresh(&place.join("delivery-master"))?)?;
    let hook = format!("http://{}{}", peer.address, peer.path);
    let buildbot = through(&folder, "buildbot", &hook, changes)?;
    eprintln!("through `buildbot`: {buildbot:.1} changes/s");
    peer.stop()?;

    let sections = sink("webhook", "webhook", &receiver.url(), "end");
    let folder = fresh(&place.join("delivery-latency"))?;
    let server = start_hookd_as(&binary("hookd"), "hookd-latency", &folder, Path::new("hookd.db"), &sections)?;
    let idle = latency::measure(&server, &receiver, load, IDLE_RATE)?;
    eprintln!("idle: {}", idle.shown());
    let half = latency::measure(&server, &receiver, load, webhook * pushes as f64 / changes as f64 / 2.0)?;
    eprintln!("half load: {}", half.shown());
    server.stop()?;
    Ok(Delivery { webhook, buildbot, master, idle, half })
}

/// Stores changes, without a sink. Returns how many, and of how many pushes.
fn fill(folder: &Path, load: &Load) -> Result<(u64, u64), String> {
    let server = start_hookd("hookd-fill", folder)?;
    load.send(&server, FILL_SECONDS)?;
    let counts = (total(&server, "changes")?, deliveries(&server)?);
    server.stop()?;
    Ok(counts)
}

/// The first changes of the log, as the REST API has them.
fn changes_of(folder: &Path) -> Result<Vec<Value>, String> {
    let server = start_hookd("hookd-fill", folder)?;
    let body = http::get(admin(&server)?, "/api/v2/changes?order=changeid&limit=1000")?;
    server.stop()?;
    let mut list: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    match list["changes"].take() {
        Value::Array(changes) if !changes.is_empty() => Ok(changes),
        _ => Err(format!("no changes in: {body}")),
    }
}

fn total(server: &Server, what: &str) -> Result<u64, String> {
    let body = http::get(admin(server)?, &format!("/api/v2/{what}?limit=1"))?;
    let list: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    list["meta"]["total"].as_u64().ok_or_else(|| format!("no total in: {body}"))
}

fn admin(server: &Server) -> Result<SocketAddr, String> {
    server.admin.ok_or_else(|| "hookd has no admin listener".to_owned())
}

fn sink(name: &str, kind: &str, url: &str, from: &str) -> String {
    format!("[[sinks]]\nname = \"{name}\"\ntype = \"{kind}\"\nurl = \"{url}\"\nfrom = \"{from}\"\nproxy = false\n")
}

/// How many changes a second go through a sink of this kind that begins with the oldest.
fn through(folder: &Path, kind: &'static str, url: &str, changes: u64) -> Result<f64, String> {
    let sections = sink(kind, kind, url, "beginning");
    let server = start_hookd_as(&binary("hookd"), "hookd-deliver", folder, Path::new("hookd.db"), &sections)?;
    let admin = admin(&server)?;
    let delivered = || -> Result<u64, String> {
        let body = http::get(admin, &format!("/api/v2/sinks/{kind}"))?;
        let list: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let counts = &list["sinks"][0]["counts"];
        if counts["later"] != 0 || counts["dead"] != 0 || counts["misconfigured"] != 0 {
            return Err(format!("not every attempt succeeded: {body}"));
        }
        counts["delivered"].as_u64().ok_or_else(|| format!("no count in: {body}"))
    };
    let begun = until(MEASURED, Duration::from_millis(1), || match delivered() {
        Ok(0) => None,
        Ok(count) => Some(Ok((count, Instant::now()))),
        Err(error) => Some(Err(error)),
    });
    let (before, begun) = begun.ok_or_else(|| format!("nothing arrives through `{kind}`"))??;
    loop {
        std::thread::sleep(PAUSE);
        let (count, elapsed) = (delivered()?, begun.elapsed());
        if count >= changes || elapsed >= MEASURED {
            server.stop()?;
            return Ok((count - before) as f64 / elapsed.as_secs_f64());
        }
    }
}

impl Delivery {
    pub(super) fn lines(&self) -> String {
        format!(
            "| | changes/s |\n|---|---|\n| through `webhook` to a receiver on the same cores | {:.0} |\n\
             | through `buildbot` to a real master | {:.1} |\n| posted to such a master directly, one after the other | {:.1} |\n\n\
             From the answer to a webhook to the arrival of its last change through `webhook`:\n\n\
             | load | webhooks/s | p50 ms | p99 ms |\n|---|---|---|---|\n| idle | {} |\n| half of what the sink takes | {} |\n",
            self.webhook,
            self.buildbot,
            self.master,
            self.idle.row(),
            self.half.row(),
        )
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "changes_per_second": {"webhook": self.webhook, "buildbot": self.buildbot, "master": self.master},
            "latency": {"idle": self.idle.to_json(), "half_load": self.half.to_json()},
        })
    }
}
