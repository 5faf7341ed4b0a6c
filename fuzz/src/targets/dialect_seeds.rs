//! Requests to start from: the payloads of the dialects' own tests, as their forges send them.

use hookd_core::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::Message;

/// A payload of a dialect's tests.
macro_rules! fixture {
    ($dialect:literal, $name:literal) => {
        include_str!(concat!("../../../crates/hookd-", $dialect, "/tests/", $dialect, "/fixtures/", $name, ".json"))
    };
}

/// An example of the manual.
macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../docs/examples/", $name, ".json"))
    };
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn form(payload: &str) -> Message {
    Message::post(&[FORM], format!("payload={}", percent_encode(payload.as_bytes(), NON_ALPHANUMERIC)))
}

/// The dialect `base`.
pub(super) fn base() -> Vec<Message> {
    let query = "author=a&branch=b&category=c&codebase=d&comments=e+f&committer=g&files=[%22h%22]&project=i\
        &properties={%22j%22:[1]}&repository=k&revision=l&revlink=m&when_timestamp=12.9";
    let fields = r#"{"author": "a", "branch": "b", "category": "c", "codebase": "d", "comments": "e f", "committer": "g",
        "files": ["h"], "project": "i", "properties": {"j": [1]}, "repository": "k", "revision": "l", "revlink": "m",
        "when_timestamp": 12.9}"#;
    let multipart = "--B\r\nContent-Disposition: form-data; name=\"author\"\r\n\r\na\r\n--B--\r\n";
    vec![
        Message::post(&[FORM], query),
        Message { method: Method::Get, ..Message::post(&[], "").with_query(query) },
        Message::post(&[JSON], fields),
        Message::post(&[JSON], format!("[{fields}, {{\"who\": \"w\", \"revision\": \"r\"}}]")),
        Message::post(&[("Content-Type", "multipart/form-data; boundary=B")], multipart).with_query("who=w&when=1.5e3"),
    ]
}

/// The dialect `bitbucket`.
pub(super) fn bitbucket() -> Vec<Message> {
    vec![form(fixture!("bitbucket", "push")), form(example!("bitbucket-push")).with_query("project=p")]
}

/// The dialect `bitbucketcloud`.
pub(super) fn bitbucketcloud() -> Vec<Message> {
    let send = |key: &str, payload: &str| {
        Message::post(
            &[("X-Event-Key", key), ("X-Request-UUID", "2f2b6a3e"), ("X-Hub-Signature", "sha256=00"), JSON],
            payload,
        )
    };
    vec![
        send("repo:push", fixture!("bitbucketcloud", "push")),
        send("repo:push", example!("bitbucketcloud-push")).with_query("codebase=c"),
        send("pullrequest:created", fixture!("bitbucketcloud", "pull_request")),
        send("pullrequest:updated", fixture!("bitbucketcloud", "pull_request")),
        send("pullrequest:fulfilled", fixture!("bitbucketcloud", "pull_request")),
        send("pullrequest:created", fixture!("bitbucketcloud", "legacy_pull_request")),
        send("pullrequest:rejected", fixture!("bitbucketcloud", "legacy_pull_request")),
    ]
}

/// The dialect `bitbucketserver`.
pub(super) fn bitbucketserver() -> Vec<Message> {
    let send = |key: &str, payload: &str| {
        Message::post(
            &[("X-Event-Key", key), ("X-Request-Id", "2f2b6a3e"), ("X-Hub-Signature", "sha256=00"), JSON],
            payload,
        )
    };
    vec![
        send("repo:refs_changed", fixture!("bitbucketserver", "refs_changed")),
        send("repo:refs_changed", fixture!("bitbucketserver", "refs_changed_old")),
        send("repo:refs_changed", example!("bitbucketserver-push")).with_query("project=p"),
        send("repo:push", fixture!("bitbucketserver", "plugin_push")),
        send("pr:opened", fixture!("bitbucketserver", "pull_request")),
        send("pr:modified", fixture!("bitbucketserver", "pull_request")),
        send("pr:merged", fixture!("bitbucketserver", "pull_request")),
        send("pr:from_ref_updated", fixture!("bitbucketserver", "pull_request_old")),
        send("pullrequest:created", fixture!("bitbucketserver", "plugin_pull_request")),
        send("pullrequest:fulfilled", fixture!("bitbucketserver", "plugin_pull_request")),
        send("diagnostics:ping", "{\"test\": true}"),
    ]
}

/// The dialect `github`.
pub(super) fn github() -> Vec<Message> {
    let send = |event: &str, payload: &str| {
        let headers =
            [("X-GitHub-Event", event), ("X-GitHub-Delivery", "72d3162e"), ("X-Hub-Signature", "sha1=00"), JSON];
        Message::post(&headers, payload)
    };
    let files = r#"[{"filename": "milk.txt", "status": "added"},
        {"filename": "tea.txt", "previous_filename": "water.txt", "status": "renamed"}]"#;
    let pull_request = send("pull_request", fixture!("github", "pull_request"))
        .with_answer(None, r#"{"commit": {"message": "Add milk"}}"#)
        .with_answer(Some("<https://api.github.com/repositories/1/pulls/1/files?page=2>; rel=\"next\""), files)
        .with_answer(None, files);
    let mut in_form = form(fixture!("github", "push"));
    in_form.headers.push(("X-GitHub-Event".to_owned(), b"push".to_vec()));
    vec![
        send("push", fixture!("github", "push")),
        send("push", example!("github-push")).with_query("project=p&codebase=c"),
        in_form,
        pull_request,
        send("merge_group", fixture!("github", "merge_group")),
        send("ping", "{\"zen\": \"Design for failure.\"}"),
    ]
}

/// The dialect `gitlab`.
pub(super) fn gitlab() -> Vec<Message> {
    let send = |event: &str, payload: &str| {
        let proof = [("webhook-id", "msg_1"), ("webhook-timestamp", "1700000000"), ("webhook-signature", "v1,AAAA")];
        let headers = [("X-Gitlab-Event", event), ("X-Gitlab-Token", "t"), ("Idempotency-Key", "72d3162e"), JSON];
        Message::post(&[&headers[..], &proof[..]].concat(), payload)
    };
    vec![
        send("Push Hook", fixture!("gitlab", "push")),
        send("System Hook", fixture!("gitlab", "push")).with_query("codebase=c"),
        send("Push Hook", example!("gitlab-push")),
        send("Merge Request Hook", fixture!("gitlab", "merge_request")),
        send("Note Hook", fixture!("gitlab", "note")),
    ]
}

/// The dialect `gitorious`.
pub(super) fn gitorious() -> Vec<Message> {
    vec![form(fixture!("gitorious", "push")), form(example!("gitorious-push")).with_query("codebase=c")]
}

/// The class `json`.
pub(super) fn json() -> Vec<Message> {
    let send = |event: &str, body: &str| Message::post(&[("X-Event", event), ("X-Delivery", "17")], body);
    vec![send("push", fixture!("json", "push")), send("ping", "{}").with_query("codebase=c")]
}

/// The dialect `poller`.
pub(super) fn poller() -> Vec<Message> {
    let get = |query| Message { method: Method::Get, ..Message::post(&[], "").with_query(query) };
    vec![get("poller=svn"), get(""), Message::post(&[FORM], "poller=svn&poller=git"), get("poller=svn&poller=svn")]
}
