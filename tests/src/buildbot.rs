//! A real Buildbot master with its web server: the peer of the conformance test, and a place to deliver to.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Connection, Request};
use crate::peers::{peer, root};
use crate::wait::until;

/// How many records are asked for at a time.
const PAGE: usize = 50;

/// How long the next piece of an answer may take, and how often an answer is asked for.
const LOST_AFTER: Duration = Duration::from_secs(10);
const MAX_TRIES: usize = 5;

/// A running master. It is killed when it is dropped; if the test failed, the end of its log is shown.
pub struct Buildbot {
    process: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Buildbot {
    /// Creates a master from `dialects.json` (see `tests/peers/master.cfg`), and waits until it runs.
    pub fn start(dialects: &Value) -> Self {
        // Buildbot syncs its database for each change; in memory that is free.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("hookd-peer-").tempdir_in(parent).expect("a folder for the peer");
        let base = folder.path().join("master");

        let mut create = Command::new(peer("venv/bin/buildbot"));
        create.args(["create-master", "--quiet", "--log-count=0"]).arg(&base).stdin(Stdio::null());
        let created = create.output().expect("Buildbot runs");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        fs::copy(root().join("tests/peers/master.cfg"), base.join("master.cfg")).expect("the folder is writable");
        fs::write(base.join("dialects.json"), dialects.to_string()).expect("the folder is writable");

        let (process, address) = run(folder.path());
        Self { process, folder, address }
    }

    /// Kills it with SIGKILL.
    pub fn kill_9(&mut self) {
        self.process.kill().expect("it was running");
        self.process.wait().expect("it was running");
    }

    /// Runs it again after it was killed. It listens where it did, if `dialects.json` names the port.
    pub fn restart(&mut self) {
        fs::remove_file(self.folder.path().join("master/twistd.log")).expect("it has run before");
        (self.process, self.address) = run(self.folder.path());
    }

    /// Sends it a signal: `STOP`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell runs");
        assert!(sent.success(), "the Buildbot master was no longer running");
    }

    /// Has it read another `dialects.json`, and waits until it has.
    pub fn reconfigure(&self, dialects: &Value) {
        let done = || read_log(self.folder.path()).matches("configuration update complete").count();
        let before = done();
        fs::write(self.folder.path().join("master/dialects.json"), dialects.to_string())
            .expect("the folder is writable");
        self.signal("HUP");
        until("the Buildbot master has read its configuration", || (done() > before).then_some(()));
    }

    /// What its REST API lists here, by the name of the collection: `list("changes?order=changeid", "changes")`.
    ///
    /// Buildbot 4.3.0 writes answers from a thread, which Twisted does not allow, and loses a piece now and then, the more often the
    /// longer they are. So it is asked for short pages, and again where the rest of an answer does not come.
    pub fn list(&self, path: &str, key: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = format!("/api/v2/{path}{separator}limit={PAGE}&offset={}", all.len());
            let mut answer: Value = serde_json::from_slice(&self.ask(&page)).expect("it answers with JSON");
            match answer[key].take() {
                Value::Array(items) => {
                    let is_last = items.len() < PAGE;
                    all.extend(items);
                    if is_last {
                        return all;
                    }
                }
                other => panic!("{path} has no list {key:?}, but {other}"),
            }
        }
    }

    fn ask(&self, path: &str) -> Vec<u8> {
        let request = Request::get(path).header("Accept", "application/json");
        for _ in 0..MAX_TRIES {
            match Connection::with_patience(self.address, LOST_AFTER).send(&request) {
                Ok(answer) => return answer.body,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{path}: {error}"),
            }
        }
        panic!("{path}: the rest of the answer did not come, {MAX_TRIES} times");
    }

    /// The address of its web server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Buildbot {
    fn drop(&mut self) {
        // If it has already ended there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            let log = read_log(self.folder.path());
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("Buildbot logged last:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

/// Starts the master in this folder, and waits until it runs.
fn run(folder: &Path) -> (Child, SocketAddr) {
    let mut twistd = Command::new(peer("venv/bin/twistd"));
    twistd.args(["--nodaemon", "--no_save", "--pidfile=", "-y", "buildbot.tac"]).current_dir(folder.join("master"));
    twistd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = twistd.spawn().expect("Buildbot runs");
    let address = until("the Buildbot master runs", || {
        let log = read_log(folder);
        let ended = process.try_wait().expect("it is our child");
        assert!(ended.is_none(), "the Buildbot master ended, its log:\n{log}");
        let is_running = log.contains("BuildMaster is running");
        let port = log.split("BuildbotSite starting on ").nth(1)?.lines().next()?.parse().ok()?;
        is_running.then(|| SocketAddr::from(([127, 0, 0, 1], port)))
    });
    (process, address)
}

fn read_log(folder: &Path) -> String {
    let log = fs::read(folder.join("master/twistd.log")).unwrap_or_default();
    String::from_utf8_lossy(&log).into_owned()
}
