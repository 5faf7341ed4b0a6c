//! The same history, polled by Buildbot's own `GitPoller`: changes are compared field by field.
//!
//! What hookd does otherwise is listed in `docs/differences.md`, and is taken out here, each by a rule of its own.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fastrand::Rng;
use hookd_core::Change;
use serde_json::{Value, json};

use super::fixture::{Polling, Repo};

/// A file or folder of the workspace.
fn workspace(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Buildbot's poller. It is killed when it is dropped.
struct Buildbot {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Buildbot {
    fn start(repo: &Repo, others: &Value) -> Self {
        let peers = std::env::var_os("HOOKD_PEERS").map_or_else(|| workspace("target/peers"), PathBuf::from);
        let python = peers.join("venv/bin/python");
        assert!(python.exists(), "{} is not there; `cargo xtask test` gets it", python.display());
        let mut process = Command::new(python);
        process.arg(workspace("tests/peers/git_poller.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = process.stderr(Stdio::inherit()).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut buildbot = Self { process, input, output };
        let mut options = others.clone();
        options["repourl"] = json!(repo.url());
        writeln!(buildbot.input, "{options}").unwrap();
        buildbot
    }

    /// Begins a poll.
    fn ask(&mut self) {
        writeln!(self.input, "poll").unwrap();
    }

    /// The changes that the poll added.
    fn answer(&mut self) -> Vec<Value> {
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
fn as_buildbot(change: &Change, files: &[String]) -> Value {
    json!({
        "author": change.author,
        "branch": change.branch,
        "category": null,
        "comments": change.comments,
        "committer": change.committer,
        "files": files,
        "project": "",
        "repository": change.repository,
        "revision": change.revision,
        "src": change.src,
        "when_timestamp": change.when_timestamp,
    })
}

/// A name as git quotes it, which is how Buildbot tells names that are not ASCII, but for the quotes.
fn unquoted(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match (first, digits) {
            (b'\\', Some(digits)) => {
                let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                bytes.push(u8::try_from(value).unwrap());
                rest = &after[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The names that files had before a commit that renamed them.
fn renamed(repo: &Repo, revision: &str) -> HashSet<String> {
    let status = repo.git(&["log", "-1", "-m", "--first-parent", "-M", "--format=", "--name-status", "-z", revision]);
    let mut names = HashSet::new();
    let mut tokens = status.split('\0');
    while let Some(token) = tokens.next() {
        let name = tokens.next().unwrap_or_default().to_owned();
        if token.starts_with('R') {
            names.insert(name);
            tokens.next();
        }
    }
    names
}

/// One of the things that people do.
fn step(repo: &Repo, rng: &mut Rng, number: usize) {
    let branches = repo.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/"]);
    let branches: Vec<&str> = branches.lines().collect();
    let branch = *rng.choice(&branches).unwrap();
    repo.git(&["checkout", "--quiet", "--force", branch]);
    match rng.u8(0..14) {
        0 => repo.branch(rng.choice([format!("topic/{number}"), format!("zweig-ü{number}")]).unwrap().as_str()),
        1 if branch != "main" => {
            repo.checkout("main");
            repo.delete(branch);
            return;
        }
        2 | 3 => {
            let other = *rng.choice(&branches).unwrap();
            let message = format!("merge {number}\n\nof {other}");
            repo.merge_anyhow(other, &message);
            return;
        }
        4 if repo.git(&["rev-list", "--count", "HEAD"]).parse::<u32>().unwrap() > 3 => {
            repo.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
        }
        5 => {
            repo.git(&["tag", &format!("v{number}")]);
            repo.git(&["tag", "-a", &format!("a{number}"), "-m", "annotated"]);
            return;
        }
        6 => {
            let files = repo.git(&["-c", "core.quotePath=false", "ls-files", "-z"]);
            let file = files.split('\0').next().unwrap_or_default().to_owned();
            if !file.is_empty() {
                repo.git(&["mv", "--force", &file, &format!("renamed-{number}")]);
            }
        }
        7 => {
            let files = repo.git(&["-c", "core.quotePath=false", "ls-files", "-z"]);
            if let Some(file) = files.split('\0').nth(3).filter(|file| !file.is_empty()) {
                repo.git(&["rm", "--quiet", "--force", file]);
            }
        }
        8 => repo.write(&format!("größe/{number}/文件"), "x"),
        _ => repo.write(&format!("d{}/f{number}", number % 5), &format!("{number}")),
    }
    let message =
        rng.choice(["plain", "Subject in\ntwo lines\n\nBody ä\n\n  indented\n", "世界 🎉\n\n- list"]).unwrap();
    repo.commit_all(&format!("{number}: {message}"));
}

/// A poller of hookd and the same of Buildbot, and what they found that one alone may find.
struct Pair {
    hookd: Polling,
    buildbot: Buildbot,
    changes: usize,
    renames: usize,
    reported: HashSet<(String, String)>,
    doubled: usize,
}

impl Pair {
    async fn start(repo: &Repo, hookd: Value, buildbot: Value) -> Self {
        let (mut buildbot, hookd) = (Buildbot::start(repo, &buildbot), Polling::begun(repo, hookd).await);
        buildbot.ask();
        assert_eq!(buildbot.answer(), Vec::<Value>::new());
        Self { hookd, buildbot, changes: 0, renames: 0, reported: HashSet::new(), doubled: 0 }
    }

    async fn compare(&mut self, repo: &Repo, round: usize) {
        let mut expected = self.buildbot.answer();
        for change in &mut expected {
            for file in change["files"].as_array_mut().unwrap() {
                *file = json!(unquoted(file.as_str().unwrap()));
            }
        }
        let mut found = Vec::new();
        for change in self.hookd.changes().await {
            // Of a file that was renamed, Buildbot has the new name alone.
            let old = renamed(repo, change.revision.as_deref().unwrap());
            let files: Vec<String> = change.files.iter().filter(|file| !old.contains(*file)).cloned().collect();
            self.renames += usize::from(files.len() < change.files.len());
            found.push(as_buildbot(&change, &files));
        }
        let text = |change: &Value, field: &str| change[field].as_str().unwrap().to_owned();
        // What a branch that was rewritten had is reported again by Buildbot for another that still has it.
        expected.retain(|change| {
            let is_new = found.iter().any(|found| found["revision"] == change["revision"]);
            let is_known = self.reported.contains(&(text(change, "repository"), text(change, "revision")));
            self.doubled += usize::from(is_known && !is_new);
            is_new || !is_known
        });
        let json = |changes: &[Value]| serde_json::to_string_pretty(changes).unwrap();
        assert_eq!(json(&found), json(&expected), "in round {round}");
        self.reported.extend(found.iter().map(|change| (text(change, "repository"), text(change, "revision"))));
        self.changes += found.len();
    }
}

#[tokio::test]
#[ignore = "needs git, and Buildbot from cargo xtask test"]
async fn changes_are_those_of_buildbots_own_poller() {
    let repo = Repo::started();
    for number in 0..4 {
        repo.write(&format!("d{number}/first"), "x");
    }
    repo.commit_all("0: some files");
    // Without any, Buildbot takes its second poll for its first.
    repo.git(&["tag", "a0"]);
    let mut pairs = [
        Pair::start(&repo, json!({ "branches": true }), json!({ "branches": true })).await,
        Pair::start(
            &repo,
            json!({ "branch": "main", "usetimestamps": false }),
            json!({ "branch": "main", "usetimestamps": false }),
        )
        .await,
        Pair::start(
            &repo,
            json!({ "branches": true, "build_pushes_with_no_commits": true }),
            json!({ "branches": true, "buildPushesWithNoCommits": true }),
        )
        .await,
        Pair::start(&repo, json!({ "only_tags": true }), json!({ "only_tags": true })).await,
    ];
    let mut rng = Rng::with_seed(14);
    let mut number = 0;
    for round in 0..40 {
        for _ in 0..rng.usize(1..5) {
            number += 1;
            step(&repo, &mut rng, number);
        }
        pairs.iter_mut().for_each(|pair| pair.buildbot.ask());
        for pair in &mut pairs {
            pair.compare(&repo, round).await;
        }
    }
    let counts: Vec<_> = pairs.iter().map(|pair| (pair.changes, pair.renames, pair.doubled)).collect();
    println!("{number} steps; changes, of these with renames, and reported twice by Buildbot alone: {counts:?}");
    assert!(counts[0].0 >= 80 && counts.iter().all(|(changes, ..)| *changes >= 10), "{counts:?}");
    assert!(counts[0].1 > 0, "there were renames: {counts:?}");
}
