//! The webhooks of the torture test, and their expected results.

use hookd_tests::http::Request;
use hookd_tests::{sha1_signature, sha256_signature};
use serde_json::{Value, json};

use crate::push::webhook;

/// The secret of `github`.
pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// The files of every pull request, as returned by the stand-in for GitHub's API.
const FILES_OF_PULLS: [&str; 2] = ["README.md", "src/ünï.rs"];

/// The kind of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A change given by its fields. It has no id, so hookd cannot recognize a redelivery.
    Base,
    /// A push with its commits.
    Push,
    /// A pull request, which is pending until GitHub's API has returned its files.
    Pull,
}

/// An expected change: revision and files.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) revision: String,
    pub(crate) files: Vec<String>,
}

/// One webhook.
pub(crate) struct Webhook {
    pub(crate) kind: Kind,
    /// Unique: the forge's id of the delivery, and the prefix of every revision.
    pub(crate) id: String,
    pub(crate) request: Request,
    pub(crate) changes: Vec<Expected>,
    /// How many times it was sent before it was answered.
    pub(crate) attempts: usize,
    /// The delivery that the first answer named.
    pub(crate) deliveryid: Option<i64>,
}

impl Webhook {
    /// A random webhook with this id.
    pub(crate) fn any(id: String, random: &mut fastrand::Rng) -> Self {
        let kind = match random.u8(0..10) {
            0..2 => Kind::Base,
            2..4 => Kind::Pull,
            _ => Kind::Push,
        };
        let (request, changes) = match kind {
            Kind::Base => base(&id),
            Kind::Push => push(&id, random.usize(1..=4)),
            Kind::Pull => pull(&id, random.u32(1..1000)),
        };
        let request =
            if kind == Kind::Base { request } else { signed(request.header("X-GitHub-Delivery", &id), random) };
        Self { kind, id, request, changes, attempts: 0, deliveryid: None }
    }

    /// hookd's answer once it is stored.
    pub(crate) fn answer(&self) -> String {
        format!("202 {} change found", self.changes.len())
    }
}

/// With one of GitHub's two signatures, or both.
fn signed(request: Request, random: &mut fastrand::Rng) -> Request {
    let (sha1, sha256) = (sha1_signature(SECRET, &request.body), sha256_signature(SECRET, &request.body));
    match random.u8(0..3) {
        0 => request.header("X-Hub-Signature", sha1),
        1 => request.header("X-Hub-Signature-256", sha256),
        _ => request.header("X-Hub-Signature", sha1).header("X-Hub-Signature-256", sha256),
    }
}

fn base(id: &str) -> (Request, Vec<Expected>) {
    let change = Expected { revision: format!("{id}-1"), files: vec![format!("{id}.c")] };
    let form = format!("author=Eva&revision={}&files=[\"{id}.c\"]", change.revision);
    let request = Request::post("/change_hook/base").header("Content-Type", "application/x-www-form-urlencoded");
    (request.body(form), vec![change])
}

fn push(id: &str, commits: usize) -> (Request, Vec<Expected>) {
    let changes: Vec<Expected> = (1..=commits)
        .map(|number| Expected {
            revision: format!("{id}-{number}"),
            files: (0..number).map(|file| format!("{id}/{file}.rs")).collect(),
        })
        .collect();
    let person = json!({"name": "Jan Ärzte", "email": "jan@example.org"});
    let commit = |Expected { revision, files }: &Expected| {
        json!({
            "id": revision, "message": format!("Change {revision}"), "timestamp": "2024-05-01T12:00:00+02:00",
            "url": format!("https://github.com/o/r/commit/{revision}"), "author": person, "committer": person,
            "added": files, "modified": [], "removed": [], "distinct": true,
        })
    };
    let commits: Vec<Value> = changes.iter().map(commit).collect();
    let payload = json!({
        "ref": "refs/heads/main", "created": false, "deleted": false, "forced": false, "before": "0",
        "after": changes.last().map(|change| &change.revision), "head_commit": commits.last(), "commits": commits,
        "repository": {"name": "r", "full_name": "o/r", "html_url": "https://github.com/o/r"},
    });
    (webhook("push", &payload), changes)
}

fn pull(id: &str, number: u32) -> (Request, Vec<Expected>) {
    let change = Expected { revision: format!("{id}-1"), files: FILES_OF_PULLS.map(str::to_owned).to_vec() };
    let page = format!("https://github.com/o/r/pull/{number}");
    let payload = json!({
        "action": "opened", "number": number, "sender": {"login": "jan"},
        "repository": {"name": "r", "full_name": "o/r", "html_url": "https://github.com/o/r"},
        "pull_request": {
            "title": "Title", "body": "Body", "commits": 1, "created_at": "2024-05-01T12:00:00Z",
            "head": {"sha": change.revision}, "base": {"ref": "main", "repo": {"full_name": "o/r"}},
            "_links": {"html": {"href": page}}, "html_url": page,
        },
    });
    (webhook("pull_request", &payload), vec![change])
}
