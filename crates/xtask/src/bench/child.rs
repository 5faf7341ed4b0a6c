//! Servers as children: started, watched and ended by their process id.
//!
//! However `cargo xtask` ends, its children end with it: each is sent SIGTERM by the kernel when its parent is gone.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long it may work on after the last answer.
const SETTLING: Duration = Duration::from_secs(60);

/// A server that takes less than this many seconds of the processor in a pause is at rest.
const IDLE: f64 = 0.025;
const PAUSE: Duration = Duration::from_millis(250);

/// The two cores that servers and load share on a machine that has more.
const CORES: &str = "0,1";

/// A program that ends when this one does, on the cores that are measured.
pub(super) fn program(name: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if super::machine::cores() > 2 {
        command.args(["taskset", "--cpu-list", CORES]);
    }
    command.arg(name.as_ref()).stdin(Stdio::null());
    command
}

/// A running server. It is killed when it is dropped.
pub(super) struct Server {
    /// Its name in the tables.
    pub(super) name: &'static str,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The path that takes webhooks of GitHub.
    pub(super) path: &'static str,
    /// Where hookd's admin listener is.
    pub(super) admin: Option<SocketAddr>,
    process: Process,
}

/// What a server has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Resident memory, in bytes.
    pub(super) resident: u64,
    /// The most of it so far.
    pub(super) peak: u64,
    /// Time of the processor, its own and that of its ended children, in seconds.
    pub(super) cpu: f64,
}

impl Server {
    /// A server that listens.
    pub(super) fn new(name: &'static str, process: Process, address: SocketAddr, path: &'static str) -> Self {
        Self { name, address, path, admin: None, process }
    }

    /// The same with an admin listener.
    pub(super) fn with_admin(self, admin: SocketAddr) -> Self {
        Self { admin: Some(admin), ..self }
    }

    pub(super) fn usage(&self) -> Result<Usage, String> {
        let process = Path::new("/proc").join(self.process.id().to_string());
        let read = |file| fs::read_to_string(process.join(file)).map_err(|error| format!("{}: {error}", self.name));
        let (status, stat) = (read("status")?, read("stat")?);
        let kibibytes = |key| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let bytes = |key| kibibytes(key).unwrap_or(0) * 1024;
        // User and system time, its own and that of its children.
        Ok(Usage { resident: bytes("VmRSS:"), peak: bytes("VmHWM:"), cpu: seconds(&stat, 14, 4) })
    }

    /// Waits until it has done what was left to do after the last answer, so that it takes nothing from the next server.
    pub(super) fn settle(&self) -> Result<(), String> {
        let mut before = self.usage()?.cpu;
        for _ in 0..SETTLING.as_millis() / PAUSE.as_millis() {
            sleep(PAUSE);
            let now = self.usage()?.cpu;
            if now - before < IDLE {
                return Ok(());
            }
            before = now;
        }
        Err(format!("{} did not come to rest within {SETTLING:?}", self.name))
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), String> {
        self.process.terminate();
        let child = &mut self.process.child;
        let ended = until(PATIENCE, Duration::from_millis(5), || child.try_wait().ok().flatten());
        ended.map(drop).ok_or_else(|| format!("{} did not end within {PATIENCE:?}", self.name))
    }

    /// Kills it, as a crash would.
    pub(super) fn kill(self) {
        drop(self);
    }
}

/// A child that is killed when it is dropped, with a file for all that it prints.
pub(super) struct Process {
    pub(super) child: Child,
    log: PathBuf,
}

impl Process {
    pub(super) fn start(command: &mut Command, log: PathBuf) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", log.display());
        let file = File::create(&log).map_err(failed)?;
        let child = command.stdout(file.try_clone().map_err(failed)?).stderr(file).spawn();
        let child = child.map_err(|error| format!("{:?}: {error}", command.get_program()))?;
        Ok(Self { child, log })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has printed so far.
    pub(super) fn said(&self) -> String {
        read(&self.log)
    }

    /// Waits until something is to be found in a log: its own, or the one that is named.
    pub(super) fn find<T>(&mut self, log: Option<&Path>, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let log = log.unwrap_or(&self.log).to_owned();
        let found = until(PATIENCE, Duration::from_micros(500), || {
            if let Some(found) = find(&read(&log)) {
                return Some(Ok(found));
            }
            let ended = self.child.try_wait().ok().flatten();
            ended.map(|status| Err(format!("it ended ({status}) and said: {}", last_lines(&read(&log)))))
        });
        found.unwrap_or_else(|| {
            Err(format!("it was not ready within {PATIENCE:?} and said: {}", last_lines(&read(&log))))
        })
    }

    fn terminate(&self) {
        // The child is ours and not waited for yet, so that its id is nobody else's.
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time of the processor that the ended children of this process took, in seconds.
pub(super) fn ended_children() -> f64 {
    seconds(&fs::read_to_string("/proc/self/stat").unwrap_or_default(), 16, 2)
}

/// The sum of some times in `/proc/PID/stat`, from the field of this number on.
fn seconds(stat: &str, first: usize, count: usize) -> f64 {
    // The second field is the name, which may hold anything; after it comes the third.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split(' ').skip(first - 3).take(count).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // Linux shows them in hundredths of a second, whatever its own clock is.
    ticks as f64 / 100.0
}

/// Tries again and again until there is something, or no time any more.
pub(super) fn until<T>(patience: Duration, pause: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return Some(found);
        }
        if started.elapsed() > patience {
            return None;
        }
        sleep(pause);
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].join("\n  ")
}
