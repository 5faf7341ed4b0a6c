//! One run of `git`, `hg` or `svnlook`, with limits: time, output, and a process group that is killed as a whole.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;

/// How much of its output is taken.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;

/// How much of its errors is read; a line of it is shown.
const MAX_ERRORS_BYTES: u64 = 4 << 10;

/// A command that is about to run.
#[derive(Default)]
pub(crate) struct Command {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    /// Variables besides those of this process.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    pub(crate) input: Vec<u8>,
}

/// Why it has no output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// It is not there, or may not be run.
    #[error("`{program}` cannot be run: {error}")]
    NotStarted {
        /// The program.
        program: String,
        /// The reason.
        error: io::Error,
    },
    /// It was killed after its time.
    #[error("`{0}` took too long and was killed")]
    TimedOut(String),
    /// It was killed because it had too much to say.
    #[error("`{0}` printed more than {limit} MiB and was killed", limit = MAX_OUTPUT_BYTES >> 20)]
    TooMuch(String),
    /// It reported a failure.
    #[error("`{program}` failed with exit code {code}: {said}")]
    Exited {
        /// The program.
        program: String,
        /// Its exit code; -1 if a signal ended it.
        code: i32,
        /// The first line of its errors.
        said: String,
    },
}

/// The process group of a command: killed when dropped, unless the command has ended by itself.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // There may be nobody left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Command {
    /// Runs it to its end, within `limit`, and returns its output.
    pub(crate) fn run(self, limit: Duration) -> Result<Vec<u8>, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| self.not_started(error))?;
        runtime.block_on(async {
            let (child, group) = self.spawn().map_err(|error| self.not_started(error))?;
            let ended = tokio::time::timeout(limit, self.wait(child, group)).await;
            ended.unwrap_or_else(|_| Err(Failed::TimedOut(self.name())))
        })
    }

    /// The program and, if it has one, the name of its own command, for messages.
    fn name(&self) -> String {
        let mut name = self.program.to_string_lossy().into_owned();
        let word = self.arguments.iter().map(|argument| argument.to_string_lossy());
        if let Some(word) = word.into_iter().find(|word| !word.starts_with('-')) {
            name.push(' ');
            name.push_str(&word);
        }
        name
    }

    fn not_started(&self, error: io::Error) -> Failed {
        Failed::NotStarted { program: self.program.to_string_lossy().into_owned(), error }
    }

    fn spawn(&self) -> io::Result<(Child, Group)> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let child = command.spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok((child, Group(group)))
    }

    async fn wait(&self, mut child: Child, mut group: Group) -> Result<Vec<u8>, Failed> {
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let Some(mut input) = input {
                // A command that does not read all of it has its reasons.
                let _ = input.write_all(&self.input).await;
            }
        };
        let read = async {
            let mut bytes = Vec::new();
            if let Some(output) = output {
                let _ = output.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes).await;
            }
            bytes
        };
        let listen = async {
            let mut bytes = Vec::new();
            if let Some(mut errors) = errors {
                let _ = (&mut errors).take(MAX_ERRORS_BYTES).read_to_end(&mut bytes).await;
                // The rest is read, so that a flood does not block it.
                let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
            }
            bytes
        };
        let too_much = || Failed::TooMuch(self.name());
        let taken = async {
            let bytes = read.await;
            if bytes.len() as u64 > MAX_OUTPUT_BYTES { Err(too_much()) } else { Ok(bytes) }
        };
        let ((), bytes, errors) = tokio::try_join!(
            async {
                feed.await;
                Ok(())
            },
            taken,
            async { Ok(listen.await) }
        )?;
        let status: ExitStatus = child.wait().await.map_err(|error| self.not_started(error))?;
        group.0 = None;
        if status.success() {
            return Ok(bytes);
        }
        let said = String::from_utf8_lossy(&errors);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why").trim();
        let said = said.chars().filter(|character| !character.is_control()).take(300).collect();
        Err(Failed::Exited { program: self.name(), code: status.code().unwrap_or(-1), said })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, input: &[u8]) -> Command {
        Command {
            program: "sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("TEA", "green")],
            input: input.to_vec(),
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn passes_input_and_environment_and_returns_the_output() {
        let output = shell("cat; printf %s \"$TEA\"", b"a\0b").run(LONG).unwrap();
        assert_eq!(output, b"a\0bgreen");
        // More than a pipe takes, to a command that reads nothing of it.
        assert_eq!(shell("printf x", &[0; 1 << 20]).run(LONG).unwrap(), b"x");
    }

    #[test]
    fn kills_what_takes_too_long_and_all_that_it_started() {
        let started = Instant::now();
        let failed = shell("sleep 600 & sleep 600", b"").run(Duration::from_millis(50)).unwrap_err();
        assert!(matches!(failed, Failed::TimedOut(_)), "{failed}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn kills_what_never_stops_printing() {
        let failed = shell("cat /dev/zero", b"").run(LONG).unwrap_err();
        assert_eq!(failed.to_string(), "`sh cat /dev/zero` printed more than 64 MiB and was killed");
    }

    #[test]
    fn a_failure_has_the_first_line_of_its_errors() {
        let failed = shell("echo; echo why >&2; echo more >&2; exit 3", b"").run(LONG).unwrap_err();
        assert!(failed.to_string().ends_with("failed with exit code 3: why"), "{failed}");
        let nothing = Command { program: "/nowhere/git".into(), ..Command::default() };
        let failed = nothing.run(LONG).unwrap_err().to_string();
        assert!(failed.starts_with("`/nowhere/git` cannot be run: "), "{failed}");
    }
}
