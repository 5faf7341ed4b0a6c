//! Bitbucket: the old service, Cloud and Server, in the formats that Buildbot's handlers know.

use serde_json::Value;

use super::body::{FORM, MULTIPART, escaped, multipart, urlencoded};
use super::mutations::{self, Mutation};
use super::sources;
use crate::conformance::Case;
use crate::http::Request;

const EVENT: &str = "X-Event-Key";

const EVENTS: &[&str] = &[
    "repo:push",
    "repo:refs_changed",
    "pullrequest:created",
    "pullrequest:updated",
    "pullrequest:fulfilled",
    "pullrequest:rejected",
    "pullrequest:approved",
    "diagnostics:ping",
    "",
    "repo_push",
    "Repo:Push",
];

type Walk = fn(&Value) -> Vec<Mutation>;

/// The payloads of Cloud and Server in which each value is made wrong in turn, and in how many ways.
const WALKS: [(&str, Walk); 3] = [
    ("pushJsonPayload", mutations::every),
    ("pullRequestCreatedJsonPayload", mutations::every),
    ("pullRequestRejectedJsonPayload", mutations::dropped_and_nulled),
];

/// The old POST service of Bitbucket: a form with a payload.
pub(super) fn cases() -> Vec<Case> {
    let form = |payload: &str| {
        Request::post("/change_hook/bitbucket").header("Content-Type", FORM).body(urlencoded(&[("payload", payload)]))
    };
    let mut cases = Vec::new();
    for (variable, payload) in sources::buildbot_all("bitbucket") {
        let name = format!("bitbucket: Buildbot's {variable}");
        cases.push(Case::new(name.clone(), form(&payload)));
        cases.push(Case::new(format!("{name}, with event"), form(&payload).header(EVENT, "repo:push")));
        let mut with_project = form(&payload);
        with_project.target.push_str("?project=the-project&codebase=the-codebase");
        cases.push(Case::new(format!("{name}, with project"), with_project));
        let parts = Request::post("/change_hook/bitbucket").header("Content-Type", MULTIPART);
        cases.push(Case::new(format!("{name}, multipart"), parts.body(multipart(&[("payload", &payload)]))));
        let query = Request::post(format!("/change_hook/bitbucket?payload={}", escaped(&payload)));
        cases.push(Case::new(format!("{name}, in the query"), query));
        let json = Request::post("/change_hook/bitbucket").json(payload);
        cases.push(Case::new(format!("{name}, as JSON"), json));
    }
    for payload in ["", "{", "null", "[]", "5", "{}"] {
        cases.push(Case::new(format!("bitbucket: payload {payload:?}"), form(payload)));
    }
    let payload = sources::buildbot_json("bitbucket", "gitJsonPayload");
    let walk = mutations::every(&payload).into_iter();
    cases.extend(walk.map(|m| Case::new(format!("bitbucket: {}", m.name), form(&m.payload.to_string()))));
    cases
}

/// Bitbucket Cloud.
pub(super) fn cloud_cases() -> Vec<Case> {
    hooks("bitbucketcloud")
}

/// Bitbucket Server, as a plugin sends webhooks.
pub(super) fn server_cases() -> Vec<Case> {
    hooks("bitbucketserver")
}

fn hooks(class: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for (variable, payload) in sources::buildbot_all(class) {
        for event in EVENTS {
            cases.push(Case::new(format!("{class}: Buildbot's {variable} as {event:?}"), hook(class, event, &payload)));
        }
        for variant in ["codebase", "whitelist"] {
            let dialect = format!("{class}_{variant}");
            let request = hook(&dialect, event_of(&variable), &payload);
            cases.push(Case::new(format!("{dialect}: Buildbot's {variable}"), request));
        }
    }
    let case = |event: &str, m: Mutation| {
        Case::new(format!("{class} {event}: {}", m.name), hook(class, event, &m.payload.to_string()))
    };
    for (variable, walk) in WALKS {
        let event = event_of(variable);
        let mutations = walk(&sources::buildbot_json(class, variable));
        cases.extend(mutations.into_iter().map(|mutation| case(event, mutation)));
    }
    cases.extend(bodies(class));
    cases
}

fn hook(dialect: &str, event: &str, body: &str) -> Request {
    Request::post(format!("/change_hook/{dialect}")).header(EVENT, event).json(body)
}

/// The event that Buildbot's tests send with a payload.
fn event_of(variable: &str) -> &'static str {
    match variable {
        "pullRequestCreatedJsonPayload" => "pullrequest:created",
        "pullRequestUpdatedJsonPayload" => "pullrequest:updated",
        "pullRequestFulfilledJsonPayload" => "pullrequest:fulfilled",
        "pullRequestRejectedJsonPayload" => "pullrequest:rejected",
        _ => "repo:push",
    }
}

fn bodies(class: &str) -> Vec<Case> {
    let push = sources::buildbot(class, "pushJsonPayload");
    let mut cases: Vec<Case> = ["", "{", "null", "[]", "5", "{}", "\u{feff}{}"]
        .iter()
        .map(|body| Case::new(format!("{class}: body {body:?}"), hook(class, "repo:push", body)))
        .collect();
    for content_type in
        ["application/json; charset=utf-8", "application/jsonx", "Application/JSON", "text/plain", FORM, ""]
    {
        let request = Request::post(format!("/change_hook/{class}")).header(EVENT, "repo:push");
        let request = request.header("Content-Type", content_type).body(push.clone());
        cases.push(Case::new(format!("{class}: as {content_type:?}"), request));
    }
    let no_event = Request::post(format!("/change_hook/{class}")).json(push.clone());
    cases.push(Case::new(format!("{class}: no event"), no_event));
    let no_type = Request::post(format!("/change_hook/{class}")).header(EVENT, "repo:push").body(push);
    cases.push(Case::new(format!("{class}: no content type"), no_type));
    cases
}
