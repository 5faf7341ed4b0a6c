//! From payloads to changes.

use hookd_core::Compat::Off;
use hookd_core::{HookRequest, Outcome};
use hookd_testkit::{assert_change, cases, json};
use serde_json::Value;

use crate::FORGE;

#[test]
fn each_element_makes_a_change() {
    let hook = FORGE.hook(Off, json!({}));
    let Ok(Outcome::Changes(changes)) = hook.translate(&FORGE.request("push", json!({}))) else { panic!() };
    assert_eq!(changes.len(), 2);
    assert_change!(&changes[0], {
        "author": "Ada <ada@example.org>",
        "branch": "main",
        "comments": "Warm the pot",
        "files": ["pot.c"],
        "repository": "https://git.example.org/ada/tea",
        "revision": "1f3a7c",
        "when_timestamp": 1_795_176_300,
        "properties": {"author": {"name": "Ada", "email": "ada@example.org"}, "of": 2, "text": "1f3a7c of 2"},
    });
    assert_eq!(changes[1].files, ["leaves.c", "pot.c", "cup.c"]);
    assert_eq!(changes[1].when_timestamp, Some(1_795_176_360));
}

/// A value of the whole payload may be large, and is there once.
#[test]
fn properties_of_the_payload_are_shared() {
    let hook = FORGE.hook(Off, json!({}));
    let Ok(Outcome::Changes(changes)) = hook.translate(&FORGE.request("push", json!({}))) else { panic!() };
    let shared = changes.iter().map(|change| change.properties.shared().unwrap()).collect::<Vec<_>>();
    assert!(std::sync::Arc::ptr_eq(shared[0], shared[1]));
    assert_eq!(shared[0].keys().collect::<Vec<_>>(), ["of"]);
    let own: Vec<_> = changes[0].properties.own().map(|(name, _)| name).collect();
    assert_eq!(own, ["author", "text"]);
}

#[test]
fn the_reason_says_which_condition_is_not_met() {
    cases! { FORGE;
        off "push" {"ref": "refs/tags/v1"}   => "ignored: `ref` is `refs/tags/v1`, which makes no change";
        off "push" {"ref": null}             => "ignored: `ref` is null, which makes no change";
        off "push" {"ref": {}}               => "ignored: `ref` is an object, which makes no change";
        off "push" {"ref": "-"}              => "ignored: `ref` is not there, which makes no change";
        off "push" {"deleted": true}         => "ignored: `deleted` is `true`, which makes no change";
        off "push" {"commits": []}           => "ignored: `commits` has no elements";
        off "ping" {}                        => "ignored: header `X-Event` is `ping`, which makes no change";
    }
}

#[test]
fn what_identifies_must_be_there() {
    FORGE.assert_refusing_fields(
        "push",
        json!({}),
        &["commits", "commits[]", "commits[].id", "repository", "repository.url"],
    );
}

#[test]
fn what_only_describes_is_left_out_with_a_reason() {
    let hook = FORGE.hook(Off, json!({}));
    let patch = json!({"commits": [{"id": "1", "timestamp": "soon", "added": {"a": 1}}]});
    let request = FORGE.request("push", patch);
    let change = hook.change(&request);
    assert_eq!((change.author.as_str(), change.when_timestamp, change.files.len()), ("", None, 0));
    let reason = request.left_out().unwrap();
    assert!(reason.starts_with("left out: `commits[0].author` is missing; "), "{reason}");
}

#[test]
fn the_url_sets_project_and_codebase() {
    let options =
        json!({"change": {"revision": "{commits_url?}x", "project": "{ref}", "codebase": "{ref}"}, "each": null});
    let Value::Object(mut options) = options else { panic!() };
    options.remove("each");
    options.insert("each".to_owned(), json!("commits"));
    options["change"]["project"] = json!("{.ref}");
    options["change"]["codebase"] = json!("{.ref}");
    let hook = FORGE.hook(Off, Value::Object(options));
    let change = hook.change(&FORGE.request("push", json!({"commits": [{}]})));
    assert_eq!((change.project.as_str(), change.codebase.as_str()), ("refs/heads/main", "refs/heads/main"));
    let request = FORGE.request("push", json!({"commits": [{}]})).with_query("project=p&codebase=c");
    let change = hook.change(&request);
    assert_eq!((change.project.as_str(), change.codebase.as_str()), ("p", "c"));
}

#[test]
fn a_form_may_hold_the_payload() {
    let hook = FORGE.hook(Off, json!({"payload_argument": "payload", "when": [], "change": {"revision": "{id}"}}));
    let form = |body: &str| {
        HookRequest::post("/change_hook/json")
            .with_header("Content-Type", "application/x-www-form-urlencoded")
            .with_body(body.to_owned())
    };
    assert_eq!(hook.change(&form("payload=%7B%22commits%22:[%7B%22id%22:7%7D]%7D")).revision.as_deref(), Some("7"));
    let refusal = hook.translate(&form("x=1")).unwrap_err();
    assert_eq!(refusal.message(), "argument `payload` is missing");
}

#[test]
fn skips_look_at_the_last_change() {
    let hook = FORGE.hook(Off, json!({"skips": ["Steep"]}));
    let run = hook.run(&FORGE.request("push", json!({})));
    assert!(run.summary().starts_with("ignored: "), "{}", run.summary());
}
