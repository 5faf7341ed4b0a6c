//! `hookd notify`: what is pushed to real repositories, with the real tools and hookd as their hook, becomes changes.

mod git;
mod git_limits;
mod git_rules;
mod hg;
mod script;
mod spool;
mod svn;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hookd_tests::{Home, Hookd};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with repositories, in which tools read no other configuration.
struct Workshop(TempDir);

impl Workshop {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("hookd-notify-").tempdir().expect("a folder for the test"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it is writable");
        fs::write(path, text).expect("it is writable");
    }

    /// Makes a hook: a script of these lines, in which `hookd notify` is the one under test.
    fn hook(&self, name: &str, script: &str) {
        let notify = format!("'{}' notify", hookd_tests::binary().display());
        self.write(name, format!("#!/bin/sh\n{}\n", script.replace("hookd notify", &notify)));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).expect("it was just made");
    }

    fn command(&self, folder: &str, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path(folder));
        for (name, value) in [
            ("HOME", self.0.path().to_str().expect("it is plain")),
            ("HGRCPATH", ""),
            ("LC_ALL", "C.UTF-8"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Jan Ärzte"),
            ("GIT_AUTHOR_EMAIL", "jan@example.org"),
            ("GIT_AUTHOR_DATE", "1700000000 +0100"),
            ("GIT_COMMITTER_NAME", "Eva"),
            ("GIT_COMMITTER_EMAIL", "eva@example.org"),
            ("GIT_COMMITTER_DATE", "1700000007 +0100"),
        ] {
            command.env(name, value);
        }
        command
    }

    /// Runs a program in one of its folders, which must succeed.
    #[track_caller]
    fn run(&self, folder: &str, program: &str, arguments: &[&str]) -> Ran {
        let output = self.command(folder, program, arguments).output().expect("the program runs");
        let ran = Ran::of(&output);
        assert!(output.status.success(), "{program} {arguments:?}: {}{}", ran.out, ran.err);
        ran
    }

    #[track_caller]
    fn git(&self, folder: &str, arguments: &[&str]) -> Ran {
        self.run(folder, "git", arguments)
    }

    /// A bare repository `server` with this hook `post-receive`, and an empty one, `client`, that pushes to it.
    fn git_repositories(&self, hook: &str) {
        self.git("", &["init", "--quiet", "--bare", "--initial-branch=main", "server"]);
        self.git("", &["init", "--quiet", "--initial-branch=main", "client"]);
        self.git("client", &["remote", "add", "origin", "../server"]);
        self.hook("server/hooks/post-receive", hook);
    }

    /// Commits all that is in `client`; returns the revision.
    fn commit(&self, message: &str) -> String {
        self.git("client", &["add", "--all"]);
        self.git("client", &["commit", "--quiet", "--allow-empty", "--message", message]);
        self.revision("HEAD")
    }

    /// Commits a file of this name with other contents than before; returns the revision.
    fn commit_file(&self, file: &str) -> String {
        let path = self.path("client").join(file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        self.write(&format!("client/{file}"), format!("{before}{file}\n"));
        self.commit(&format!("change {file}"))
    }

    fn revision(&self, name: &str) -> String {
        self.git("client", &["rev-parse", name]).out.trim().to_owned()
    }
}

/// What a program printed.
struct Ran {
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// A hookd with base.
fn master() -> Hookd {
    Home::serving("[change_hook_dialects]\nbase = true").start()
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/change_hook/base")
}

/// The hook of git that sends to an address, with plenty of time.
fn git_hook(address: SocketAddr, options: &str) -> String {
    format!("exec hookd notify git --master {} --timeout 60 {options}", url(address))
}

/// An address that refuses connections.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("the loopback has a free port")
}

/// An address that accepts connections and never answers, until this is dropped.
struct Hanging(SocketAddr);

impl Hanging {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            let mut held: Vec<TcpStream> = Vec::new();
            held.extend(listener.incoming().flatten());
        });
        Self(address)
    }
}

/// A field of all changes, oldest first.
fn all(changes: &[Value], field: &str) -> Vec<String> {
    changes.iter().map(|change| change[field].as_str().unwrap_or_default().to_owned()).collect()
}

/// Branch and revision of all changes, oldest first.
fn heads(hookd: &Hookd) -> Vec<(String, String)> {
    let changes = hookd.admin().changes();
    all(&changes, "branch").into_iter().zip(all(&changes, "revision")).collect()
}

/// The names of the files in a folder, sorted, but for the lock of a spool.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "lock");
    names.sort();
    names
}
