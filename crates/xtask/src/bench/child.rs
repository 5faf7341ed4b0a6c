//! Servers as child processes: started, watched and stopped by their process id.
//!
//! However `cargo xtask` ends, its children end with it: the kernel sends each a SIGTERM when its parent is gone.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a server may keep working after the last answer.
const SETTLING_TIME: Duration = Duration::from_secs(60);

/// A server that uses less than this many seconds of processor time in a pause is idle.
const IDLE_CPU_SECONDS: f64 = 0.025;
const PAUSE: Duration = Duration::from_millis(250);

/// The two cores that servers and load share on machines that have more.
const CORES: &str = "0,1";

/// A program that ends when this process does, on the measured cores.
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
    /// The address that it listens on.
    pub(super) address: SocketAddr,
    /// The path for GitHub's webhooks.
    pub(super) path: &'static str,
    /// The address of hookd's admin listener.
    pub(super) admin: Option<SocketAddr>,
    /// A second one that gets half of the load.
    pub(super) other: Option<SocketAddr>,
    process: Process,
    /// What runs beside it, such as its database: it is killed after it.
    _beside: Vec<Process>,
}

/// What a server has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Resident memory, in bytes.
    pub(super) resident: u64,
    /// Its peak so far, in bytes.
    pub(super) peak: u64,
    /// Processor time of itself and of its ended children, in seconds.
    pub(super) cpu: f64,
}

impl Server {
    /// A server that is listening.
    pub(super) fn new(name: &'static str, process: Process, address: SocketAddr, path: &'static str) -> Self {
        Self { name, address, path, admin: None, other: None, process, _beside: Vec::new() }
    }

    /// Adds an admin listener.
    pub(super) fn with_admin(self, admin: SocketAddr) -> Self {
        Self { admin: Some(admin), ..self }
    }

    /// Keeps what runs beside it, and where that takes half of the load.
    pub(super) fn beside(mut self, process: Process, address: Option<SocketAddr>) -> Self {
        self._beside.insert(0, process);
        Self { other: address.or(self.other), ..self }
    }

    /// The process alone.
    pub(super) fn into_process(self) -> Process {
        self.process
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
        // User and system time of itself and of its children.
        Ok(Usage { resident: bytes("VmRSS:"), peak: bytes("VmHWM:"), cpu: seconds(&stat, 14, 4) })
    }

    /// Waits until it is idle after the last answer, so that it does not disturb the next server.
    pub(super) fn settle(&self) -> Result<(), String> {
        let mut before = self.usage()?.cpu;
        for _ in 0..SETTLING_TIME.as_millis() / PAUSE.as_millis() {
            sleep(PAUSE);
            let now = self.usage()?.cpu;
            if now - before < IDLE_CPU_SECONDS {
                return Ok(());
            }
            before = now;
        }
        Err(format!("{} was not idle within {SETTLING_TIME:?}", self.name))
    }

    /// Stops it with SIGTERM, and waits until it has ended.
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

/// A child process that is killed when it is dropped, with a file for its output.
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

    /// Everything that it has printed so far.
    pub(super) fn output(&self) -> String {
        read(&self.log)
    }

    /// Waits until `find` returns something for a log: its own output, or the file `log`.
    pub(super) fn find<T>(&mut self, log: Option<&Path>, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let log = log.unwrap_or(&self.log).to_owned();
        let found = until(PATIENCE, Duration::from_micros(500), || {
            if let Some(found) = find(&read(&log)) {
                return Some(Ok(found));
            }
            let ended = self.child.try_wait().ok().flatten();
            ended.map(|status| Err(format!("it ended ({status}) and printed: {}", last_lines(&read(&log)))))
        });
        found.unwrap_or_else(|| {
            Err(format!("it was not ready within {PATIENCE:?} and printed: {}", last_lines(&read(&log))))
        })
    }

    fn terminate(&self) {
        // The child has not been waited for yet, so its id still belongs to it.
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // If it has already ended there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of the ended children of this process, in seconds.
pub(super) fn ended_children() -> f64 {
    seconds(&fs::read_to_string("/proc/self/stat").unwrap_or_default(), 16, 2)
}

/// The sum of `count` times in `/proc/PID/stat`, from field `first` on, in seconds.
fn seconds(stat: &str, first: usize, count: usize) -> f64 {
    // The second field is the name, which may contain anything; the third follows it.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split(' ').skip(first - 3).take(count).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // Linux reports them in hundredths of a second, whatever its own clock is.
    ticks as f64 / 100.0
}

/// Repeats `attempt` until it returns something, or until `patience` is over.
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
