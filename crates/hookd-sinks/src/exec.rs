//! The sink `exec`: a command is run for each change, without a shell, and its exit code says how that ended.
//!
//! A value of a change is only ever part of one argument or one variable. Commands that outlive their time limit, and all
//! that they started in their process group, are killed; so is a command whose attempt is abandoned.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookd_core::{PathStep, Problem};
use hookd_process::{Ended, Finished, Outputs, Process, is_shortage};
use hookd_store::LoggedChange;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::Document;
use crate::template::{self, FIELDS, Template, value};
use crate::verdict::MAX_ANSWER_CHARS;
use crate::{Attempt, Sink, SinkContext, SinkOptions, SinkType};

/// Exit codes that mean something, from `sysexits.h`; every other one is tried again later.
const EX_DATAERR: i32 = 65;
const EX_CONFIG: i32 = 78;

/// What a command gets of hookd's own environment unless `pass_environment` names more: nothing that is a secret.
const PASSED: [&str; 12] = [
    "HOME",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TMPDIR",
    "TZ",
    "USER",
];

/// The options of the sink `exec`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Options {
    /// The program and its arguments. There is no shell. In an argument `{branch}` stands for the branch of the change;
    /// other fields are `author`, `category`, `changeid`, `codebase`, `comments`, `committer`, `deliveryid`, `dialect`,
    /// `hookd_id`, `project`, `repository`, `revision`, `revlink`, `src` and `when_timestamp`; `{{` and `}}` stand for
    /// braces. A field without a value is empty. A program with a slash in its name is found from the folder of the
    /// configuration file, others in `PATH`.
    ///
    /// The command gets the change as JSON on its standard input, and the same fields as variables `HOOKD_BRANCH`,
    /// `HOOKD_AUTHOR` and so on (the id as `HOOKD_ID`). Values longer than 64 KiB are cut there, but not in the JSON.
    ///
    /// It exits with 0 when the change was delivered, with 65 when it will never take this change, and with 78 when it is
    /// configured wrongly, so that no change is given up. After any other code, and when it is killed, it is run again
    /// later. The end of its output is kept with the attempt.
    #[schemars(length(min = 1))]
    command: Vec<String>,

    /// How long the command may run. After that it is killed, together with all that it started in its process group, and
    /// run again later.
    #[serde(default = "default_timeout", with = "hookd_core::duration")]
    #[schemars(with = "hookd_core::duration::DurationSchema")]
    timeout: Duration,

    /// Names of further variables of hookd's own environment that the command gets. It always gets `HOME`, `LANG`, `PATH`,
    /// `TZ` and the like, but nothing that may be a secret.
    #[serde(default)]
    pass_environment: Vec<String>,
}

fn default_timeout() -> Duration {
    Duration::from_secs(5 * 60)
}

/// A command.
struct Exec {
    program: PathBuf,
    arguments: Vec<Template>,
    timeout: Duration,
    passed: Vec<String>,
    name: String,
    shown: String,
    warnings: Vec<String>,
}

impl SinkOptions for Options {
    fn build(self, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let at = |index, message| Problem {
            path: vec![PathStep::Key("command".to_owned()), PathStep::Index(index)],
            message,
        };
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(vec![Problem::with("command", "at least the program is needed")]);
        };
        if program.is_empty() || program.contains('\0') {
            problems.push(at(0, "the name of a program is expected".to_owned()));
        } else if template::has_fields(program) {
            problems.push(at(0, "the program cannot depend on the change; its arguments can".to_owned()));
        }
        let mut templates = Vec::new();
        let mut ends_options = false;
        for (index, argument) in arguments.iter().enumerate() {
            match Template::parse(argument) {
                Ok(_) if argument.contains('\0') => {
                    problems.push(at(index + 1, "an argument cannot have a NUL byte".to_owned()));
                }
                Ok(template) => {
                    if template.begins_with_a_field() && !ends_options {
                        warnings.push(format!(
                            "`command`: the argument `{argument}` begins with a value of the change, which may begin with \
                             `-`: put `--` before it if the command takes it for an option"
                        ));
                    }
                    ends_options |= argument == "--";
                    templates.push(template);
                }
                Err(message) => problems.push(at(index + 1, message)),
            }
        }
        if self.timeout.is_zero() {
            problems.push(Problem::with("timeout", "a command needs more time than `0s`"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let path = Path::new(program);
        let passed = PASSED.iter().map(|name| (*name).to_owned()).chain(self.pass_environment).collect();
        Ok(Box::new(Exec {
            program: if program.contains('/') { context.path(path) } else { path.to_owned() },
            arguments: templates,
            timeout: self.timeout,
            passed,
            name: context.name.to_owned(),
            shown: self.command.join(" "),
            warnings,
        }))
    }
}

impl Exec {
    async fn run(&self, change: &LoggedChange) -> Attempt {
        let mut input = Document::new(change).to_line();
        input.push(b'\n');
        let process = Process {
            program: self.program.clone(),
            arguments: self.arguments.iter().map(|argument| argument.fill(change).into()).collect(),
            folder: None,
            environment: self.environment(change),
            input,
            output: Outputs::Merged,
            timeout: self.timeout,
            silence: None,
        };
        let Finished { ended, stderr: output, .. } = process.run().await;
        self.attempt(ended, &output)
    }

    fn environment(&self, change: &LoggedChange) -> Vec<(OsString, OsString)> {
        let passed = self.passed.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let fields = FIELDS.iter().map(|field| {
            let name =
                if *field == "hookd_id" { "HOOKD_ID".to_owned() } else { format!("HOOKD_{}", field.to_uppercase()) };
            (name.into(), value(change, field).into())
        });
        passed.chain(fields).chain([("HOOKD_SINK".into(), self.name.as_str().into())]).collect()
    }

    fn attempt(&self, ended: Ended, output: &str) -> Attempt {
        let program = self.program.display();
        let said = |how: String| {
            let room = MAX_ANSWER_CHARS.saturating_sub(how.chars().count() + 2);
            let output = output.trim();
            let skipped = output.chars().count().saturating_sub(room);
            let tail: String = output.chars().skip(skipped).collect();
            if tail.is_empty() { how } else { format!("{how}: {tail}") }
        };
        match ended {
            Ended::Exited(0) => Attempt::delivered(said("exit code 0".to_owned())),
            Ended::Exited(EX_DATAERR) => Attempt::refused(said(format!("exit code {EX_DATAERR}"))),
            Ended::Exited(EX_CONFIG) => Attempt::misconfigured(said(format!("exit code {EX_CONFIG}"))),
            Ended::Exited(code) => Attempt::later(said(format!("exit code {code}"))),
            Ended::Killed(signal) => Attempt::unanswered(said(format!("killed by signal {signal}"))),
            Ended::TimedOut => {
                let limit = hookd_core::duration::format(self.timeout);
                Attempt::unanswered(said(format!("killed after {limit}, its `timeout`")))
            }
            Ended::Silent | Ended::TooMuch => unreachable!("neither silence nor the length of its output has a limit"),
            Ended::NotStarted(error) => match error.kind() {
                std::io::ErrorKind::NotFound => Attempt::misconfigured(format!("there is no command `{program}`")),
                std::io::ErrorKind::PermissionDenied => {
                    Attempt::misconfigured(format!("`{program}` may not be executed: {error}"))
                }
                std::io::ErrorKind::ArgumentListTooLong => {
                    Attempt::refused(format!("the arguments of `{program}` are too long: {error}"))
                }
                // Out of processes, of memory, of files: passes. The rest is no program, or a folder on the way that is none.
                _ if is_shortage(&error) => Attempt::later(format!("`{program}` could not be started: {error}")),
                _ => Attempt::misconfigured(format!("`{program}` cannot be executed: {error}")),
            },
            Ended::Lost(error) => Attempt::unanswered(format!("how `{program}` ended is not known: {error}")),
        }
    }
}

impl Sink for Exec {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        Box::pin(self.run(change))
    }

    fn destination(&self) -> String {
        self.shown.clone()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

inventory::submit! {
    SinkType::new::<Options>("exec", "A command for each change, without a shell. At least once.")
}
