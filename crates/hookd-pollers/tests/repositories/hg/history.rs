//! What a poller reports of histories of all kinds.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use hookd_core::Change;
use serde_json::json;

use super::Repository;
use crate::interrupted::poll_with_interruptions;
use crate::polling::shown;
use crate::tools::{text, with};

#[tokio::test]
#[ignore = "needs hg"]
async fn each_revision_is_reported_once() {
    let repository = Repository::new();
    let options = with(&repository.options(), "revlink", "https://hg.example.org/rev/{revision}");
    let mut polling = repository.polled(&options).await;
    assert_eq!(polling.poll().await, [], "nothing is new");
    let second = repository.commit("second\n\nGrüße, 日本 \u{1f600}", &[("a", "1"), ("ü ö:x", "1")]);
    fs::remove_file(repository.path().join("a")).unwrap();
    repository.hg(&["commit", "--quiet", "--addremove", "--message", "third", "--date", "1700000000 -3600"]);
    let third = repository.hash(".");
    let changes = polling.poll().await;
    let expected = |revision: &str, comments: &str, files: &[&str], when_timestamp| Change {
        author: "Jürgen <me@example.org>".to_owned(),
        branch: Some("default".to_owned()),
        comments: comments.to_owned(),
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        repository: text(repository.path()),
        revision: Some(revision.to_owned()),
        revlink: Some(format!("https://hg.example.org/rev/{revision}")),
        src: Some("hg".to_owned()),
        when_timestamp,
        ..Change::default()
    };
    let when = changes[0].when_timestamp;
    let now = hookd_store::Timestamp::now().as_micros() / 1_000_000;
    assert!(when.is_some_and(|when| (now - 600..=now).contains(&when)), "{when:?}");
    assert_eq!(
        changes,
        [
            expected(&second, "second\n\nGrüße, 日本 \u{1f600}", &["a", "ü ö:x"], when),
            expected(&third, "third", &["a"], Some(1_700_000_000)),
        ]
    );
    assert_eq!(polling.poll().await, []);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn options_decide_on_times_and_encodings() {
    let repository = Repository::new();
    let options = json!({"repourl": text(repository.path()), "usetimestamps": false, "encoding": "latin-1"});
    let mut polling = repository.polled(&options).await;
    fs::write(repository.path().join(std::ffi::OsStr::from_bytes(b"\xfcber")), "1").unwrap();
    repository.commit("latin", &[]);
    let changes = polling.poll().await;
    assert_eq!((changes[0].files.as_slice(), changes[0].when_timestamp), (&["über".to_owned()][..], None));
}

#[tokio::test]
#[ignore = "needs hg"]
async fn several_heads_are_normal() {
    let repository = Repository::new();
    let first = repository.hash("tip");
    let mut polling = repository.polled(&repository.options()).await;
    let one = repository.commit_on("default", &first, "one", "one");
    let two = repository.commit_on("default", &first, "two", "two");
    assert_eq!(shown(&polling.poll().await), ["default one: one", "default two: two"]);
    assert_eq!(polling.poll().await, []);
    repository.commit_on("default", &one, "one more", "one");
    assert_eq!(shown(&polling.poll().await), ["default one more: one"]);
    repository.merge(&two, "max(branch(default))", "merge");
    repository.commit("after", &[("after", "1")]);
    // The files of a merge are those that it brings to its first parent.
    assert_eq!(shown(&polling.poll().await), ["default merge: one", "default after: after"]);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn what_is_merged_in_from_beside_is_reported_for_each_name_that_it_is_new_on() {
    let repository = Repository::new();
    let first = repository.hash("tip");
    repository.commit_on("stable", &first, "stable", "stable");
    let options = with(&repository.options(), "branches", json!(["default", "stable"]));
    let mut polling = repository.polled(&options).await;
    let beside = repository.commit_on("beside", &first, "beside", "beside");
    assert_eq!(polling.poll().await, [], "it is not followed");
    repository.merge(&first, &beside, "merge of beside");
    let fix = repository.commit_on("stable", "stable", "fix", "fix");
    repository.merge("default", &fix, "merge of stable");
    assert_eq!(
        shown(&polling.poll().await),
        [
            "default stable: stable",
            "default beside: beside",
            "default merge of beside: beside",
            "default fix: fix",
            "stable fix: fix",
            "default merge of stable: fix,stable",
        ]
    );
    assert_eq!(polling.poll().await, []);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_branch_that_is_closed_reports_all_that_it_got() {
    let repository = Repository::new();
    let mut polling = repository.polled(&repository.options()).await;
    repository.commit("last", &[("a", "1")]);
    repository.hg(&["commit", "--close-branch", "--message", "closed"]);
    assert_eq!(shown(&polling.poll().await), ["default last: a", "default closed: "]);
    assert_eq!((polling.poll().await, polling.error), (Vec::new(), None));
}

#[tokio::test]
#[ignore = "needs hg"]
async fn rewritten_history_reports_what_is_new() {
    let repository = Repository::new();
    repository.commit("second", &[("a", "1")]);
    let mut polling = repository.polled(&repository.options()).await;
    repository.commit("wrong", &[("a", "2")]);
    repository.commit("wrong too", &[("a", "3")]);
    assert_eq!(polling.poll().await.len(), 2);
    // Two revisions become two others, and something before them is kept.
    repository.hg(&["strip", "--quiet", "--no-backup", "--rev", "2"]);
    repository.commit("right", &[("a", "4")]);
    repository.commit("right too", &[("a", "5")]);
    assert_eq!(shown(&polling.poll().await), ["default right: a", "default right too: a"]);
    // What was known before comes back, or is all that remains.
    repository.hg(&["strip", "--quiet", "--no-backup", "--rev", "3"]);
    assert_eq!(polling.poll().await, []);
    repository.commit("after", &[("a", "6")]);
    assert_eq!(shown(&polling.poll().await), ["default after: a"]);
    assert_eq!(polling.notes, [""; 0]);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn more_revisions_than_a_page_are_all_reported_in_order() {
    let repository = Repository::new();
    repository.replace();
    repository.hg(&["debugbuilddag", "+2"]);
    let mut polling = repository.polled(&repository.options()).await;
    let source = text(repository.folder().join("longer"));
    // The same two, and many more, with merges.
    repository.hg(&["init", &source]);
    repository.hg(&["-R", &source, "debugbuilddag", "+2 +250 :a +250 :b <a +140 /b +20"]);
    repository.hg(&["pull", "--quiet", "--", &source]);
    let first = polling.look().await.unwrap();
    assert!(first.has_more && first.changes.len() == 500, "{} {}", first.has_more, first.changes.len());
    let reported: Vec<String> = polling.poll().await.into_iter().map(|change| change.revision.unwrap()).collect();
    let log = repository.hg(&["log", "--rev", "sort(2:, rev)", "--template", "{node}\\n"]);
    let expected: Vec<&str> = log.lines().collect();
    assert!(expected.len() > 600, "{}", expected.len());
    let mut sorted = reported.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((sorted.len(), reported.len()), (expected.len(), expected.len()));
    for hash in [&reported[0], &reported[reported.len() - 1]] {
        assert!(expected.contains(&hash.as_str()));
    }
    assert_eq!(polling.poll().await, []);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_poll_that_is_abandoned_anywhere_reports_nothing_twice_and_misses_nothing() {
    let repository = Repository::new();
    let options = with(&repository.options(), "branches", json!(["default", "stable"]));
    repository.commit_on("stable", "0", "stable", "s");
    let polling = repository.polled(&options).await;
    let one = repository.commit_on("default", "0", "one", "a");
    let two = repository.commit_on("default", "0", "two", "two");
    repository.merge(&one, &two, "merge");
    repository.commit_on("stable", "stable", "fix", "s");
    let (changes, abandoned) = poll_with_interruptions(&polling, "hg", &options, "hg", repository.folder()).await;
    let mut seen = BTreeMap::new();
    for change in changes {
        *seen.entry(change.comments).or_insert(0) += 1;
    }
    assert_eq!(seen, ["one", "two", "merge", "fix"].map(|comments| (comments.to_owned(), 1)).into());
    assert!(abandoned >= 7, "{abandoned}");
}
