//! `file`: JSON Lines.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hookd_sinks::{Known, Verdict};
use hookd_store::LoggedChange;
use serde_json::{Value, json};

use crate::sinks::{LATER, build, build_in, change, expect, problems};

fn numbered(changeid: i64) -> LoggedChange {
    LoggedChange { changeid, hookd_id: format!("k3y-{changeid}-1"), ..change() }
}

fn numbers(path: &Path) -> Vec<i64> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["changeid"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn appends_lines_and_finds_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let sink = build_in(folder.path(), "file", json!({"path": "changes.jsonl"}));
    let path = folder.path().join("changes.jsonl");
    assert_eq!(sink.has(&numbered(1)).await, Known::No);
    assert!(!path.exists(), "it is opened when something is written");
    for changeid in [1, 2, 3] {
        expect(&sink.deliver(&numbered(changeid)).await, Verdict::Delivered, false, "written");
    }
    sink.flush().await.unwrap();
    assert_eq!(numbers(&path), [1, 2, 3]);
    assert_eq!(sink.has(&numbered(1)).await, Known::Yes("the line at byte 0".to_owned()));
    assert_eq!(sink.has(&numbered(4)).await, Known::No);
    assert_eq!(sink.destination(), path.display().to_string());
}

#[tokio::test]
async fn goes_on_after_a_crash_tore_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.jsonl");
    let options = json!({"path": path});
    build("file", options.clone()).deliver(&numbered(1)).await;
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{}", &whole.replace("k3y-1-1", "k3y-2-1")[..100])).unwrap();

    let sink = build("file", options);
    assert_eq!(sink.has(&numbered(2)).await, Known::No, "a torn line is none");
    expect(&sink.deliver(&numbered(2)).await, Verdict::Delivered, false, "written");
    assert_eq!(numbers(&path), [1, 2]);
}

#[tokio::test]
async fn opens_the_file_again_when_it_was_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let sink = build_in(folder.path(), "file", json!({"path": "changes.jsonl"}));
    let (path, old) = (folder.path().join("changes.jsonl"), folder.path().join("changes.jsonl.1"));
    sink.deliver(&numbered(1)).await;
    fs::rename(&path, &old).unwrap();
    sink.deliver(&numbered(2)).await;
    sink.reopen();
    sink.deliver(&numbered(3)).await;
    assert_eq!((numbers(&old), numbers(&path)), (vec![1, 2], vec![3]));
}

#[tokio::test]
async fn lines_of_attempts_at_once_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let sink = build_in(folder.path(), "file", json!({"path": "changes.jsonl"}));
    let attempts = (0..50).map(|changeid| {
        let sink = std::sync::Arc::clone(&sink);
        tokio::spawn(async move { sink.deliver(&numbered(changeid)).await })
    });
    for attempt in attempts.collect::<Vec<_>>() {
        expect(&attempt.await.unwrap(), Verdict::Delivered, false, "written");
    }
    let mut written = numbers(&folder.path().join("changes.jsonl"));
    written.sort_unstable();
    assert_eq!(written, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_disk_is_waited_for_and_a_wrong_path_is_not() {
    expect(
        &build("file", json!({"path": "/dev/full"})).deliver(&change()).await,
        LATER,
        false,
        "No space left on device",
    );

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hookd.toml"), "[server]").unwrap();
    let attempt = async |path: &str| build_in(folder.path(), "file", json!({"path": path})).deliver(&change()).await;
    expect(&attempt(".").await, Verdict::ThisSink, false, "is a folder");
    expect(&attempt("none/changes.jsonl").await, Verdict::ThisSink, false, "does not exist");
    expect(&attempt("hookd.toml/x").await, Verdict::ThisSink, false, "cannot be written to");
    expect(&attempt("hookd.toml").await, Verdict::ThisSink, false, "is this the right file?");
    assert_eq!(fs::read_to_string(folder.path().join("hookd.toml")).unwrap(), "[server]");

    let locked = folder.path().join("locked.jsonl");
    fs::write(&locked, "").unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o400)).unwrap();
    // Nothing is locked to root.
    if fs::OpenOptions::new().append(true).open(&locked).is_err() {
        expect(&attempt("locked.jsonl").await, Verdict::ThisSink, false, "cannot be written to");
    }
}

/// Where the process of the test below finds its file.
const LIMITED_FILE: &str = "HOOKD_TEST_LIMITED_FILE";

#[tokio::test]
async fn a_line_of_which_only_a_part_fits_is_taken_back() {
    let Some(path) = std::env::var_os(LIMITED_FILE).map(PathBuf::from) else {
        // Once more, in a process that may not write large files.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        let status = Command::new("sh")
            .args(["-c", r#"trap '' XFSZ; ulimit -f 64; exec "$0" "$@""#])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "file::a_line_of_which_only_a_part_fits_is_taken_back"])
            .env(LIMITED_FILE, &path)
            .status();
        assert!(status.unwrap().success());
        assert_eq!(numbers(&path), [1, 3]);
        return;
    };
    let sink = build("file", json!({"path": path}));
    expect(&sink.deliver(&numbered(1)).await, Verdict::Delivered, false, "written");
    let mut large = numbered(2);
    large.change.comments = "x".repeat(200_000);
    expect(&sink.deliver(&large).await, LATER, false, "File too large");
    expect(&sink.deliver(&numbered(3)).await, Verdict::Delivered, false, "written");
}

#[tokio::test]
async fn standard_output_cannot_be_asked() {
    let sink = build("file", json!({"path": "-"}));
    assert_eq!(sink.destination(), "standard output");
    expect(&sink.deliver(&change()).await, Verdict::Delivered, false, "written");
    assert_eq!(sink.has(&change()).await, Known::CannotTell);
}

#[test]
fn a_path_is_needed() {
    assert_eq!(problems("file", json!({})), ["option `path` is missing"]);
    assert_eq!(problems("file", json!({"path": ""})), ["path: a path is expected, or `-` for standard output"]);
}
