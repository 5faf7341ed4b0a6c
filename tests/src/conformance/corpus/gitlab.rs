//! GitLab: web and system hooks, tokens, and payloads with each value wrong in turn.

use serde_json::Value;

use super::body::FORM;
use super::{mutations, sources};
use crate::conformance::Case;
use crate::conformance::dialects::SECRET;
use crate::http::Request;

const TOKEN: &str = "X-Gitlab-Token";

pub(super) fn cases() -> Vec<Case> {
    [examples(), payloads_of_buildbot(), tokens(), bodies(), walks()].concat()
}

fn gitlab(dialect: &str, event: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::post(format!("/change_hook/{dialect}")).header("X-Gitlab-Event", event).json(body)
}

fn examples() -> Vec<Case> {
    let mut cases = Vec::new();
    for example in sources::gitlab() {
        let body = example.payload.to_string();
        let name = format!("gitlab: {}", example.name);
        cases.push(Case::new(name.clone(), gitlab("gitlab", &example.event, body.clone())));
        let mut with_codebase = gitlab("gitlab", &example.event, body);
        with_codebase.target.push_str("?codebase=the-codebase&project=the-project");
        cases.push(Case::new(format!("{name}, with codebase"), with_codebase));
    }
    cases
}

fn payloads_of_buildbot() -> Vec<Case> {
    let mut cases = Vec::new();
    for (variable, payload) in sources::buildbot_all("gitlab") {
        for event in ["Push Hook", "Tag Push Hook", "Merge Request Hook", "Note Hook", "push", "Nothing"] {
            let request = gitlab("gitlab", event, payload.clone());
            cases.push(Case::new(format!("gitlab: Buildbot's {variable} as {event}"), request));
        }
    }
    cases
}

fn tokens() -> Vec<Case> {
    let push = sources::buildbot("gitlab", "gitJsonPayload");
    let values = ["", " ", SECRET, "wrong", &SECRET.to_uppercase(), &SECRET[..5], &format!("  {SECRET}  "), "\u{fc}"];
    let mut cases = Vec::new();
    for dialect in ["gitlab", "gitlab_secret"] {
        let post = || gitlab(dialect, "Push Hook", push.clone());
        cases.push(Case::new(format!("{dialect}: no token"), post()));
        for value in values {
            cases.push(Case::new(format!("{dialect}: token {value:?}"), post().header(TOKEN, value)));
        }
        let two = |first: &str, last: &str| post().header(TOKEN, first).header(TOKEN, last);
        cases.push(Case::new(format!("{dialect}: token right, then wrong"), two(SECRET, "x")));
        cases.push(Case::new(format!("{dialect}: token wrong, then right"), two("x", SECRET)));
        cases.push(Case::new(format!("{dialect}: broken and without token"), gitlab(dialect, "Push Hook", "{")));
    }
    cases
}

fn bodies() -> Vec<Case> {
    let push = sources::buildbot("gitlab", "gitJsonPayload");
    let bodies = ["", "{", "null", "[]", "5", "\"x\"", "{}", "{} x", "\u{feff}{}", "{\"object_kind\": null}"];
    let mut cases: Vec<Case> = bodies
        .iter()
        .map(|body| Case::new(format!("gitlab: body {body:?}"), gitlab("gitlab", "Push Hook", *body)))
        .collect();
    for content_type in ["text/plain", "application/json; charset=utf-8", FORM, ""] {
        let request = Request::post("/change_hook/gitlab").header("X-Gitlab-Event", "Push Hook");
        let request = request.header("Content-Type", content_type).body(push.clone());
        cases.push(Case::new(format!("gitlab: as {content_type:?}"), request));
    }
    let bare = Request::post("/change_hook/gitlab").header("Content-Type", "application/json").body(push.clone());
    cases.push(Case::new("gitlab: no event", bare));
    for query in ["codebase=", "codebase=a&codebase=b", "codebase=%ff", "project=p", "codebase=%c3%bc"] {
        let mut request = gitlab("gitlab", "Push Hook", push.clone());
        request.target.push_str(&format!("?{query}"));
        cases.push(Case::new(format!("gitlab: query {query}"), request));
    }
    cases
}

fn walks() -> Vec<Case> {
    let buildbot = |variable: &str| sources::buildbot_json("gitlab", variable);
    let note = sources::gitlab().into_iter().find(|example| example.name == "webhooks note_merge_request");
    let note = note.expect("there is a note on a merge request").payload;
    let case = |event: &str, name: String, payload: &Value| {
        Case::new(format!("gitlab {event}: {name}"), gitlab("gitlab", event, payload.to_string()))
    };
    let every = [("Push Hook", buildbot("gitJsonPayload")), ("Merge Request Hook", buildbot("gitJsonPayloadMR_open"))];
    let few = [("Tag Push Hook", buildbot("gitJsonPayloadTag")), ("Note Hook", note)];
    let every = every.iter().flat_map(|(event, payload)| {
        mutations::every(payload).into_iter().map(|m| case(event, m.name, &m.payload)).collect::<Vec<_>>()
    });
    let few = few.iter().flat_map(|(event, payload)| {
        mutations::dropped_and_nulled(payload).into_iter().map(|m| case(event, m.name, &m.payload)).collect::<Vec<_>>()
    });
    every.chain(few).collect()
}
