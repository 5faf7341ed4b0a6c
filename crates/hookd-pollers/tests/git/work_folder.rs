//! The clone: made when it is needed, mended by itself, one poller's alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::fixture::{Polling, Repo};

#[tokio::test]
#[ignore = "needs git"]
async fn a_broken_work_folder_is_made_anew() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    let bare = polling.folder.join("repository.git");
    let damages: [(&str, &dyn Fn()); 6] = [
        ("deleted", &|| fs::remove_dir_all(&polling.folder).unwrap()),
        ("no objects", &|| fs::remove_dir_all(bare.join("objects")).unwrap()),
        ("no HEAD", &|| fs::write(bare.join("HEAD"), "nonsense").unwrap()),
        ("no configuration", &|| fs::write(bare.join("config"), "[[[").unwrap()),
        ("a lock of a git that was killed", &|| fs::write(bare.join("packed-refs.lock"), "").unwrap()),
        ("a file instead", &|| {
            fs::remove_dir_all(&bare).unwrap();
            fs::write(&bare, "").unwrap();
        }),
    ];
    let mut subjects = Vec::new();
    for (what, damage) in damages {
        damage();
        let subject = what.replace(' ', "-");
        repo.commit(&subject);
        subjects.push(subject);
        // The positions are those of before.
        let polled = polling.peek().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(polled.changes.len(), subjects.len(), "{what}");
    }
    let expected: Vec<String> = subjects.iter().map(|subject| format!("main: {subject}")).collect();
    assert_eq!(polling.reported().await, expected);
}

#[tokio::test]
#[ignore = "needs git"]
async fn what_was_fetched_is_for_hookd_alone_and_without_contents() {
    let repo = Repo::started();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let content = "x".repeat(1000);
    repo.write("large", &content);
    repo.commit_all("second");
    let blob = repo.git(&["rev-parse", "HEAD:large"]);
    let polling = Polling::begun(&repo, json!({})).await;
    assert_eq!(fs::metadata(&polling.folder).unwrap().permissions().mode() & 0o777, 0o700);
    let bare = polling.folder.join("repository.git");
    let there = super::fixture::git_in(&bare, &["cat-file", "-e", &blob], &[]);
    assert!(!there.status.success(), "the content of files is not fetched");
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_second_poller_in_one_folder_is_refused() {
    let repo = Repo::started();
    let polling = Polling::begun(&repo, json!({})).await;
    repo.commit("second");
    let lock = fs::File::options().write(true).open(polling.folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let error = polling.peek().await.unwrap_err().0;
    assert!(
        error.starts_with("cannot lock the work folder `") && error.ends_with("another poller or hookd uses it"),
        "{error}"
    );
    drop(lock);
    assert_eq!(polling.peek().await.unwrap().changes.len(), 1);
}

#[tokio::test]
#[ignore = "needs git"]
async fn refs_that_are_gone_are_gone_here_too() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    for number in 0..5 {
        repo.branch(&format!("topic{number}"));
        repo.commit(&format!("c{number}"));
        polling.reported().await;
        repo.checkout("main");
        repo.delete(&format!("topic{number}"));
        polling.reported().await;
    }
    repo.commit("last");
    polling.reported().await;
    let bare = polling.folder.join("repository.git");
    let refs = super::fixture::git_in(&bare, &["for-each-ref", "--format=%(refname)"], &[]).stdout;
    let refs = String::from_utf8(refs).unwrap();
    assert!(refs.lines().count() <= 3, "{refs}");
}
