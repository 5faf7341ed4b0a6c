//! hookd's folder: everything that remains between two runs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::hookd::{Hookd, Running};
use crate::peers;

/// The start of every test's configuration: free ports and a store in the folder.
pub const LISTENERS: &str = r#"
[server]
listen = "127.0.0.1:0"

[admin]
listen = "127.0.0.1:0"

[store]
url = "sqlite:hookd.db"
"#;

/// A folder with a configuration and, after the first run, a store.
pub struct Home {
    folder: TempDir,
    environment: Vec<(String, String)>,
    within: Vec<String>,
    binary: Option<PathBuf>,
}

impl Home {
    /// A folder with these tables added to listeners on free ports and a store:
    /// `Home::serving("[change_hook_dialects]\nbase = true")`.
    pub fn serving(tables: &str) -> Self {
        Self::with_config(&format!("{LISTENERS}\n{tables}\n"))
    }

    /// A folder with only this `hookd.toml`.
    pub fn with_config(config: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("hookd-test-").tempdir().expect("a folder for the test");
        let home = Self { folder, environment: Vec::new(), within: Vec::new(), binary: None };
        home.write("hookd.toml", config);
        home
    }

    /// Adds a variable to hookd's environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs hookd through another program, which gets hookd's command line as its last arguments and must `exec` it:
    /// `prlimit --nofile=100`.
    #[must_use]
    pub fn within(mut self, program: &[&str]) -> Self {
        self.within = program.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Runs another build of hookd.
    #[must_use]
    pub fn with_binary(mut self, binary: PathBuf) -> Self {
        self.binary = Some(binary);
        self
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), text).expect("the test's folder is writable");
    }

    /// Starts `hookd serve`, and waits until it listens.
    pub fn start(self) -> Hookd {
        Hookd::start(self)
    }

    /// Starts `hookd serve`, and kills it with SIGKILL after this time, whatever it is doing then.
    #[must_use]
    pub fn start_and_kill_9_after(self, pause: Duration) -> Self {
        Hookd::start_and_kill_9_after(&self, pause);
        self
    }

    /// Starts `hookd` with these arguments, which goes on until it is dropped.
    pub fn start_command(&self, arguments: &[&str]) -> Running {
        Running::start(self.command().args(arguments))
    }

    /// Runs `hookd` with these arguments until it ends.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        let output = self.command().args(arguments).output().expect("hookd runs");
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// A command for `hookd` in this folder and environment.
    pub(crate) fn command(&self) -> Command {
        let binary = self.binary.as_deref().unwrap_or_else(|| binary());
        let mut command = match self.within.split_first() {
            None => Command::new(binary),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
        };
        command.current_dir(self.path()).env_remove("RUST_LOG");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The result of a command.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// The binary under test: `HOOKD_BIN`, or else the workspace's own, built on first use.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = env::var_os("HOOKD_BIN") {
            return path.into();
        }
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        without_variables_of_cargo(&mut cargo);
        let build = ["build", "--quiet", "--package", "hookd", "--bin", "hookd"];
        let built = cargo.args(build).current_dir(peers::root()).status().expect("cargo runs");
        assert!(built.success(), "hookd does not build");
        peers::target().join("debug/hookd")
    })
}

/// Runs a program without the variables with which cargo describes the package of this test: the build script of `ring` would
/// see them change, and half of hookd would be compiled again.
pub fn without_variables_of_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        let beginnings = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_"];
        if name.to_str().is_some_and(|name| beginnings.iter().any(|beginning| name.starts_with(beginning))) {
            command.env_remove(name);
        }
    }
    command
}
