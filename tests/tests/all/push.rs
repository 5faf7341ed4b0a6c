//! GitHub webhooks for tests that need one, mainly a push with a single commit.

use hookd_tests::http::Request;
use serde_json::{Value, json};

/// The payload of a push of this revision to `main`.
pub(crate) fn payload(revision: &str) -> Value {
    let person = json!({"name": "Jan Ärzte", "email": "jan@example.org"});
    let commit = json!({
        "id": revision, "message": format!("Change {revision}"), "timestamp": "2024-05-01T12:00:00+02:00",
        "url": format!("https://github.com/o/r/commit/{revision}"), "author": person, "committer": person,
        "added": ["new.rs"], "modified": ["old.rs"], "removed": [], "distinct": true,
    });
    json!({
        "ref": "refs/heads/main", "created": false, "deleted": false, "forced": false,
        "before": "0", "after": revision, "head_commit": commit, "commits": [commit],
        "repository": {"name": "r", "full_name": "o/r", "html_url": "https://github.com/o/r"},
    })
}

/// That push, as GitHub sends it.
pub(crate) fn request(revision: &str) -> Request {
    webhook("push", &payload(revision))
}

/// An event, as GitHub sends it.
pub(crate) fn webhook(event: &str, payload: &Value) -> Request {
    Request::post("/change_hook/github").header("X-GitHub-Event", event).json(payload.to_string())
}
