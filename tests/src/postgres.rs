//! A PostgreSQL of the tests' own, from Debian's package: a cluster in a folder that is removed afterwards, which listens on
//! a Unix socket in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::wait::until;

/// The role that the tests log in as: it may do everything.
pub const USER: &str = "hookd";

/// The port, which is part of the name of the socket, unless a test sets another.
const DEFAULT_PORT: u16 = 5432;

/// A cluster. It is killed when it is dropped, or when the test's process ends.
pub struct Postgres {
    folder: TempDir,
    settings: Vec<String>,
    port: u16,
    server: Option<Child>,
    databases: AtomicU32,
    _janitor: Janitor,
}

/// Removes a folder when the process of the test has ended, however it did: what all tests of a process share is never
/// dropped.
pub(crate) struct Janitor {
    /// It waits for the end of its input.
    _process: Child,
}

impl Janitor {
    pub(crate) fn of(folder: &Path) -> Self {
        let script = "trap '' INT TERM; cat > /dev/null; \
            [ -e \"$0/data/postmaster.pid\" ] && kill -QUIT \"$(head -n 1 \"$0/data/postmaster.pid\")\"; \
            n=0; while [ -e \"$0/data/postmaster.pid\" ] && [ $n -lt 50 ]; do n=$((n + 1)); sleep 0.1; done; rm -rf \"$0\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { _process: shell.spawn().expect("a shell runs") }
    }
}

impl Postgres {
    /// Makes a cluster and starts it. Commits are not synced to the disk, which makes no difference to who kills it.
    ///
    /// # Panics
    /// When PostgreSQL is not installed; `cargo xtask test` installs it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("hookd-pg-").tempdir().expect("a folder for the cluster");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        give_away(folder.path());
        let initdb = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username", USER, "--pgdata"];
        run(unprivileged("initdb").args(initdb).arg(folder.path().join("data")));
        let (settings, port, databases) = (Vec::new(), DEFAULT_PORT, AtomicU32::new(0));
        let janitor = Janitor::of(folder.path());
        let mut cluster = Self { folder, settings, port, server: None, databases, _janitor: janitor };
        cluster.start_again();
        cluster
    }

    /// A cluster that all tests of this process share, each with a database of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets `ssl=on` and the like, for the next start.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// Listens on this port of the loopback as well, from the next start on.
    pub fn listen_on(&mut self, port: u16) {
        self.port = port;
        self.set("listen_addresses=127.0.0.1");
    }

    /// Writes a file into the folder of its data, which only the server may read.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join("data").join(name);
        fs::write(&path, text).expect("the folder is writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        give_away(&path);
    }

    /// The folder of its socket, as the host of a connection.
    pub fn host(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
    }

    /// The URL of a database, for `[store]`.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}@:{}/{database}?host={}", self.port, self.host())
    }

    /// Makes an empty database; returns its name.
    pub fn new_database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Runs SQL; returns the rows, a line each, the values with `|` between them.
    ///
    /// # Panics
    /// When it fails.
    pub fn query(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(program("psql"));
        let arguments = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
        psql.args(arguments).args(self.login()).args(["--dbname", database]);
        run(psql.args(["--command", sql])).trim_end().to_owned()
    }

    fn login(&self) -> [String; 6] {
        let (host, port) = (self.host(), self.port.to_string());
        ["--host", &host, "--port", &port, "--username", USER].map(str::to_owned)
    }

    /// Copies what `pg_dump` writes of the tables of hookd into an empty database.
    ///
    /// # Panics
    /// When either fails.
    pub fn copy(&self, from: &str, to: &str) {
        let file = self.folder.path().join("dump");
        let dump = ["--schema=hookd", "--format=custom", "--file"];
        run(Command::new(program("pg_dump")).args(self.login()).args(dump).arg(&file).args(["--dbname", from]));
        run(Command::new(program("pg_restore")).args(self.login()).args(["--dbname", to]).arg(&file));
    }

    /// Ends it as a crash does: without a checkpoint, and in the midst of everything.
    pub fn kill(&mut self) {
        self.end("QUIT");
    }

    /// Stops it as its service does: connections are closed, and what they did is rolled back.
    pub fn stop(&mut self) {
        self.end("INT");
    }

    fn end(&mut self, signal: &str) {
        let Some(mut server) = self.server.take() else { return };
        let kill = format!("kill -{signal} {}", server.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell runs");
        assert!(sent.success(), "PostgreSQL was no longer running");
        server.wait().expect("it is our child");
    }

    /// Starts it again after it was stopped, and waits until it answers.
    pub fn start_again(&mut self) {
        let mut command = unprivileged("postgres");
        command.arg("-D").arg(self.folder.path().join("data")).arg("-k").arg(self.folder.path());
        let quick = ["listen_addresses=", "fsync=off", "shared_buffers=16MB", "max_connections=60"];
        let port = format!("port={}", self.port);
        let settings = quick.into_iter().chain([port.as_str()]).chain(self.settings.iter().map(String::as_str));
        for setting in settings {
            command.args(["-c", setting]);
        }
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log"));
        let log = log.expect("the folder is writable");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        // It is signalled when the thread that has started it ends: this one lives as long as the process.
        let (sender, started) = std::sync::mpsc::channel();
        live_on(move || drop(sender.send(command.spawn().expect("PostgreSQL starts"))));
        self.server = Some(started.recv().expect("PostgreSQL starts"));
        until("PostgreSQL answers", || {
            let port = self.port.to_string();
            let ready = ["--quiet", "--timeout=0", "--host", &self.host(), "--port", &port];
            Command::new(program("pg_isready")).args(ready).status().expect("it runs").success().then_some(())
        });
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server.as_mut().is_some_and(|server| server.try_wait().is_ok_and(|ended| ended.is_none())) {
            self.kill();
        }
        if thread::panicking() {
            let log = self.log();
            let from = log.char_indices().rev().nth(3000).map_or(0, |(at, _)| at);
            eprintln!("PostgreSQL logged last:\n{}", &log[from..]);
        }
    }
}

/// A program of Debian's newest PostgreSQL.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists());
    found.max().unwrap_or_else(|| panic!("`{name}` of PostgreSQL is not there; `cargo xtask test` installs it"))
}

/// Whether this is root, as whom PostgreSQL does not run.
fn is_root() -> bool {
    static IS_ROOT: OnceLock<bool> = OnceLock::new();
    *IS_ROOT.get_or_init(|| {
        let id = Command::new("id").arg("-u").output().expect("`id` runs");
        id.stdout == b"0\n"
    })
}

/// A command for a program of PostgreSQL, as another user than root, which ends with this process.
pub(crate) fn unprivileged(name: &str) -> Command {
    unprivileged_program(&program(name))
}

pub(crate) fn unprivileged_program(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig", "QUIT"]).arg(program).current_dir("/");
    command
}

/// Makes a folder that of the user as whom PostgreSQL runs.
pub(crate) fn give_away(folder: &Path) {
    if is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder));
    }
}

/// Runs something on a thread that lives as long as the process.
pub(crate) fn live_on(run: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        run();
        loop {
            thread::park();
        }
    });
}

/// Runs a command; returns what it prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
