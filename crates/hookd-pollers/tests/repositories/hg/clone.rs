//! The clone of a poller: made and mended by itself.

use std::fs;
use std::path::Path;

use super::Repository;
use crate::polling::shown;

/// Polls, damages the clone, and polls again.
async fn mends(damage: impl FnOnce(&Repository, &Path)) {
    let repository = Repository::new();
    let mut polling = repository.polled(&repository.options()).await;
    damage(&repository, &repository.work().join("repository/.hg"));
    repository.commit("second", &[("a", "1")]);
    assert_eq!(shown(&polling.poll().await), ["default second: a"]);
    assert_eq!(polling.poll().await, []);
    assert_eq!(polling.notes, [""; 0]);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_clone_whose_pull_was_killed_is_mended() {
    mends(|_, hg| fs::write(hg.join("store/journal"), "00changelog.i\x000\n").unwrap()).await;
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_clone_with_garbage_in_it_is_made_anew() {
    mends(|_, hg| fs::write(hg.join("store/00changelog.i"), "garbage that is none").unwrap()).await;
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_clone_of_a_format_that_nobody_knows_is_made_anew() {
    mends(|_, hg| fs::write(hg.join("requires"), "nonsense\n").unwrap()).await;
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_clone_that_was_deleted_is_made_anew() {
    mends(|repository, _| fs::remove_dir_all(repository.work()).unwrap()).await;
}

#[tokio::test]
#[ignore = "needs hg"]
async fn another_repository_is_read_from_its_heads_on() {
    let repository = Repository::new();
    let mut polling = repository.polled(&repository.options()).await;
    repository.replace();
    repository.commit("other", &[("b", "1")]);
    repository.commit("head", &[("b", "2")]);
    assert_eq!(shown(&polling.poll().await), ["default head: b"]);
    assert_eq!(polling.notes, ["what was known of branch `default` is gone: only its heads are reported"]);
    assert_eq!(polling.poll().await, [], "it is reported once");
    repository.commit("next", &[("b", "3")]);
    assert_eq!(shown(&polling.poll().await), ["default next: b"]);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_position_whose_revision_was_stripped_and_whose_clone_is_gone_is_a_reset() {
    let repository = Repository::new();
    repository.commit("gone", &[("a", "1")]);
    let mut polling = repository.polled(&repository.options()).await;
    repository.hg(&["strip", "--quiet", "--no-backup", "--rev", "1"]);
    repository.commit("one", &[("a", "2")]);
    repository.commit("two", &[("a", "3")]);
    fs::remove_dir_all(repository.work()).unwrap();
    assert_eq!(shown(&polling.poll().await), ["default two: a"]);
    assert_eq!(polling.poll().await, []);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn nothing_of_the_repository_or_the_user_runs_programs() {
    let repository = Repository::new();
    let evil = repository.folder().join("evil");
    let hgrc = format!(
        "[hooks]\noutgoing = touch {0}\npreoutgoing = touch {0}\n[alias]\nlog = !touch {0}\n[ui]\nssh = touch {0}\n",
        evil.display()
    );
    fs::write(repository.path().join(".hg/hgrc"), &hgrc).unwrap();
    let mut polling = repository.polled(&repository.options()).await;
    // A commit by the test itself would run them.
    fs::remove_file(repository.path().join(".hg/hgrc")).unwrap();
    repository.commit("second", &[("a", "1")]);
    fs::write(repository.path().join(".hg/hgrc"), &hgrc).unwrap();
    fs::write(repository.work().join("repository/.hg/hgrc"), &hgrc).unwrap();
    assert_eq!(shown(&polling.poll().await), ["default second: a"]);
    assert!(!evil.exists());
}
