//! What pushes become: in one line each, then field by field.

use hookd_core::Change;
use hookd_core::Compat::{self, Buildbot, Off};
use hookd_core::{HookRequest, Recognised};
use hookd_testkit::{BOTH, assert_change, cases, json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::FORGE;

#[test]
fn pushes_become_what_they_should() {
    cases! { FORGE;
        both "push" {"pushed_by": null} => "milk@bbbb, milk@cccc";
        both "push" {"ref": "refs/heads/milk"} => "refs/heads/milk@bbbb, refs/heads/milk@cccc";
        both "push" {"ref": null} => "-@bbbb, -@cccc";
        both "push" {"after": "0".repeat(40)} => "ignored: branch `milk` was deleted";
        both "push" {"after": ""} => "ignored: branch `milk` was deleted";
        both "push" {"commits": []} => "ignored: the push names no commit";
        both "push" {"commits.0.message": null} => "milk@bbbb, milk@cccc";
        both "push" {"commits.0.url": null} => "milk@bbbb, milk@cccc";
        off  "push" {"after": "-"} => "milk@bbbb, milk@cccc";
        off  "push" {"repository.owner": "-"} => "milk@bbbb, milk@cccc";
        off  "push" {"repository.name": "-"} => "milk@bbbb, milk@cccc";
        off  "push" {"commits.0.timestamp": "-"} => "milk@bbbb, milk@cccc";
        off  "push" {"commits.0.author": "-"} => "milk@bbbb, milk@cccc";
        off  "push" {"commits.0.url": "-"} => "milk@bbbb, milk@cccc";
    }
}

/// The first change of a push.
fn first(compat: Compat, request: &HookRequest) -> Change {
    FORGE.hook(compat, json!({})).changes(request).remove(0)
}

#[test]
fn a_push_has_all_fields() {
    for mode in BOTH {
        let changes = FORGE.hook(mode, json!({})).changes(&FORGE.request("push", json!({})));
        assert_change!(&changes[0], {
            "author": "Ada <ada@example.org>",
            "branch": "milk",
            "comments": "Warm the pot",
            "project": "kitchen",
            "repository": "http://gitorious.example.org/kitchen/tea",
            "revision": "b".repeat(40),
            "revlink": format!("http://gitorious.example.org/kitchen/tea/commit/{}", "b".repeat(40)),
            "src": "git",
            "when_timestamp": 1_714_550_400,
        });
        assert_eq!(changes.len(), 2);
    }
}

#[test]
fn the_project_may_come_from_the_url() {
    for (query, project) in [("project=p%20q", "p q"), ("project=", "kitchen"), ("", "kitchen")] {
        let request = FORGE.request("push", json!({})).with_query(query);
        assert_eq!(first(Off, &request).project, project);
        assert_eq!(first(Buildbot, &request).project, "kitchen");
    }
    let nameless = FORGE.request("push", json!({"project": "-"})).with_query("project=p");
    assert_eq!(first(Off, &nameless).project, "p");
}

#[test]
fn the_payload_may_come_in_any_form() {
    let payload = FORGE.payload("push", json!({})).to_string();
    let query = format!("payload={}", utf8_percent_encode(&payload, NON_ALPHANUMERIC));
    let parts = format!("--B\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{payload}\r\n--B--\r\n");
    let post = || HookRequest::post("/change_hook/gitorious");
    let multipart = post().with_header("Content-Type", "multipart/form-data; boundary=B").with_body(parts);
    for request in [post().with_query(query), multipart] {
        for mode in BOTH {
            assert_eq!(FORGE.hook(mode, json!({})).run(&request).summary(), "milk@bbbb, milk@cccc");
        }
    }
}

#[test]
fn null_is_none_for_buildbot_and_nothing_otherwise() {
    let author = |name: Value, email: Value| json!({"commits.0.author": {"name": name, "email": email}});
    for (patch, buildbots, ours) in [
        (author(Value::Null, json!("a@example.org")), "None <a@example.org>", "<a@example.org>"),
        (author(json!("Ada"), Value::Null), "Ada <None>", "Ada"),
        (author(Value::Null, Value::Null), "None <None>", ""),
    ] {
        let request = FORGE.request("push", patch);
        assert_eq!(first(Buildbot, &request).author, buildbots);
        assert_eq!(first(Off, &request).author, ours);
    }
}

#[test]
fn recognises_nothing() {
    for mode in BOTH {
        assert_eq!(FORGE.hook(mode, json!({})).recognise(&FORGE.request("push", json!({}))), Recognised::default());
    }
}
