//! The load: pushes in a file, and `wrk` that sends them.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::SECRET;
use super::child::{Process, Server, ended_children, program, until};

/// Repositories and branches of the pushes.
const REPOSITORIES: usize = 150;
const BRANCHES: usize = 300;
const SEED: u64 = 20_260_101;

/// Threads of `wrk`: one per core.
const THREADS: &str = "2";

/// The requests, and how they are sent.
pub(super) struct Load {
    /// The folder of this run.
    pub(super) folder: PathBuf,
    requests: PathBuf,
    connections: u32,
    /// The sizes of the pushes, for the report.
    pub(super) summary: String,
}

/// What `wrk` measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) requests: u64,
    pub(super) seconds: f64,
    /// Median latency in milliseconds.
    pub(super) p50: f64,
    /// 99th percentile of the latency in milliseconds.
    pub(super) p99: f64,
    /// Highest latency in milliseconds.
    pub(super) slowest: f64,
    /// Processor time of `wrk` itself, in seconds.
    pub(super) own_cpu: f64,
}

/// One push and its signatures, in hexadecimal.
pub(super) struct Push {
    sha1: String,
    sha256: String,
    body: String,
}

impl Load {
    /// Generates this many pushes, with `bench-requests` of the crate `hookd-bench`.
    pub(super) fn make(folder: &Path, pushes: usize, connections: u32) -> Result<Self, String> {
        let requests = folder.join(format!("pushes-{pushes}.txt"));
        let numbers = [pushes.to_string(), SEED.to_string()];
        let places = [REPOSITORIES.to_string(), BRANCHES.to_string()];
        let mut make = Command::new(super::binary("bench-requests"));
        let output = make.arg(&requests).args(numbers).arg(SECRET).args(places).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("bench-requests: {error}"))?;
        if !output.status.success() {
            return Err(format!("bench-requests failed: {}", output.status));
        }
        let summary = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        fs::write(folder.join("load.lua"), include_str!("load.lua")).map_err(|error| format!("load.lua: {error}"))?;
        Ok(Self { folder: folder.to_owned(), requests, connections, summary })
    }

    /// The first of the pushes.
    pub(super) fn first(&self) -> Result<Push, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.requests.display());
        let mut line = String::new();
        BufReader::new(File::open(&self.requests).map_err(failed)?).read_line(&mut line).map_err(failed)?;
        Push::parse(&line).ok_or_else(|| "the file of requests is empty".to_owned())
    }

    /// All pushes.
    pub(super) fn pushes(&self) -> Result<Vec<Push>, String> {
        let text =
            fs::read_to_string(&self.requests).map_err(|error| format!("{}: {error}", self.requests.display()))?;
        let pushes: Option<Vec<Push>> = text.lines().map(Push::parse).collect();
        pushes.filter(|pushes| !pushes.is_empty()).ok_or_else(|| "the file of requests is broken".to_owned())
    }

    /// Sends as fast as the server answers, for some seconds. Fails on any unsuccessful answer.
    pub(super) fn send(&self, server: &Server, seconds: u64) -> Result<Measured, String> {
        let failed = |what: String| format!("wrk against {}: {what}", server.name);
        let cpu_before = ended_children();
        let mut wrk = self.begin(server, seconds)?;
        let patience = Duration::from_secs(seconds + 90);
        if until(patience, Duration::from_millis(5), || wrk.child.try_wait().ok().flatten()).is_none() {
            return Err(failed(format!("it did not end within {patience:?}")));
        }
        let measured = read(&wrk.output()).map_err(failed)?;
        Ok(Measured { own_cpu: ended_children() - cpu_before, ..measured })
    }

    /// Starts sending, for some seconds.
    pub(super) fn begin(&self, server: &Server, seconds: u64) -> Result<Process, String> {
        let mut wrk = program("wrk");
        wrk.env("WRK_THREADS", THREADS)
            .env(
                "WRK_PORTS",
                server.other.map_or_else(String::new, |other| format!("{} {}", server.address.port(), other.port())),
            )
            .args(["--threads", THREADS, "--connections", &self.connections.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--timeout", "30s", "--latency", "--script"])
            .arg(self.folder.join("load.lua"))
            .arg(format!("http://{}", server.address))
            .arg("--")
            .arg(&self.requests)
            .args([server.path, &fresh_seed().to_string()]);
        Process::start(&mut wrk, self.folder.join("wrk.txt"))
    }
}

/// A seed that no earlier run, nor any thread of one, has used, so that no delivery id occurs twice.
pub(super) fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64 * 16
}

fn read(output: &str) -> Result<Measured, String> {
    let line = output.lines().find_map(|line| line.strip_prefix("BENCH ")).ok_or_else(|| output.trim().to_owned())?;
    let summary: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let number = |key: &str| summary[key].as_f64().unwrap_or(f64::NAN);
    for kind in ["status", "connect", "read", "write", "timeout"] {
        if summary[kind] != 0 {
            return Err(format!("not every request succeeded, errors of the kind `{kind}`: {line}"));
        }
    }
    let requests = summary["requests"].as_u64().unwrap_or(0);
    let milliseconds = |key| number(key) / 1e3;
    Ok(Measured {
        requests,
        seconds: number("microseconds") / 1e6,
        p50: milliseconds("p50"),
        p99: milliseconds("p99"),
        slowest: milliseconds("max"),
        own_cpu: 0.0,
    })
}

impl Measured {
    pub(super) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

impl Push {
    /// A line of the file.
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.trim_end().splitn(3, ' ').map(str::to_owned);
        Some(Self { sha1: parts.next()?, sha256: parts.next()?, body: parts.next()? })
    }

    /// The same push with wrong signatures.
    pub(super) fn with_wrong_signatures(&self) -> Self {
        Self { sha1: "0".repeat(40), sha256: "0".repeat(64), body: self.body.clone() }
    }

    /// The request as `load.lua` sends it, with this id of the delivery, and `close` or `keep-alive`.
    pub(super) fn request(&self, path: &str, id: &str, connection: &str) -> String {
        let Self { sha1, sha256, body } = self;
        format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nX-GitHub-Delivery: {id}\r\n\
             User-Agent: GitHub-Hookshot/044aadd\r\nAccept: */*\r\nContent-Type: application/json\r\n\
             X-GitHub-Event: push\r\nX-Hub-Signature: sha1={sha1}\r\nX-Hub-Signature-256: sha256={sha256}\r\n\
             Content-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            body.len()
        )
    }
}
