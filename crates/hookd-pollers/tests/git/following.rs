//! Which refs are followed, and what is reported of them.

use serde_json::json;

use super::fixture::{NOON, Polling, Repo, build, options};

#[tokio::test]
#[ignore = "needs git"]
async fn a_change_has_all_that_the_commit_says() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({})).await;
    repo.write("a/b c", "x");
    repo.git(&["mv", "first", "renamed"]);
    let revision = repo.commit_all("Subject\n\nBody, first line\nsecond line\n");
    let changes = polling.changes().await;
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.author, "Ada <ada@example.org>");
    assert_eq!(change.committer.as_deref(), Some("Bob <bob@example.org>"));
    assert_eq!(change.comments, "Subject\nBody, first line\nsecond line", "as Buildbot has it");
    assert_eq!(change.files, ["a/b c", "first", "renamed"], "a file that was renamed is both");
    assert_eq!(change.branch.as_deref(), Some("main"));
    assert_eq!(change.revision, Some(revision));
    assert_eq!((change.repository.clone(), change.src.as_deref()), (repo.url(), Some("git")));
    assert_eq!(change.when_timestamp, Some(NOON + 2));
}

#[tokio::test]
#[ignore = "needs git"]
async fn without_timestamps_the_time_is_that_of_the_poll() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "usetimestamps": false })).await;
    repo.commit("second");
    assert_eq!(polling.changes().await[0].when_timestamp, None);
}

#[tokio::test]
#[ignore = "needs git"]
async fn without_branches_the_head_of_the_repository_is_followed() {
    let repo = Repo::started();
    repo.branch("side");
    repo.checkout("main");
    let mut polling = Polling::begun(&repo, json!({})).await;
    repo.checkout("side");
    repo.commit("aside");
    repo.checkout("main");
    repo.commit("second");
    assert_eq!(polling.reported().await, ["main: second"]);
    repo.git(&["branch", "--move", "main", "trunk"]);
    assert_eq!(polling.reported().await, Vec::<String>::new(), "the branch was renamed, and its commits are known");
    repo.commit("third");
    assert_eq!(polling.reported().await, ["trunk: third"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn names_patterns_and_full_names_are_followed() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": ["main", "release/*", "refs/tags/v*"] })).await;
    for branch in ["release/1", "feature/1"] {
        repo.checkout("main");
        repo.branch(branch);
        repo.commit(&format!("on {}", branch.replace('/', "-")));
    }
    repo.git(&["tag", "v1"]);
    repo.git(&["tag", "w1"]);
    repo.checkout("main");
    repo.commit("second");
    assert_eq!(polling.reported().await, ["main: second", "release/1: on release-1", "refs/tags/v1: on feature-1"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_branch_that_does_not_exist_is_one_complaint_and_the_others_go_on() {
    let repo = Repo::started();
    let mut polling = Polling::new(&repo, json!({ "branches": ["main", "gone", "refs/tags/v1"] }));
    let polled = polling.poll().await;
    assert_eq!(polled.error.as_deref(), Some("there is no branch `gone`; there is no ref `refs/tags/v1`"));
    repo.commit("second");
    let polled = polling.poll().await;
    assert_eq!((polled.changes.len(), polled.error.is_some()), (1, true));
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_new_branch_tells_what_no_other_has() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    repo.branch("old-commits");
    repo.branch("topic");
    repo.commit("one");
    repo.commit("two");
    repo.checkout("main");
    assert_eq!(polling.reported().await, ["topic: one", "topic: two"]);
    assert!(polling.at("refs/heads/old-commits").is_some());
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_commit_that_is_new_on_two_branches_is_reported_for_the_first_by_name() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    repo.branch("b");
    repo.commit("both");
    repo.branch("a");
    repo.checkout("b");
    repo.commit("only b");
    assert_eq!(polling.reported().await, ["a: both", "b: only b"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_merge_is_one_change_with_all_its_files_unless_all_parents_count() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({})).await;
    let mut all = Polling::begun(&repo, json!({ "first_parent": false })).await;
    repo.branch("topic");
    repo.commit("one");
    repo.commit("two");
    repo.checkout("main");
    repo.commit("meanwhile");
    repo.merge("topic");
    let changes = polling.changes().await;
    assert_eq!(super::fixture::reported(&changes), ["main: meanwhile", "main: merge topic"]);
    assert_eq!(changes[1].files, ["one", "two"]);
    let mut reported = all.reported().await;
    assert_eq!((reported.len(), reported.last().unwrap().as_str()), (4, "main: merge topic"));
    reported.sort();
    assert_eq!(reported, ["main: meanwhile", "main: merge topic", "main: one", "main: two"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_merge_of_what_another_branch_reported_reports_the_merge_alone() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true, "first_parent": false })).await;
    repo.branch("topic");
    repo.commit("one");
    assert_eq!(polling.reported().await, ["topic: one"]);
    repo.checkout("main");
    repo.merge("topic");
    assert_eq!(polling.reported().await, ["main: merge topic"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_push_without_new_commits_is_a_change_where_that_is_wanted() {
    let repo = Repo::started();
    let mut plain = Polling::begun(&repo, json!({ "branches": true })).await;
    let wanted = json!({ "branches": true, "build_pushes_with_no_commits": true });
    let mut polling = Polling::begun(&repo, wanted).await;
    repo.branch("topic");
    repo.commit("one");
    assert_eq!(polling.reported().await, ["topic: one"]);
    repo.checkout("main");
    repo.git(&["merge", "--quiet", "--ff-only", "topic"]);
    assert_eq!(polling.reported().await, ["main: one"], "a fast-forward");
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    assert_eq!(polling.reported().await, ["main: first"], "reset back");
    repo.git(&["branch", "again"]);
    assert_eq!(polling.reported().await, ["again: first"], "a new branch");
    assert_eq!(polling.reported().await, Vec::<String>::new());
    assert_eq!(plain.reported().await, ["topic: one"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn tags_are_followed_by_the_commits_that_they_lead_to() {
    let repo = Repo::started();
    repo.git(&["tag", "-a", "v0", "-m", "old"]);
    let mut polling = Polling::begun(&repo, json!({ "only_tags": true, "build_pushes_with_no_commits": true })).await;
    let revision = repo.commit("second");
    repo.git(&["tag", "-a", "v1", "-m", "annotated"]);
    repo.git(&["tag", "main"]);
    repo.git(&["tag", "file", "HEAD:first"]);
    let polled = polling.poll().await;
    let reported = super::fixture::reported(&polled.changes);
    assert_eq!(reported, ["refs/tags/main: second", "refs/tags/v1: second"], "a tag may have the name of a branch");
    assert!(polled.changes.iter().all(|change| change.revision.as_ref() == Some(&revision)));
    assert_eq!(polled.note.as_deref(), Some("`refs/tags/file` leads to no commit"));
    repo.git(&["tag", "-f", "-a", "v1", "-m", "signed again"]);
    assert_eq!(polling.reported().await, Vec::<String>::new(), "it leads to the same commit");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let folder = std::path::Path::new("/nowhere");
    for (others, expected) in [
        (json!({ "branch": "a", "branches": ["b"] }), "branch: it cannot be combined with `branches`"),
        (json!({ "only_tags": true, "branch": "a" }), "only_tags: it cannot be combined"),
        (json!({ "branches": 7 }), "branches: "),
        (json!({ "webhook_repository": "*" }), "webhook_repository: it is for `mode = \"reconcile\"` only"),
        (json!({ "mode": "reconcile", "build_pushes_with_no_commits": true }), "build_pushes_with_no_commits: "),
        (json!({ "mode": "recon" }), "mode: unknown variant `recon`, expected `poll` or `reconcile`"),
        (json!({ "workdir": "x" }), "workdir: "),
        (
            json!({ "auth_credentials": { "user": "me", "password": "" } }),
            "auth_credentials.password: the secret is empty",
        ),
    ] {
        let problems = build(options("https://example.org/tea", others), folder).err().unwrap();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(text[0].starts_with(expected), "{text:?}");
    }
    let problems =
        build(options("https://me:hidden@", json!({ "auth_credentials": { "user": "me", "password": "x" } })), folder);
    assert!(!format!("{:?}", problems.err().unwrap()).contains("hidden"));
}
