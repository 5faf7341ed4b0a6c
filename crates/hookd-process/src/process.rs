//! One run of a command.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use crate::output::{Keep, Output};

/// How long output is read after the command has ended: until its pipe is closed, unless something that it started keeps
/// that open.
const DRAIN: Duration = Duration::from_millis(500);

/// A time limit that is none.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A command that is about to run.
pub struct Process {
    /// The program: a path, or a name that is looked for in the `PATH` of hookd itself.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it runs; `None`: where hookd does.
    pub folder: Option<PathBuf>,
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What it can read. It need not read it.
    pub input: Vec<u8>,
    /// What becomes of what it writes.
    pub output: Outputs,
    /// How long it may run.
    pub timeout: Duration,
    /// How long it may run without writing anything.
    pub silence: Option<Duration>,
}

/// What becomes of the outputs of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// Standard output is kept as it is, and the command is killed when it writes more than `most` bytes there. Of standard
    /// error the end is kept.
    Separate {
        /// The longest standard output, in bytes.
        most: usize,
    },
    /// Both go into one pipe, so that they stay in order. The end is kept, as [`Finished::stderr`].
    Merged,
}

/// What a command came to.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output, unless outputs are merged.
    pub stdout: Vec<u8>,
    /// The last [`END_BYTES`](crate::END_BYTES) of standard error, or of both, as text.
    pub stderr: String,
}

/// How a command ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Killed(i32),
    /// It was killed after its [time](Process::timeout).
    TimedOut,
    /// It was killed because it wrote nothing for [so long](Process::silence).
    Silent,
    /// It was killed because it wrote [more than it may](Outputs::Separate).
    TooMuch,
    /// It did not begin.
    NotStarted(io::Error),
    /// The system does not say.
    Lost(io::Error),
}

impl From<io::Result<ExitStatus>> for Ended {
    fn from(status: io::Result<ExitStatus>) -> Self {
        match status.map(|status| (status.code(), status.signal(), status)) {
            Ok((Some(code), _, _)) => Self::Exited(code),
            Ok((None, Some(signal), _)) => Self::Killed(signal),
            Ok((None, None, status)) => Self::Lost(io::Error::other(status.to_string())),
            Err(error) => Self::Lost(error),
        }
    }
}

/// Whether an error means that the system is short of something, which passes.
pub fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let shortages = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE, Errno::TXTBSY, Errno::IO, Errno::INTR];
    shortages.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// The process group of a command that was not waited for yet, so that its number is not another's: killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// The command has been waited for.
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // There may be nobody left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A command that runs.
struct Running {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    /// Runs it to its end. Dropping the future kills it, with all that it started in its process group.
    pub async fn run(self) -> Finished {
        let mut running = match self.spawn() {
            Ok(running) => running,
            Err(error) => {
                return Finished { ended: Ended::NotStarted(error), stdout: Vec::new(), stderr: String::new() };
            }
        };
        let group = Group::of(&running.child);
        let mut ended = self.wait(&mut running).await;
        if matches!(ended, Ended::Exited(_) | Ended::Killed(_)) {
            group.has_ended();
        } else {
            // It has not been waited for, so the group is its own.
            drop(group);
            // After SIGKILL it ends, unless the kernel holds it; it is not waited for longer than output is.
            let _ = timeout(DRAIN, running.child.wait()).await;
        }
        let Running { mut stdout, mut stderr, .. } = running;
        // What it wrote last may still be in the pipes.
        tokio::join!(stdout.drain(DRAIN), stderr.drain(DRAIN));
        if matches!(ended, Ended::Exited(_)) && stdout.is_too_long() {
            ended = Ended::TooMuch;
        }
        Finished { ended, stdout: stdout.into_bytes(), stderr: stderr.into_text() }
    }

    fn spawn(&self) -> io::Result<Running> {
        let (stderr, stderr_writer) = Output::new(Keep::End)?;
        let (stdout, stdout_writer) = match self.output {
            Outputs::Separate { most } => Output::new(Keep::All(most))?,
            Outputs::Merged => (Output::closed(), stderr_writer.try_clone()?),
        };
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(stdout_writer)
            .stderr(stderr_writer)
            .process_group(0)
            .kill_on_drop(true);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        // Our ends of the pipes for writing are closed with `command`.
        Ok(Running { child: command.spawn()?, stdout, stderr })
    }

    async fn wait(&self, running: &mut Running) -> Ended {
        let Running { child, stdout, stderr } = running;
        let stdin = child.stdin.take();
        let mut write = std::pin::pin!(async {
            if let Some(mut stdin) = stdin {
                // A command that does not read its input is fine.
                let _ = stdin.write_all(&self.input).await;
            }
        });
        let began = Instant::now();
        let (end, silence) = (began + self.timeout.min(FOREVER), self.silence.unwrap_or(FOREVER).min(FOREVER));
        let (mut wrote_at, mut is_written) = (began, false);
        loop {
            tokio::select! {
                status = child.wait() => return status.into(),
                length = stdout.read(), if stdout.is_open() => {
                    if stdout.is_too_long() {
                        return Ended::TooMuch;
                    }
                    if length > 0 {
                        wrote_at = Instant::now();
                    }
                }
                length = stderr.read(), if stderr.is_open() => {
                    if length > 0 {
                        wrote_at = Instant::now();
                    }
                }
                () = &mut write, if !is_written => is_written = true,
                () = sleep_until(end) => return Ended::TimedOut,
                () = sleep_until(wrote_at + silence) => return Ended::Silent,
            }
            // A flood must not keep the time limit from being looked at.
            tokio::task::yield_now().await;
        }
    }
}
