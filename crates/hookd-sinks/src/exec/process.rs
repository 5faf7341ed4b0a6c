//! One run of a command, in a process group of its own.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

use super::output::Output;

/// How long output is read after the command has ended: until its pipe is closed, unless something that it started keeps
/// that open.
const DRAIN: Duration = Duration::from_millis(500);

/// A command that is about to run.
pub(crate) struct Process<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: Vec<String>,
    /// All of its environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// What it can read.
    pub(crate) input: Vec<u8>,
    pub(crate) timeout: Duration,
}

/// How a command ended.
pub(crate) enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Killed(i32),
    /// It was killed after its time.
    TimedOut,
    /// It did not begin.
    NotStarted(io::Error),
    /// The system does not say.
    Lost(io::Error),
}

/// Whether an error means that the system is short of something, which passes.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
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

impl Process<'_> {
    /// Runs it to its end, and returns the end of its output. Dropping the future kills it.
    pub(crate) async fn run(self) -> (Ended, String) {
        let mut output = Output::default();
        let (child, pipe) = match self.spawn() {
            Ok(spawned) => spawned,
            Err(error) => return (Ended::NotStarted(error), String::new()),
        };
        let ended = self.wait(child, pipe, &mut output).await;
        (ended, output.into_text())
    }

    /// Starts it, with one pipe for both of its outputs, so that they stay in order.
    fn spawn(&self) -> io::Result<(Child, Receiver)> {
        let (reader, writer) = io::pipe()?;
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let mut command = Command::new(self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        // Our ends of the pipe for writing are closed with `command`.
        Ok((command.spawn()?, pipe))
    }

    async fn wait(&self, mut child: Child, pipe: Receiver, output: &mut Output) -> Ended {
        let group = Group::of(&child);
        let stdin = child.stdin.take();
        let write = async {
            if let Some(mut stdin) = stdin {
                // A command that does not read its input is fine.
                let _ = stdin.write_all(&self.input).await;
            }
        };
        let status = {
            let mut read = std::pin::pin!(output.read(&pipe));
            let run = async {
                let mut write = std::pin::pin!(write);
                let (mut is_read, mut is_written) = (false, false);
                loop {
                    tokio::select! {
                        status = child.wait() => return status,
                        () = &mut read, if !is_read => is_read = true,
                        () = &mut write, if !is_written => is_written = true,
                    }
                }
            };
            tokio::time::timeout(self.timeout, run).await
        };
        let ended = match status {
            Ok(Ok(status)) => {
                group.has_ended();
                match (status.code(), status.signal()) {
                    (Some(code), _) => Ended::Exited(code),
                    (None, Some(signal)) => Ended::Killed(signal),
                    (None, None) => Ended::Lost(io::Error::other(status.to_string())),
                }
            }
            Ok(Err(error)) => Ended::Lost(error),
            Err(_) => {
                // It has not been waited for, so the group is its own.
                drop(group);
                // After SIGKILL it ends, unless the kernel holds it; it is not waited for longer than output is.
                let _ = tokio::time::timeout(DRAIN, child.wait()).await;
                Ended::TimedOut
            }
        };
        // What it wrote last may still be in the pipe.
        let _ = tokio::time::timeout(DRAIN, output.read(&pipe)).await;
        ended
    }
}
