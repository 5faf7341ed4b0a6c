//! A poller beside webhooks: it reports what no webhook has brought, and nothing else.

use hookd_tests::Hookd;
use hookd_tests::http::Request;
use serde_json::json;

use super::{Repository, poller, revisions, serving, wait_for_baseline, wait_for_changes};

/// A poller that waits a moment for webhooks, which name the repository by its address at a forge.
fn reconciling(repository: &Repository) -> String {
    repository.table("tea") + "mode = \"reconcile\"\ngrace = \"1s\"\nwebhook_repository = \"*/ada/tea\"\n"
}

/// The answer to the webhook of a commit.
fn webhook(hookd: &Hookd, revision: &str, branch: &str) -> String {
    let change = json!({
        "author": "Ann <ann@example.org>",
        "branch": branch,
        "comments": "by a webhook",
        "repository": "https://forge.example.org/ada/tea",
        "revision": revision,
    });
    hookd.send(&Request::post("/change_hook/base").json(change.to_string())).line()
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn what_was_pushed_while_hookd_was_down_is_reported_and_a_late_webhook_is_not_doubled() {
    let repository = Repository::new();
    let home = serving(&reconciling(&repository));
    let config = std::fs::read_to_string(home.path().join("hookd.toml")).expect("the configuration");
    home.write("hookd.toml", config.replace("poller = true", "base = true\npoller = true"));
    let hookd = home.start();
    wait_for_baseline(&hookd, "tea");

    // In time, by webhooks.
    let first = repository.commit("by a webhook");
    assert_eq!(webhook(&hookd, &first, "main"), "202 1 change found");
    repository.git(&["switch", "--quiet", "--create", "side"]);
    let side = repository.commit("by a webhook of another branch");
    assert_eq!(webhook(&hookd, &side, "side"), "202 1 change found");
    repository.git(&["switch", "--quiet", "main"]);
    let poke = Request::post("/change_hook/poller?poller=tea");
    assert_eq!(hookd.send(&poke).line(), "202 no change found");
    hookd_tests::until("both branches are known", || (poller(&hookd, "tea")["positions"] == 2).then_some(()));
    assert_eq!(revisions(&hookd), [first.clone(), side.clone()]);

    // Three pushes and a deleted branch while hookd is down.
    let (status, home) = hookd.terminate();
    assert!(status.success(), "{status}");
    let missed: Vec<String> = (1..=3).map(|number| repository.commit(&format!("missed {number}"))).collect();
    repository.git(&["branch", "--quiet", "-D", "side"]);
    let hookd = home.start();
    let all = [vec![first, side], missed.clone()].concat();
    assert_eq!(wait_for_changes(&hookd, all.len()), all);
    hookd_tests::until("the deleted branch is forgotten", || (poller(&hookd, "tea")["positions"] == 1).then_some(()));

    // One of the webhooks comes after all.
    assert_eq!(webhook(&hookd, &missed[2], "main"), "202 no change found");
    assert_eq!(webhook(&hookd, &missed[2], "another"), "202 1 change found", "of another branch");
    assert_eq!(revisions(&hookd).len(), all.len() + 1);
}
