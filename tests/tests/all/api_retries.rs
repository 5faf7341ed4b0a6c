//! Calls to a forge's API are retried until they are answered, even if hookd was killed in between.

use hookd_tests::{GithubApi, Home, until};
use serde_json::{Value, json};

use crate::push;

/// A pull request that needs the API.
pub(crate) fn pull_request() -> Value {
    json!({
        "action": "opened", "number": 7, "sender": {"login": "jan"},
        "repository": {"name": "r", "full_name": "o/r", "html_url": "https://github.com/o/r"},
        "pull_request": {
            "title": "Title", "body": "Body", "commits": 1, "created_at": "2024-05-01T12:00:00Z",
            "head": {"sha": "f00f"}, "base": {"ref": "main", "repo": {"full_name": "o/r"}},
            "_links": {"html": {"href": "https://github.com/o/r/pull/7"}}, "html_url": "https://github.com/o/r/pull/7",
        },
    })
}

#[test]
fn a_pull_request_survives_an_api_outage_and_a_kill_9() {
    let api = GithubApi::start();
    api.set_down(true);
    let tables = format!("[change_hook_dialects.github]\ngithub_api_endpoint = {:?}", api.endpoint());
    let hookd = Home::serving(&tables).start();
    let answer = hookd.send(&push::webhook("pull_request", &pull_request()));
    assert_eq!(answer.line(), "202 1 change found");
    until("the API was asked", || (!api.calls().is_empty()).then_some(()));

    let hookd = hookd.kill_9().start();
    let before = api.calls().len();
    until("the API is asked again after the crash", || (api.calls().len() > before).then_some(()));
    assert!(hookd.admin().changes().is_empty(), "it is not published before the calls are done");
    let [pending] = hookd.admin().deliveries().try_into().expect("one delivery was sent");
    assert_eq!(pending["state"], "pending");

    api.set_down(false);
    let delivery = hookd.admin().settled_delivery(&answer);
    assert_eq!(delivery["state"], "accepted");
    let [change] = hookd.admin().changes().try_into().expect("one change was made");
    assert_eq!(change["files"], json!(["README.md", "src/ünï.rs"]));
    assert_eq!(change["category"], "pull");
}
