//! GitHub's two content types, and others.

use super::body::{FORM, MULTIPART, escaped, multipart, urlencoded};
use super::sources;
use crate::conformance::Case;
use crate::conformance::dialects::SECRET;
use crate::http::Request;
use crate::sha1_signature;

const TYPES: &[&str] = &[
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    "Application/JSON",
    "application/json ",
    "application/vnd.github+json",
    "text/json",
    "text/plain",
    "",
    FORM,
    "application/x-www-form-urlencoded; charset=utf-8",
    "Application/X-WWW-Form-URLEncoded",
    MULTIPART,
    "multipart/form-data",
    "application/octet-stream",
];

pub(super) fn cases() -> Vec<Case> {
    let push = sources::buildbot("github", "gitJsonPayload");
    let form = urlencoded(&[("payload", &push)]);
    let bodies = [
        ("JSON", push.clone()),
        ("a form", form.clone()),
        ("a multipart form", multipart(&[("payload", &push)])),
        ("nothing", String::new()),
        ("a form without payload", "other=1".to_owned()),
        ("a form with an empty payload", "payload=".to_owned()),
        ("a form with two payloads", format!("{form}&payload={}", escaped("{}"))),
        ("a form with two payloads, the good one last", format!("payload={}&{form}", escaped("{}"))),
        ("a form with a broken payload", "payload=%7B".to_owned()),
        ("a form with a payload that is not UTF-8", "payload=%ff".to_owned()),
        ("a form with a list", "payload=%5B%5D".to_owned()),
        ("a form with more", format!("a=b&{form}&c=d")),
        ("a form in pieces", form.replace('&', ";")),
    ];
    let targets = ["", &*format!("?{form}"), "?payload=%7B%7D"];
    let mut cases = Vec::new();
    for dialect in ["github", "github_strict"] {
        for content_type in TYPES {
            for (name, body) in &bodies {
                for target in targets.iter().filter(|target| target.is_empty() || body.len() < 40) {
                    let asked = if target.is_empty() { "" } else { ", a payload in the query" };
                    let request = Request::post(format!("/change_hook/{dialect}{target}"));
                    let request = request.header("X-GitHub-Event", "push").header("Content-Type", content_type);
                    let request = request.header("X-Hub-Signature", sha1_signature(SECRET, body.as_bytes()));
                    let name = format!("{dialect}: {name} as {content_type:?}{asked}");
                    cases.push(Case::new(name, request.body(body.clone())));
                }
            }
        }
        let bare = || Request::post(format!("/change_hook/{dialect}")).header("X-GitHub-Event", "push");
        let signed = |request: Request| request.header("X-Hub-Signature", sha1_signature(SECRET, push.as_bytes()));
        cases.push(Case::new(format!("{dialect}: no content type"), signed(bare()).body(push.clone())));
        let twice = bare().header("Content-Type", "text/plain").header("content-type", "application/json");
        cases.push(Case::new(format!("{dialect}: text, then JSON"), signed(twice).body(push.clone())));
        let twice = bare().header("Content-Type", "application/json").header("content-type", "text/plain");
        cases.push(Case::new(format!("{dialect}: JSON, then text"), signed(twice).body(push.clone())));
    }
    cases
}
