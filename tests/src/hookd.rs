//! The running binary.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::admin::Admin;
use crate::home::Home;
use crate::http::{self, Answer, Request};
use crate::wait::until;

/// A running `hookd serve`. It is killed when it is dropped; if the test failed, its log lines are shown.
pub struct Hookd {
    process: Process,
    home: Home,
    public: SocketAddr,
    admin: SocketAddr,
}

impl Hookd {
    pub(crate) fn start(home: Home) -> Self {
        let mut process = Process::start(&mut serve(&home));
        let public = process.address_of("public");
        let admin = process.address_of("admin");
        Self { process, home, public, admin }
    }

    pub(crate) fn start_and_kill_9_after(home: &Home, pause: Duration) {
        let process = Process::start(&mut serve(home));
        thread::park_timeout(pause);
        drop(process);
    }

    /// The address of the public listener.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// The admin listener.
    pub fn admin(&self) -> Admin {
        Admin::at(self.admin)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// The folder it runs in.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Sends a request to the public listener, which must answer.
    pub fn send(&self, request: &Request) -> Answer {
        http::send(self.public, request).expect("hookd answers")
    }

    /// Its log lines so far, each a JSON object.
    pub fn log(&self) -> Vec<String> {
        self.process.log()
    }

    /// Stops reading its log lines, for good. The pipe stays open, so that hookd's writes to it will block.
    pub fn stop_reading_log(&self) {
        self.process.is_unread.store(true, Ordering::SeqCst);
    }

    /// The lines that it has written to standard output so far.
    pub fn output(&self) -> Vec<String> {
        self.process.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads neither its log nor its standard output from now on, and leaves both open.
    pub fn stop_reading(&self) {
        self.stop_reading_log();
        self.process.is_output_unread.store(true, Ordering::SeqCst);
    }

    /// Kills it with SIGKILL; it gets no chance to tidy up.
    pub fn kill_9(mut self) -> Home {
        self.process.child.kill().expect("it was running");
        self.process.child.wait().expect("it was running");
        self.home
    }

    /// Its resident memory in MiB: current and peak.
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs, on Linux");
        let read = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says so");
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
        };
        (read("VmRSS:"), read("VmHWM:"))
    }

    /// Stops it with SIGTERM, and waits until it has ended.
    pub fn terminate(self) -> (ExitStatus, Home) {
        self.send_sigterm();
        self.wait()
    }

    /// Sends it SIGTERM.
    pub fn send_sigterm(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal: `HUP`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell runs");
        assert!(sent.success(), "hookd was no longer running");
    }

    /// Waits until it has ended.
    pub fn wait(mut self) -> (ExitStatus, Home) {
        let child = &mut self.process.child;
        let status = until("hookd has ended", || child.try_wait().expect("it is our child"));
        (status, self.home)
    }
}

fn serve(home: &Home) -> Command {
    let mut command = home.command();
    command.args(["serve", "--config", "hookd.toml", "--log-format", "json"]);
    command
}

type Lines = Arc<Mutex<Vec<String>>>;

struct Process {
    child: Child,
    log: Lines,
    output: Lines,
    /// Whether nobody reads its log lines any more.
    is_unread: Arc<AtomicBool>,
    /// The same of its standard output.
    is_output_unread: Arc<AtomicBool>,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (is_unread, is_output_unread) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let log = collect(child.stderr.take().expect("it is piped"), Arc::clone(&is_unread));
        let output = collect(child.stdout.take().expect("it is piped"), Arc::clone(&is_output_unread));
        Self { child, log, output, is_unread, is_output_unread }
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the listener of this name is listening.
    fn address_of(&mut self, listener: &str) -> SocketAddr {
        until("hookd listens", || {
            let address = self.log().iter().find_map(|line| listening(line, listener));
            if address.is_none()
                && let Some(status) = self.child.try_wait().expect("it is our child")
            {
                panic!("hookd ended before it listened: {status}");
            }
            address
        })
    }
}

/// The lines that come from a pipe, as they come, until nobody wants to read them.
fn collect(pipe: impl Read + Send + 'static, is_unread: Arc<AtomicBool>) -> Lines {
    let lines = Lines::default();
    let written = Arc::clone(&lines);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe).lines();
        while let Some(Ok(line)) = pipe.next() {
            written.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            if is_unread.load(Ordering::SeqCst) {
                // Keeps the pipe open until the process of the test ends.
                std::mem::forget(pipe);
                return;
            }
        }
    });
    lines
}

fn listening(line: &str, listener: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    if fields["message"] != "listening" || fields["listener"] != listener {
        return None;
    }
    fields["address"].as_str()?.parse().ok()
}

impl Drop for Process {
    fn drop(&mut self) {
        // If it has already ended there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log();
            eprintln!("hookd logged last:\n{}", log[log.len().saturating_sub(30)..].join("\n"));
        }
    }
}
