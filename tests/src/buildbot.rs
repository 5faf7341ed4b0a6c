//! A real Buildbot master with its web server: the peer of the conformance test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::peers::{peer, root};
use crate::wait::until;

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

        let mut twistd = Command::new(peer("venv/bin/twistd"));
        twistd.args(["--nodaemon", "--no_save", "--pidfile=", "-y", "buildbot.tac"]).current_dir(&base);
        twistd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = twistd.spawn().expect("Buildbot runs");

        let address = until("the Buildbot master runs", || {
            let log = read_log(folder.path());
            let ended = process.try_wait().expect("it is our child");
            assert!(ended.is_none(), "the Buildbot master ended, its log:\n{log}");
            let is_running = log.contains("BuildMaster is running");
            let port = log.split("BuildbotSite starting on ").nth(1)?.lines().next()?.parse().ok()?;
            is_running.then(|| SocketAddr::from(([127, 0, 0, 1], port)))
        });
        Self { process, folder, address }
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

fn read_log(folder: &Path) -> String {
    let log = fs::read(folder.join("master/twistd.log")).unwrap_or_default();
    String::from_utf8_lossy(&log).into_owned()
}
