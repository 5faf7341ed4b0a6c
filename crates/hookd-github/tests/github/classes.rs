//! Event classes of third parties.

use hookd_core::Compat::Off;
use hookd_core::{Change, Outcome, Refusal, inventory};
use hookd_github::{Event, EventClass};
use hookd_testkit::{answer, cases, json};

use crate::FORGE;

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
        None => Outcome::Calls {
            calls: vec![hookd_core::ApiCall { url, headers: Vec::new(), is_announced: false }],
            line: None,
            about: hookd_core::Subject::default(),
            reported_changes: 1,
        },
        Some(_) => Outcome::ignored(format!("{} was taken", event.name)),
    }))
}

#[test]
fn a_class_handles_the_events_that_it_knows() {
    cases! { FORGE, {"class": "blah"};
        both "blah" {"branch": "b"} => "b@-";
        both "blah" {} => "refused: `branch` is missing";
        both "star" {} => "ignored: event `star` makes no change";
        both "push" {} => "main@bbbb, main@cccc";
    }
    cases! { FORGE;
        off "blah" {} => "ignored: event `blah` makes no change";
    }
}

#[test]
fn a_class_comes_first_and_may_ask_an_api() {
    let request = FORGE.request("push", json!({})).with_query("q");
    let run = FORGE.hook(Off, json!({"class": "everything"})).run_with(&request, |_| answer::json("[]"));
    assert_eq!(run.summary(), "ignored: push was taken");
    assert_eq!(run.urls(), [["https://api.example.org/q"]]);
}
