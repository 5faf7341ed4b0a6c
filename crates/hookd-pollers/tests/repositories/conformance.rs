//! The same history, polled by Buildbot's own `SVNPoller` and `HgPoller`: changes are compared field by field.
//!
//! What hookd does otherwise is listed in `docs/differences.md`, and is taken out here, each by a rule of its own.

mod hg;
mod svn;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use hookd_core::Change;
use serde_json::{Value, json};

/// A file or folder of the workspace.
fn workspace(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A poller of Buildbot. It is killed when it is dropped.
struct Buildbot {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Buildbot {
    fn start(class: &str, options: &Value) -> Self {
        let peers = std::env::var_os("HOOKD_PEERS").map_or_else(|| workspace("target/peers"), PathBuf::from);
        let python = peers.join("venv/bin/python");
        assert!(python.exists(), "{} is not there; `cargo xtask test` gets it", python.display());
        let mut command = Command::new(python);
        command.arg(workspace("tests/peers/svn_hg_poller.py")).env("LC_ALL", "C.UTF-8").env("HGRCPATH", "/dev/null");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut buildbot = Self { process, input, output };
        writeln!(buildbot.input, "{}", json!([class, options])).unwrap();
        buildbot
    }

    fn poll(&mut self) -> Vec<Value> {
        writeln!(self.input, "poll").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("Buildbot answered `{line}`: {error}"))
    }
}

impl Drop for Buildbot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A change of hookd as Buildbot's poller would make it.
fn as_buildbot(change: &Change) -> Value {
    json!({
        "author": change.author,
        "branch": change.branch,
        "category": null,
        "comments": change.comments,
        "committer": change.committer,
        "files": change.files,
        "project": change.project,
        "repository": change.repository,
        "revision": change.revision,
        "revlink": change.revlink,
        "src": change.src,
        "when_timestamp": change.when_timestamp,
    })
}

/// By revision, project and branch, each of which there is once.
fn keyed(changes: Vec<Value>) -> BTreeMap<String, Value> {
    let mut keyed = BTreeMap::new();
    for change in changes {
        let key = format!("{} {} {}", change["revision"], change["project"], change["branch"]);
        let before = keyed.insert(key.clone(), change);
        assert!(before.is_none(), "{key} is there twice");
    }
    keyed
}
