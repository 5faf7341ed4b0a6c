//! Branches and bookmarks that do not exist, come, go, or have strange names.

use serde_json::json;

use super::Repository;
use crate::polling::shown;
use crate::tools::{text, with};

#[tokio::test]
#[ignore = "needs hg"]
async fn a_branch_that_does_not_exist_is_one_complaint_and_the_others_go_on() {
    let repository = Repository::new();
    let options =
        json!({"repourl": text(repository.path()), "branches": ["no such", "default"], "bookmarks": ["none"]});
    let mut polling = repository.polled(&options).await;
    assert_eq!(polling.error.as_deref(), Some("there is no branch `no such`; there is no bookmark `none`"));
    repository.commit("second", &[("a", "1")]);
    assert_eq!(shown(&polling.poll().await), ["default second: a"]);
    // It comes: what is on it is new, and what it comes from is not.
    let tip = repository.hash("tip");
    repository.commit_on("no such", &tip, "begin", "b");
    repository.commit("more", &[("b", "2")]);
    assert_eq!(shown(&polling.poll().await), ["no such begin: b", "no such more: b"]);
    repository.hg(&["bookmark", "--rev", "default", "none"]);
    assert_eq!(polling.poll().await, [], "a bookmark at what is known has nothing new");
    assert_eq!(polling.error, None);
    // It goes, and comes back.
    repository.hg(&["bookmark", "--delete", "none"]);
    repository.hg(&["strip", "--quiet", "--no-backup", "--rev", "branch('no such')"]);
    assert_eq!(polling.poll().await, []);
    assert_eq!(polling.error.as_deref(), Some("there is no branch `no such`; there is no bookmark `none`"));
    repository.commit_on("no such", "default", "again", "b");
    assert_eq!(shown(&polling.poll().await), ["no such again: b"]);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn bookmarks_are_followed_wherever_they_go() {
    let repository = Repository::new();
    let first = repository.hash("tip");
    repository.hg(&["bookmark", "--rev", &first, "it's ü @"]);
    let options = json!({"repourl": text(repository.path()), "bookmarks": ["it's ü @", "new"]});
    let mut polling = repository.polled(&options).await;
    let second = repository.commit("second", &[("a", "1")]);
    assert_eq!(polling.poll().await, [], "the bookmark has not moved");
    repository.hg(&["bookmark", "--force", "--rev", &second, "it's ü @"]);
    assert_eq!(shown(&polling.poll().await), ["it's ü @ second: a"]);
    // Back, and to another branch.
    repository.hg(&["bookmark", "--force", "--rev", &first, "it's ü @"]);
    assert_eq!(polling.poll().await, []);
    let other = repository.commit_on("other", &first, "other", "b");
    repository.hg(&["bookmark", "--force", "--rev", &other, "it's ü @"]);
    let tip = repository.commit("tip", &[("b", "2")]);
    repository.hg(&["bookmark", "--rev", &tip, "new"]);
    assert_eq!(shown(&polling.poll().await), ["it's ü @ other: b", "new other: b", "new tip: b"]);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_name_is_never_an_option_or_a_revset() {
    let repository = Repository::new();
    let evil = repository.folder().join("evil");
    let alias = format!("--config=alias.log=!touch {}", evil.display());
    let revset = "a\") or all() or branch(\"b\\";
    let names = [alias.as_str(), revset, "--upload-pack=x", "glob*", "naïve branch"];
    let options = json!({"repourl": text(repository.path()), "branches": names});
    let mut polling = repository.polled(&options).await;
    for name in names {
        repository.commit_on(name, "0", "on it", "file");
    }
    let changes = polling.poll().await;
    let branches: Vec<_> = changes.iter().map(|change| change.branch.as_deref().unwrap()).collect();
    assert_eq!(branches, names);
    assert!(!evil.exists());
}

#[tokio::test]
#[ignore = "needs hg"]
async fn other_options_keep_the_positions() {
    let repository = Repository::new();
    repository.commit_on("stable", "0", "stable", "s");
    let mut polling = repository.polled(&repository.options()).await;
    repository.commit_on("default", "0", "second", "a");
    let options = with(&with(&repository.options(), "branches", json!(["default", "stable"])), "usetimestamps", false);
    // Also with another folder: nothing in it is needed.
    let mut other = polling.reconfigured("hg", &options, &repository.folder().join("other"));
    assert_eq!(shown(&other.poll().await), ["default second: a"]);
    assert_eq!(other.notes, ["branch `stable` is followed from now on"]);
    repository.commit_on("stable", "stable", "third", "s");
    assert_eq!(shown(&other.poll().await), ["stable third: s"]);
    assert_eq!(shown(&polling.poll().await), ["default second: a"]);
}
