//! What the manual says: its blocks of commands and files, and what it says of the command line and the private listener.

mod blocks;
mod commands;
mod database;
mod files;
mod shell;

use std::fs;

use hookd_tests::http::{self, Request};
use hookd_tests::{Home, Hookd};
use serde_json::Value;

use crate::faults::numbered;

/// A page of the manual.
fn page(name: &str) -> String {
    let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn start() -> Hookd {
    Home::serving("[change_hook_dialects]\nbase = true\ngithub = true").start()
}

#[test]
fn the_sample_messages_are_those_of_hookd() {
    let manual = page("configuration.md");
    let (_, rest) = manual.split_once("```text\nhookd.toml:2:1: ").expect("the page has a sample");
    let sample = format!("hookd.toml:2:1: {}", rest.split("```").next().unwrap_or_default());
    let home = Home::with_config("[server]\nlisen = 1\n\n[change_hook_dialects]\ngithub = { strict = true }\n");
    let checked = home.run(&["check"]);
    assert_eq!((checked.code, checked.stderr), (Some(2), sample));
}

#[test]
fn the_help_names_what_hookd_does_and_the_version_its_commit() {
    let home = Home::with_config("");
    let help = home.run(&["help"]);
    assert!(
        help.stdout.contains("verifies them, stores them as Buildbot changes, and delivers these"),
        "{}",
        help.stdout
    );
    assert_eq!(help.stdout, home.run(&["--help"]).stdout);
    let version = home.run(&["-V"]).stdout;
    let commit = version.trim().strip_prefix("hookd ").and_then(|rest| rest.split_once(" (")).map(|(_, commit)| commit);
    let is_commit = |commit: &str| commit.len() >= 8 && commit.chars().all(|c| c.is_ascii_hexdigit());
    assert!(commit.and_then(|commit| commit.strip_suffix(')')).is_some_and(is_commit), "{version}");
}

#[test]
fn head_is_get_without_a_body_on_the_private_listener() {
    let hookd = start();
    hookd.send(&numbered(1, 0));
    let address = hookd.admin().address();
    for path in ["/healthz", "/readyz", "/", "/changes/1", "/api/v2/changes", "/api/v2/changes/9", "/nowhere"] {
        let get = hookd.admin().get(path);
        let head = http::send(address, &Request::new("HEAD", path)).expect("an answer");
        assert_eq!((head.status, head.header("Content-Type")), (get.status, get.header("Content-Type")), "{path}");
        assert_eq!(head.body.len(), 0, "{path}");
    }
    assert_eq!(http::send(address, &Request::new("HEAD", "/metrics")).expect("an answer").status, 200);
}

#[test]
fn answers_of_the_api_are_json() {
    let hookd = start();
    hookd.send(&numbered(1, 0));
    for path in
        ["changes", "changes/1", "changes/9", "deliveries?limit=x", "sinks", "dialects", "unverified", "nothing"]
    {
        let answer = hookd.admin().get(&format!("/api/v2/{path}"));
        assert!(answer.header("Content-Type").is_some_and(|kind| kind.starts_with("application/json")), "{path}");
        assert!(serde_json::from_slice::<Value>(&answer.body).is_ok(), "{path}: {}", answer.text());
    }
}

#[test]
fn an_empty_value_selects_the_records_without_one() {
    let hookd = start();
    for category in ["", "&category=pull", "&category="] {
        let request = Request::post("/change_hook/base")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("author=a&revision=r{category}"));
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    }
    let ids = |query: &str| -> Vec<i64> {
        let changes = hookd.admin().list(&format!("/api/v2/changes?order=changeid&{query}"), "changes");
        changes.iter().filter_map(|change| change["changeid"].as_i64()).collect()
    };
    assert_eq!(ids("category="), [1, 3]);
    assert_eq!(ids("category__ne="), [2]);
    assert_eq!(ids("category=pull"), [2]);
    assert_eq!(ids("category=pull&category="), [1, 2, 3]);
}

#[test]
fn dialects_say_whether_they_need_a_password_or_a_proof() {
    let tables = "[change_hook_dialects]\nbase = { change_hook_auth = [\"memory:ann:one\"] }\n\
        poller = { change_hook_auth = [\"memory:ann:one\", \"anonymous\"] }\n\
        github = { secret = \"s3cret\", strict = true }";
    let hookd = Home::serving(tables).start();
    let dialects = hookd.admin().list("/api/v2/dialects", "dialects");
    let found: Vec<_> = dialects
        .iter()
        .map(|dialect| {
            (dialect["name"].as_str(), dialect["requires_password"].as_bool(), dialect["requires_proof"].as_bool())
        })
        .collect();
    let expected = [("base", true, false), ("github", false, true), ("poller", false, false)];
    assert_eq!(found, expected.map(|(name, password, proof)| (Some(name), Some(password), Some(proof))));
}
