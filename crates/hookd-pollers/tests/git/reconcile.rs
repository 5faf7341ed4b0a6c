//! `mode = "reconcile"`: only what no webhook has brought is reported.

use hookd_core::Change;
use hookd_store::{NewDelivery, NewState, Origin};
use serde_json::json;

use super::fixture::{Polling, Repo};

/// A change that a webhook brings, as GitHub's dialect makes it.
async fn brought(polling: &Polling, branch: &str, revision: &str) {
    let change = Change {
        branch: Some(branch.to_owned()),
        repository: polling.poller.repository().replace("file://", "https://example.org"),
        revision: Some(revision.to_owned()),
        ..Change::default()
    };
    let delivery = NewDelivery {
        received_at: polling.now,
        dialect: "github".to_owned(),
        event: Some("push".to_owned()),
        forge_id: None,
        deduplicate: false,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        request: None,
        state: NewState::Accepted(vec![change]),
        note: None,
    };
    polling.store.append(delivery).await.unwrap();
}

fn reconcile() -> serde_json::Value {
    json!({ "branches": true, "mode": "reconcile", "grace": "5m" })
}

#[tokio::test]
#[ignore = "needs git"]
async fn what_a_webhook_brought_is_not_reported() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, reconcile()).await;
    let revision = repo.commit("second");
    brought(&polling, "main", &revision).await;
    assert_eq!(polling.reported().await, Vec::<String>::new());
    assert_eq!(polling.at("refs/heads/main"), Some(revision.as_str()));
}

#[tokio::test]
#[ignore = "needs git"]
async fn what_no_webhook_brings_is_reported_after_the_grace_period() {
    let repo = Repo::started();
    repo.branch("gone");
    repo.commit("one");
    repo.checkout("main");
    let mut polling = Polling::begun(&repo, reconcile()).await;
    // hookd is down: three pushes and a branch that is deleted.
    repo.commit("second");
    repo.commit("third");
    repo.branch("topic");
    repo.commit("fourth");
    repo.delete("gone");
    let polled = polling.poll().await;
    assert_eq!(polled.changes, []);
    assert_eq!(polled.again_at, Some(polling.now.saturating_add(std::time::Duration::from_secs(300))));
    assert_eq!(polling.at("refs/heads/gone"), None);
    polling.wait(299);
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.wait(1);
    assert_eq!(polling.reported().await, ["main: second", "main: third", "topic: fourth"]);
    assert!(polling.at("since:refs/heads/main").is_none());
    polling.wait(3600);
    assert_eq!(polling.reported().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_webhook_that_comes_late_is_not_doubled() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, reconcile()).await;
    let revision = repo.commit("second");
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.wait(200);
    brought(&polling, "main", &revision).await;
    polling.wait(200);
    assert_eq!(polling.reported().await, Vec::<String>::new());
    assert!(polling.at("since:refs/heads/main").is_none());
}

#[tokio::test]
#[ignore = "needs git"]
async fn one_push_of_several_that_was_missed_is_reported_and_later_ones_have_their_own_time() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, reconcile()).await;
    repo.commit("missed");
    let second = repo.commit("brought");
    brought(&polling, "main", &second).await;
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.wait(250);
    repo.commit("young");
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.wait(50);
    assert_eq!(polling.reported().await, ["main: missed"]);
    polling.wait(299);
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.wait(1);
    assert_eq!(polling.reported().await, ["main: young"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn another_repository_or_branch_brings_nothing() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, reconcile()).await;
    let mut other = Polling::begun(
        &repo,
        json!({
            "branches": true, "mode": "reconcile", "webhook_repository": "https://elsewhere/*",
        }),
    )
    .await;
    let revision = repo.commit("second");
    brought(&polling, "another", &revision).await;
    brought(&other, "main", &revision).await;
    for polling in [&mut polling, &mut other] {
        assert_eq!(polling.reported().await, Vec::<String>::new());
        polling.wait(300);
        assert_eq!(polling.reported().await, ["main: second"]);
    }
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_branch_that_is_rewritten_while_it_waits_waits_anew() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, reconcile()).await;
    repo.commit("dropped");
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.wait(290);
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.commit("rewritten");
    repo.forget();
    polling.wait(20);
    assert_eq!(polling.reported().await, Vec::<String>::new());
    polling.wait(300);
    assert_eq!(polling.reported().await, ["main: rewritten"]);
}

#[test]
fn it_polls_when_hookd_starts() {
    let built = super::fixture::build(
        super::fixture::options("https://example.org/acme/tea", json!({ "mode": "reconcile" })),
        std::path::Path::new("/nowhere"),
    );
    assert!(built.unwrap().polls_at_launch());
}
