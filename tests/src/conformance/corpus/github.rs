//! GitHub: every documented event, and pushes with each value wrong in turn.

use serde_json::{Value, json};

use super::body::github;
use super::{mutations, sources};
use crate::conformance::Case;
use crate::conformance::dialects::SECRET;
use crate::http::Request;
use crate::sha1_signature;

/// Every dialect of class `github` that accepts unsigned requests.
const OPEN: &[&str] = &[
    "github",
    "github_secret",
    "github_codebase",
    "github_whitelist",
    "github_few",
    "github_noskips",
    "github_skips",
    "github_head",
    "github_token",
];

const REFS: &[&str] = &[
    "refs/heads/main",
    "refs/heads/feature/x",
    "refs/heads/refs/heads/x",
    "refs/heads/\u{fc}",
    "refs/heads/a b",
    "refs/heads/",
    "refs/heads",
    "refs/heads/x\n",
    "refs/heads/x\ny",
    "refs/heads/\n",
    "refs/tags/v1",
    "refs/tags/",
    "refs/tags/a/b",
    "refs/notes/x",
    "refs/pull/1/head",
    "refs/changes/1",
    "heads/main",
    "main",
    "",
    " refs/heads/x",
    "REFS/HEADS/x",
    "refs/headsx/y",
    "xrefs/heads/y",
];

const MESSAGES: &[&str] = &[
    "",
    "plain",
    "[skip ci]",
    "[ci skip]",
    "[ skip  ci ]",
    "[ci  skip ]",
    "[skipci]",
    "[ciskip]",
    "[Skip CI]",
    "text [ci skip] text",
    "first\n\n[skip ci]",
    "[skip\tci]",
    "[skip\nci]",
    "skip ci",
    "[ci-skip]",
    "[no ci]",
    "WIP: x",
    "x\nWIP: y",
    "WIPx",
    "please DO NOT BUILD",
    "do not build\n",
    "do not build\nnow",
    "\u{fc}[ci skip]",
];

const DATES: &[&str] = &[
    "2015-05-05T19:40:15-04:00",
    "2015-05-05T23:40:15Z",
    "2015-05-05T23:40:15.999Z",
    "2015-05-05T23:40:15",
    "2015-05-05 23:40:15",
    "2015-05-05 23:40:15 UTC",
    "2015-05-05 19:40:15 -0400",
    "2015-05-05",
    "Tue, 05 May 2015 19:40:15 -0400",
    "Tue, 05 May 2015 23:40:15 GMT",
    "1969-12-31T23:59:59Z",
    "2038-01-19T03:14:08Z",
    "2015-05-05T23:40Z",
    "20150505T234015Z",
    "2015-05-05T23:40:60Z",
    "2015-02-30T00:00:00Z",
    "02/03/2024",
    "yesterday",
    "12:00",
    "2015",
    "May 5 2015",
    "2015-05-05T23:40:15 EST",
    "2015-05-05T23:40:15+0530",
    "2015-05-05T23:40:15+05:30",
    " 2015-05-05T23:40:15Z ",
    "",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "1430869215",
    "2015-05-05T23:40:15z",
    "2015-05-05t23:40:15Z",
    "2015-05-05T23:40:15,5Z",
    "2015-5-5T23:40:15Z",
    "2015-05-05T24:00:00Z",
    "2015-W19-2",
    "2015-125",
    "2015-05-05T23:40:15-00:00",
    "2015-05-05T23:40:15+24:00",
];

/// Values of a commit on which Buildbot fails only when it stores the change, after it has stored others.
const UNSTORABLE: &[(&str, &str)] =
    &[("added", "[5]"), ("removed", "[[]]"), ("message", "[]"), ("url", "{}"), ("author", "null"), ("id", "null")];

/// Bodies that are almost JSON, or almost a payload.
const BODIES: &[&str] = &[
    "",
    " ",
    "{",
    "}",
    "null",
    "true",
    "5",
    "\"text\"",
    "[]",
    "[{}]",
    "{}",
    "{} x",
    "{\"a\": NaN}",
    "{'a': 1}",
    "{a: 1}",
    "{\"a\": 1,}",
    "\u{feff}{}",
    "{\"ref\": \"refs/heads/x\", \"ref\": \"refs/notes/x\"}",
    "// {}",
    "payload=%7B%7D",
    "{\"a\": 1e999}",
    "{\"a\": \"\\ud800\"}",
    "{\"a\": \"\t\"}",
    "{\"a\": 01}",
    "{\"a\": 123456789012345678901234567890}",
];

pub(super) fn cases() -> Vec<Case> {
    [examples(), branches(), messages(), dates(), second_commits(), payloads_of_buildbot()]
        .concat()
        .into_iter()
        .chain([bodies(), events(), arguments(), walks()].concat())
        .collect()
}

/// All documented payloads, unchanged; pushes and pull requests also with other options.
fn examples() -> Vec<Case> {
    let mut cases = Vec::new();
    for example in sources::octokit() {
        let body = example.payload.to_string();
        let name = |dialect: &str| format!("{dialect}: {}", example.name);
        cases.push(Case::new(name("github"), github("github", &example.event, body.clone())));
        if matches!(example.event.as_str(), "push" | "pull_request") {
            let signed = github("github_strict", &example.event, body.clone())
                .header("X-Hub-Signature", sha1_signature(SECRET, body.as_bytes()));
            cases.push(Case::new(name("github_strict"), signed));
            for dialect in ["github_whitelist", "github_few"] {
                cases.push(Case::new(name(dialect), github(dialect, &example.event, body.clone())));
            }
        }
    }
    cases
}

fn push() -> Value {
    sources::buildbot_json("github", "gitJsonPayload")
}

fn a_push(name: &str, dialect: &str, payload: &Value) -> Case {
    Case::new(format!("{dialect} push: {name}"), github(dialect, "push", payload.to_string()))
}

/// Refs, with the possible flags of a push.
fn branches() -> Vec<Case> {
    let flags = ["{}", r#"{"created": true}"#, r#"{"deleted": true}"#, r#"{"forced": true}"#, r#"{"commits": []}"#];
    let mut cases = Vec::new();
    for name in REFS {
        for flag in flags {
            let flag: Value = serde_json::from_str(flag).unwrap_or_default();
            let mut payload = mutations::with(&push(), "ref", json!(name));
            for (key, value) in flag.as_object().into_iter().flatten() {
                payload = mutations::with(&payload, key, value.clone());
            }
            cases.push(a_push(&format!("ref {name:?} {flag}"), "github", &payload));
        }
    }
    for odd in ["null", "0", "\"\"", "\"false\"", "[]", "{}", "{\"a\": 1}", "1"] {
        let odd: Value = serde_json::from_str(odd).unwrap_or_default();
        for key in ["created", "deleted", "commits", "head_commit"] {
            let payload = mutations::with(&push(), key, odd.clone());
            cases.push(a_push(&format!("{key} {odd}"), "github", &payload));
        }
    }
    cases
}

/// Messages of the head commit, which may ask to skip it.
fn messages() -> Vec<Case> {
    let mut cases = Vec::new();
    for message in MESSAGES {
        let head = mutations::with(&push(), "head_commit.message", json!(message));
        let first = mutations::with(&push(), "commits.0.message", json!(message));
        for dialect in ["github", "github_noskips", "github_skips"] {
            cases.push(a_push(&format!("head message {message:?}"), dialect, &head));
        }
        cases.push(a_push(&format!("first message {message:?}"), "github", &first));
    }
    cases
}

fn dates() -> Vec<Case> {
    let dated = |date: &&str| mutations::with(&push(), "commits.0.timestamp", json!(date));
    DATES.iter().map(|date| a_push(&format!("date {date:?}"), "github", &dated(date))).collect()
}

fn second_commits() -> Vec<Case> {
    let wrong = |(key, value): &(&str, &str)| {
        let value = serde_json::from_str(value).unwrap_or_default();
        a_push(
            &format!("second commit, {key} {value}"),
            "github",
            &mutations::with(&push(), &format!("commits.1.{key}"), value),
        )
    };
    UNSTORABLE.iter().map(wrong).collect()
}

/// The payloads of Buildbot's own tests, for every dialect.
fn payloads_of_buildbot() -> Vec<Case> {
    let mut cases = Vec::new();
    for (variable, payload) in sources::buildbot_all("github") {
        let event = if variable.contains("PullRequest") { "pull_request" } else { "push" };
        for dialect in OPEN {
            let request = github(dialect, event, payload.clone());
            cases.push(Case::new(format!("{dialect}: Buildbot's {variable}"), request));
        }
        for event in ["ping", "workflow_run", "pull_request", "push"] {
            let request = github("github", event, payload.clone());
            cases.push(Case::new(format!("github: Buildbot's {variable} as {event}"), request));
        }
    }
    cases
}

fn bodies() -> Vec<Case> {
    let mut cases = Vec::new();
    for body in BODIES {
        for event in ["push", "pull_request", "ping", "nothing"] {
            cases.push(Case::new(format!("github {event}: body {body:?}"), github("github", event, *body)));
        }
    }
    let raw: [&[u8]; 3] = [b"{\"a\": \"\xff\"}", b"\xff\xfe{\0}\0", b"{\"ref\": \"\x00\"}"];
    cases.extend(raw.map(|body| Case::new(format!("github push: body {body:?}"), github("github", "push", body))));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let payload = mutations::with(&push(), "deep", serde_json::from_str(&deep).unwrap_or_default());
    cases.push(a_push("a hundred levels", "github_whitelist", &payload));
    cases
}

/// The header that names the event.
fn events() -> Vec<Case> {
    let body = push().to_string();
    let names = [
        "",
        "PUSH",
        "Push",
        " push ",
        "push,ping",
        "pull-request",
        "pull",
        "unknown",
        "__init__",
        "push_",
        "create",
        "delete",
    ];
    let post = || Request::post("/change_hook/github").json(body.clone());
    let mut cases: Vec<Case> = names
        .iter()
        .map(|name| Case::new(format!("github event {name:?}"), post().header("X-GitHub-Event", name)))
        .collect();
    cases.push(Case::new("github event missing", post()));
    cases.push(Case::new("github event not UTF-8", post().header("X-GitHub-Event", b"push\xff")));
    let twice = |first: &str, last: &str| post().header("X-GitHub-Event", first).header("x-github-event", last);
    cases.push(Case::new("github event ping, then push", twice("ping", "push")));
    cases.push(Case::new("github event push, then ping", twice("push", "ping")));
    cases
}

/// Arguments of the query, which Buildbot's GitHub hook ignores.
fn arguments() -> Vec<Case> {
    let queries = ["project=mine", "codebase=mine", "branch=x", "payload=%7B%7D", "project=%ff", "secret=x"];
    let with_query = |query: &&str| {
        let mut request = github("github", "push", push().to_string());
        request.target.push_str(&format!("?{query}"));
        Case::new(format!("github push: query {query}"), request)
    };
    queries.iter().map(with_query).collect()
}

/// Pushes with one wrong value.
fn walks() -> Vec<Case> {
    let created = sources::buildbot_json("github", "gitJsonPayloadCreateTag");
    let real = sources::octokit().into_iter().find(|e| e.event == "push" && e.payload["ref"] == "refs/heads/master");
    let real = real.expect("GitHub documents a push to a branch").payload;
    let every = mutations::every(&push()).into_iter().map(|m| a_push(&m.name, "github", &m.payload));
    let few =
        mutations::dropped_and_nulled(&push()).into_iter().map(|m| a_push(&m.name, "github_whitelist", &m.payload));
    let created =
        mutations::every(&created).into_iter().map(|m| a_push(&format!("tag, {}", m.name), "github", &m.payload));
    let real = mutations::dropped_and_nulled(&real)
        .into_iter()
        .map(|m| a_push(&format!("real, {}", m.name), "github", &m.payload));
    every.chain(few).chain(created).chain(real).collect()
}
