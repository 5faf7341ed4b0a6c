//! Repositories and addresses that mean harm, servers that hang, and credentials that nobody must see.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hookd_pollers::{Engine, EveryPoller, PollerSettings};
use hookd_store::{MemoryStore, SharedStore};
use serde_json::json;

use super::fixture::{Polling, Repo, build, options};

#[tokio::test]
#[ignore = "needs git"]
async fn a_branch_that_looks_like_an_option_is_a_branch() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    let head = repo.commit("second");
    let marker = repo.folder.path().join("touched");
    for name in
        ["--upload-pack=touch${IFS}touched", "-x", "--output=touched", "$(touch${IFS}touched)", "`id`", "a;b|c&d"]
    {
        repo.git(&["update-ref", &format!("refs/heads/{name}"), &head]);
    }
    let head = repo.commit("third");
    repo.git(&["update-ref", "refs/heads/-odd", &head]);
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let mut reported = polling.reported().await;
    reported.sort();
    assert_eq!(reported, ["$(touch${IFS}touched): second", "-odd: third"], "reported for the first by name");
    assert!(!marker.exists() && polling.at("refs/heads/--upload-pack=touch${IFS}touched").is_some());
}

#[tokio::test]
#[ignore = "needs git"]
async fn hooks_and_configuration_of_the_remote_are_not_run() {
    let repo = Repo::started();
    let marker = repo.folder.path().join("touched");
    let script = format!("#!/bin/sh\ntouch '{}'\n", marker.display());
    for hook in ["post-checkout", "reference-transaction", "post-update", "pre-receive", "fsmonitor-watchman"] {
        let path = repo.folder.path().join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &script).unwrap();
    }
    let program = repo.folder.path().join(".git/hooks/program");
    fs::write(&program, &script).unwrap();
    let program = program.to_str().unwrap().to_owned();
    for name in
        ["core.fsmonitor", "core.sshCommand", "core.pager", "uploadpack.packObjectsHook", "core.alternateRefsCommand"]
    {
        repo.git(&["config", name, &program]);
    }
    repo.git(&["-c", "core.fsmonitor=false", "commit", "--quiet", "--allow-empty", "-m", "second"]);
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    for hook in fs::read_dir(repo.folder.path().join(".git/hooks")).unwrap().flatten() {
        fs::set_permissions(hook.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let head = repo.git(&[
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "commit-tree",
        "-m",
        "third",
        "-p",
        "HEAD",
        "HEAD^{tree}",
    ]);
    fs::write(repo.folder.path().join(".git/refs/heads/main"), format!("{head}\n")).unwrap();
    assert_eq!(polling.reported().await, ["main: third"]);
    assert!(!marker.exists(), "a program of the remote repository was run");
}

#[tokio::test]
#[ignore = "needs git"]
async fn submodules_are_files_and_not_fetched() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({})).await;
    let head = repo.head();
    repo.write(".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c touch% /tmp/never\n");
    repo.git(&["add", ".gitmodules"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},s")]);
    repo.git(&["commit", "--quiet", "-m", "a submodule"]);
    assert_eq!(polling.changes().await[0].files, [".gitmodules", "s"]);
}

#[test]
fn addresses_that_run_programs_are_refused() {
    for url in ["--upload-pack=x", "ext::sh -c id", "fd::0", "-oProxyCommand=id:x"] {
        let problems = build(options(url, json!({})), std::path::Path::new("/nowhere")).err().unwrap();
        assert!(problems[0].to_string().starts_with("repourl: "), "{problems:?}");
    }
}

/// A server that answers each request with this, and what it was asked.
fn server(answer: &'static str) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut head = Vec::new();
            let mut piece = [0; 1024];
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                match connection.read(&mut piece) {
                    Ok(length @ 1..) => head.extend_from_slice(&piece[..length]),
                    _ => break,
                }
            }
            let _ = connection.write_all(answer.as_bytes());
            if sender.send(String::from_utf8_lossy(&head).into_owned()).is_err() {
                return;
            }
        }
    });
    (port, asked)
}

const UNAUTHORIZED: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"tea\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[tokio::test]
#[ignore = "needs git"]
async fn a_repository_that_asks_for_a_password_is_an_error() {
    let (port, _asked) = server(UNAUTHORIZED);
    let polling = Polling::of(&format!("http://127.0.0.1:{port}/tea"), json!({}));
    let error = polling.peek().await.unwrap_err().0;
    assert!(error.contains("terminal prompts disabled"), "{error}");
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_password_is_sent_and_seen_by_nobody_else() {
    let (port, asked) = server(UNAUTHORIZED);
    let url = format!("http://127.0.0.1:{port}/tea");
    let credentials = json!({ "auth_credentials": { "user": "me", "password": "s3cr3t-p4ss" } });
    let with_url = format!("http://me:s3cr3t-p4ss@127.0.0.1:{port}/tea");
    for polling in [Polling::of(&url, credentials), Polling::of(&with_url, json!({}))] {
        assert_eq!(polling.poller.repository(), url);
        let error = polling.peek().await.unwrap_err().0;
        assert!(!error.contains("s3cr3t") && error.contains("Authentication failed"), "{error}");
        let heads: Vec<String> = asked.try_iter().collect();
        // `me:s3cr3t-p4ss` in Base64.
        assert!(heads.iter().any(|head| head.contains("Basic bWU6czNjcjN0LXA0c3M=")), "{heads:?}");
    }
    assert_eq!(super::fixture::git_type().name, "git");
    let name = (super::fixture::git_type().default_name)(options(&with_url, json!({})).as_object().unwrap());
    assert_eq!(name, Some(url));
}

/// What `ps` shows, of a `git` that writes down its own command line and environment.
#[tokio::test]
#[ignore = "needs git"]
async fn a_password_is_in_no_argument() {
    let scripts = tempfile::tempdir().unwrap();
    let script = scripts.path().join("git");
    let log = scripts.path().join("log");
    let text = format!("#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/cmdline >> '{}'\nexec git \"$@\"\n", log.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let (port, _asked) = server(UNAUTHORIZED);
    let url = format!("http://me:s3cr3t-p4ss@127.0.0.1:{port}/tea");
    let polling = Polling::of(&url, json!({ "gitbin": script.to_str().unwrap() }));
    polling.peek().await.unwrap_err();
    let seen = fs::read_to_string(&log).unwrap();
    assert!(seen.contains("ls-remote") && !seen.contains("s3cr3t"), "{seen}");
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_git_that_cannot_be_run_is_named() {
    let polling = Polling::of("file:///srv/tea", json!({ "gitbin": "/nowhere/git" }));
    let error = polling.peek().await.unwrap_err().0;
    assert_eq!(error, "cannot run `/nowhere/git`: No such file or directory (os error 2)");
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_repository_that_is_not_there_is_an_error_that_says_so() {
    let polling = Polling::of("file:///nowhere/tea", json!({}));
    let error = polling.peek().await.unwrap_err().0;
    assert!(error.contains("'/nowhere/tea' does not appear to be a git repository"), "{error}");
}

/// Whether a process runs whose command line has this in it.
fn runs(text: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(text))
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_repository_that_hangs_is_an_error_and_the_others_go_on() {
    // It takes connections, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}/tea", listener.local_addr().unwrap().port());
    let folders = tempfile::tempdir().unwrap();
    let repo = Repo::started();
    let settings = |name: &str, url: &str, poll_timeout| {
        let poller = build(options(url, json!({})), &folders.path().join(name)).unwrap();
        let every = EveryPoller { poll_timeout, ..EveryPoller::default() };
        Arc::new(PollerSettings::new("git", name.to_owned(), poller, every).unwrap())
    };
    let store: SharedStore = Arc::new(MemoryStore::new());
    let engine = Engine::start(Arc::clone(&store), Arc::new(())).unwrap();
    let short = Duration::from_secs(1);
    let long = Duration::from_secs(600);
    let pollers = [
        settings("hangs", &format!("http://{address}"), short),
        settings("works", &repo.url(), long),
        settings("stopped", &format!("http://{address}/2"), long),
    ];
    engine.apply(&pollers).await;
    let mut works = engine.watch("works").unwrap();
    works.wait_for(|status| status.succeeded_at.is_some()).await.unwrap();
    let mut hangs = engine.watch("hangs").unwrap();
    let error = hangs.wait_for(|status| status.error.is_some()).await.unwrap().error.clone();
    assert_eq!(error.as_deref(), Some("the poll took longer than 1s, its `poll_timeout`"));
    let url = format!("{address}/2");
    while !runs(&url) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // A long poll does not hold up a stop, and nothing of it stays.
    engine.stop().await;
    while runs(&address) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
