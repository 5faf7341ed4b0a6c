//! Where a poller goes on: nothing is reported twice, and nothing is missed.

use serde_json::json;

use super::fixture::{Polling, Repo, reported};

#[tokio::test]
#[ignore = "needs git"]
async fn the_first_poll_of_an_empty_repository_is_a_baseline_too() {
    let repo = Repo::new();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    assert!(!polling.folder.exists(), "nothing was fetched");
    repo.commit("first");
    repo.commit("second");
    assert_eq!(polling.reported().await, ["main: first", "main: second"]);
}

/// In Buildbot the first poll that finds something is the baseline, so that what it finds is reported by none.
#[tokio::test]
#[ignore = "needs git"]
async fn the_first_tag_tells_what_came_since_the_first_poll() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "only_tags": true })).await;
    repo.commit("second");
    repo.git(&["tag", "v1"]);
    assert_eq!(polling.reported().await, ["refs/tags/v1: second"]);
    repo.git(&["tag", "v2"]);
    repo.commit("third");
    repo.git(&["tag", "v3"]);
    assert_eq!(polling.reported().await, ["refs/tags/v3: third"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_poller_with_other_options_goes_on_where_it_was() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": ["main"] })).await;
    repo.commit("second");
    repo.branch("topic");
    repo.commit("third");
    polling.reconfigure(&repo, json!({ "branches": true, "usetimestamps": false }));
    assert_eq!(polling.reported().await, ["main: second", "topic: third"]);
    polling.reconfigure(&repo, json!({ "branches": ["topic"] }));
    repo.checkout("main");
    repo.commit("fourth");
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.reconfigure(&repo, json!({ "branches": true }));
    assert_eq!(
        polling.reported().await,
        ["main: fourth"],
        "a ref that was not followed for a while keeps its position"
    );
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_force_push_tells_what_is_new_from_the_merge_base() {
    let repo = Repo::started();
    repo.commit("second");
    let mut polling = Polling::begun(&repo, json!({})).await;
    repo.commit("dropped");
    assert_eq!(polling.reported().await, ["main: dropped"]);
    repo.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    repo.commit("rewritten");
    repo.commit("new");
    assert_eq!(polling.reported().await, ["main: rewritten", "main: new"]);
    assert_eq!(polling.reported().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs git"]
async fn what_a_force_push_dropped_and_a_new_branch_has_is_not_reported_again() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    repo.commit("second");
    assert_eq!(polling.reported().await, ["main: second"]);
    repo.git(&["branch", "kept"]);
    repo.git(&["branch", "zz-kept"]);
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    assert_eq!(polling.reported().await, Vec::<String>::new());
}

/// Reported as buildbot/buildbot#4211 and #4912: every poll failed from then on.
#[tokio::test]
#[ignore = "needs git"]
async fn a_position_that_is_gone_is_a_reset_that_tells_the_head_once() {
    let repo = Repo::started();
    repo.commit("second");
    let mut polling = Polling::begun(&repo, json!({})).await;
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.commit("other");
    repo.commit("newest");
    repo.forget();
    std::fs::remove_dir_all(&polling.folder).unwrap();
    let polled = polling.poll().await;
    assert_eq!(reported(&polled.changes), ["main: newest"]);
    let note = polled.note.unwrap();
    assert!(note.contains("no longer has the commit that `refs/heads/main` was at"), "{note}");
    repo.commit("after");
    assert_eq!(polling.reported().await, ["main: after"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_position_that_no_ref_reaches_any_more_is_asked_for() {
    let repo = Repo::started();
    repo.commit("second");
    let mut polling = Polling::begun(&repo, json!({})).await;
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.commit("other");
    repo.commit("newest");
    // The clone is gone, and the remote still has what was dropped.
    std::fs::remove_dir_all(&polling.folder).unwrap();
    assert_eq!(polling.reported().await, ["main: other", "main: newest"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_ref_is_forgotten_when_the_remote_says_that_it_is_gone() {
    let repo = Repo::started();
    repo.branch("topic");
    repo.commit("one");
    repo.checkout("main");
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    repo.delete("topic");
    assert_eq!(polling.reported().await, Vec::<String>::new());
    assert_eq!(polling.at("refs/heads/topic"), None);
    assert!(polling.at("refs/heads/main").is_some());
}

#[tokio::test]
#[ignore = "needs git"]
async fn refs_that_are_all_gone_are_an_error_and_kept() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    let head = repo.head();
    repo.git(&["update-ref", "-d", "refs/heads/main"]);
    let polled = polling.poll().await;
    assert_eq!(polled.error.as_deref(), Some("the repository has none of the refs that it had"));
    assert_eq!(polling.at("refs/heads/main"), Some(head.as_str()));
    repo.git(&["update-ref", "refs/heads/main", &head]);
    repo.commit("second");
    assert_eq!(polling.reported().await, ["main: second"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_poll_that_fails_moves_nothing() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({})).await;
    repo.commit("second");
    let moved = repo.folder.path().with_extension("moved");
    std::fs::rename(repo.folder.path(), &moved).unwrap();
    let error = polling.peek().await.unwrap_err().0;
    assert!(error.starts_with("`git ls-remote` failed with exit code 128: "), "{error}");
    std::fs::rename(&moved, repo.folder.path()).unwrap();
    assert_eq!(polling.reported().await, ["main: second"]);
}

/// A poll whose result was not stored is made again, with the same result.
#[tokio::test]
#[ignore = "needs git"]
async fn a_result_that_was_not_stored_is_found_again() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    repo.commit("second");
    repo.branch("topic");
    repo.commit("third");
    let first = polling.peek().await.unwrap();
    assert_eq!(polling.peek().await.unwrap(), first);
    // Also when the branch has been rewritten since, and the server has cleaned up.
    repo.checkout("main");
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.delete("topic");
    repo.commit("other");
    repo.forget();
    assert_eq!(polling.reported().await, ["main: other"]);
}
