//! One run of `git`, `hg` or `svnlook`, in the environment of the hook, which says which repository it is.

use std::env;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use hookd_process::{Ended, Finished, Outputs, Process};

/// How much of its output is taken.
const MAX_OUTPUT_BYTES: usize = 64 << 20;

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

impl Command {
    /// Runs it to its end, within `limit`, and returns its output.
    pub(crate) fn run(self, limit: Duration) -> Result<Vec<u8>, Failed> {
        let (program, name) = (self.program.to_string_lossy().into_owned(), self.name());
        let not_started = |error| Failed::NotStarted { program: program.clone(), error };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(not_started)?;
        let added = self.environment.iter().map(|(name, value)| (name.into(), value.into()));
        let is_added = |name: &OsString| self.environment.iter().any(|(added, _)| name == added);
        let process = Process {
            program: self.program.into(),
            arguments: self.arguments,
            folder: None,
            environment: env::vars_os().filter(|(name, _)| !is_added(name)).chain(added).collect(),
            input: self.input,
            output: Outputs::Separate { most: MAX_OUTPUT_BYTES },
            timeout: limit,
            silence: None,
        };
        let Finished { ended, stdout, stderr } = runtime.block_on(process.run());
        let code = match ended {
            Ended::Exited(0) => return Ok(stdout),
            Ended::Exited(code) => code,
            Ended::TimedOut | Ended::Silent => return Err(Failed::TimedOut(name)),
            Ended::TooMuch => return Err(Failed::TooMuch(name)),
            Ended::NotStarted(error) | Ended::Lost(error) => return Err(not_started(error)),
            Ended::Killed(_) => -1,
        };
        let said = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why").trim();
        let said = said.chars().filter(|character| !character.is_control()).take(300).collect();
        Err(Failed::Exited { program: name, code, said })
    }

    /// The program and, if it has one, the name of its own command, for messages.
    fn name(&self) -> String {
        let mut name = self.program.to_string_lossy().into_owned();
        let mut words = self.arguments.iter().map(|argument| argument.to_string_lossy());
        if let Some(word) = words
            .find(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-'))
        {
            name.push(' ');
            name.push_str(&word);
        }
        name
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
        assert_eq!(failed.to_string(), "`sh` printed more than 64 MiB and was killed");
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
