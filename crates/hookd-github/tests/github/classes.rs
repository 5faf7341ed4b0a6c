//! Event classes of third parties.

use hookd_core::Compat::Off;
use hookd_core::{Change, Outcome, Refusal, inventory};
use hookd_github::{Event, EventClass};
use serde_json::json;

use crate::kit::{MODES, api, fixture, hook, ok, request, run, said};

inventory::submit! {
    EventClass { name: "blah", summary: "Handles blah.", handle: blah }
}

inventory::submit! {
    EventClass { name: "everything", summary: "Handles everything, after a call.", handle: everything }
}

fn blah(event: &Event<'_>) -> Option<Result<Outcome, Refusal>> {
    (event.name == "blah").then(|| {
        let branch = event.payload.text("branch")?.to_owned();
        Ok(Outcome::Changes(vec![Change { branch: Some(branch), ..Change::default() }]))
    })
}

fn everything(event: &Event<'_>) -> Option<Result<Outcome, Refusal>> {
    let url = format!("https://api.example.org/{}", event.request.query());
    Some(Ok(match event.answers.get(&url) {
        None => Outcome::Calls { calls: vec![hookd_core::ApiCall { url, headers: Vec::new() }], reported_changes: 1 },
        Some(_) => Outcome::ignored(format!("{} was taken", event.name)),
    }))
}

#[test]
fn a_class_handles_the_events_that_it_knows() {
    for mode in MODES {
        let hook = hook(mode, json!({"class": "blah"}));
        for (event, payload, expected) in [
            ("blah", json!({"branch": "b"}), "b@-"),
            ("blah", json!({}), "refused: `branch` is missing"),
            ("star", json!({}), "ignored: event `star` makes no change"),
            ("push", fixture("push"), "main@bbbb main@cccc"),
        ] {
            assert_eq!(said(&run(&*hook, &request(event, &payload), api).0), expected, "{event}");
        }
    }
    let without = run(&*hook(Off, json!({})), &request("blah", &json!({})), api).0;
    assert_eq!(said(&without), "ignored: event `blah` makes no change");
}

#[test]
fn a_class_comes_first_and_may_ask_an_api() {
    let request = request("push", &fixture("push")).with_query("q");
    let (outcome, rounds) = run(&*hook(Off, json!({"class": "everything"})), &request, |_| ok("[]"));
    assert_eq!(said(&outcome), "ignored: push was taken");
    assert_eq!(rounds[0][0].url, "https://api.example.org/q");
}
