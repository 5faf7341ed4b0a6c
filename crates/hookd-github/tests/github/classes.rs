//! Event classes of third parties.

use hookd_core::Compat::Off;
use hookd_core::{ApiCall, Change, Outcome, Refusal, Subject, inventory, registry};
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
        None => Outcome::calls([ApiCall::get(url)], Subject::default()),
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

inventory::submit! {
    EventClass { name: "labels", summary: "Pushes have the codebase as their category.", handle: labels }
}

/// Changes what the dialect makes, with its options.
fn labels(event: &Event<'_>) -> Option<Result<Outcome, Refusal>> {
    (event.name == "push").then(|| {
        let Outcome::Changes(mut changes) = event.built_in()? else { return event.built_in() };
        let codebase = event.change()?.codebase;
        let mode = format!("{codebase}, {}, {:?}", event.options().pullrequest_ref, event.compat());
        changes.iter_mut().for_each(|change| change.category = Some(mode.clone()));
        Ok(Outcome::Changes(changes))
    })
}

#[test]
fn a_class_sees_the_options_and_what_the_dialect_makes_of_an_event() {
    let options = json!({"class": "labels", "codebase": "tea", "pullrequest_ref": "head"});
    let changes = FORGE.hook(Off, options).changes(&FORGE.request("push", json!({})));
    let categories: Vec<_> = changes.iter().filter_map(|change| change.category.as_deref()).collect();
    assert_eq!(categories, ["tea, head, Off"; 2]);
    cases! { FORGE, {"class": "labels", "skips": ["."]};
        both "push" {} => "ignored: head commit matches the skip pattern .";
        both "push" {"ref": "refs/notes/x"} => "ignored: ref `refs/notes/x` is neither a branch nor a tag";
    }
}

inventory::submit! { EventClass { name: "twice", summary: "Is registered twice.", handle: blah } }
inventory::submit! { EventClass { name: "twice", summary: "Is registered twice.", handle: everything } }

#[test]
fn two_classes_of_one_name_are_a_flaw_of_the_build() {
    assert_eq!(registry::flaws(), ["this build has more than one event class `twice`"]);
}
