//! What pushes come to: in one line each, then field by field.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::{HookRequest, Proof, Recognised};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::kit::{MODES, changes, hook, push, request, said, with};

#[test]
fn pushes_come_to_what_they_should() {
    let both = &MODES[..];
    let null = || Some(Value::Null);
    for (modes, place, value, expected) in [
        (both, "/pushed_by", null(), "milk@bbbb milk@cccc"),
        (both, "/ref", Some(json!("refs/heads/milk")), "refs/heads/milk@bbbb refs/heads/milk@cccc"),
        (both, "/ref", null(), "-@bbbb -@cccc"),
        (both, "/after", Some(json!("0".repeat(40))), "ignored: branch `milk` was deleted"),
        (both, "/after", Some(json!("")), "ignored: branch `milk` was deleted"),
        (both, "/commits", Some(json!([])), "ignored: the push names no commit"),
        (both, "/commits/0/message", null(), "milk@bbbb milk@cccc"),
        (both, "/commits/0/url", null(), "milk@bbbb milk@cccc"),
        (&[Off], "/after", None, "milk@bbbb milk@cccc"),
        (&[Off], "/repository/owner", None, "milk@bbbb milk@cccc"),
        (&[Off], "/repository/name", None, "milk@bbbb milk@cccc"),
        (&[Off], "/commits/0/timestamp", None, "milk@bbbb milk@cccc"),
        (&[Off], "/commits/0/author", None, "milk@bbbb milk@cccc"),
        (&[Off], "/commits/0/url", None, "milk@bbbb milk@cccc"),
    ] {
        for mode in modes {
            let payload = with(push(), place, value.clone());
            assert_eq!(said(&hook(*mode).translate(&request(&payload))), expected, "{place}: {value:?}, {mode:?}");
        }
    }
}

#[test]
fn a_push_is_told_in_full() {
    for mode in MODES {
        let changes = changes(mode, &request(&push()));
        let expected = json!({
            "author": "Ada <ada@example.org>",
            "branch": "milk",
            "category": null,
            "codebase": "",
            "comments": "Warm the pot",
            "committer": null,
            "files": [],
            "project": "kitchen",
            "properties": {},
            "repository": "http://gitorious.example.org/kitchen/tea",
            "revision": "b".repeat(40),
            "revlink": format!("http://gitorious.example.org/kitchen/tea/commit/{}", "b".repeat(40)),
            "src": "git",
            "when_timestamp": 1_714_550_400,
        });
        assert_eq!(serde_json::to_value(&changes[0]).unwrap(), expected, "{mode:?}");
        assert_eq!(changes.len(), 2);
    }
}

#[test]
fn the_project_may_come_from_the_url() {
    for (query, project) in [("project=p%20q", "p q"), ("project=", "kitchen"), ("", "kitchen")] {
        let request = request(&push()).with_query(query);
        assert_eq!(changes(Off, &request)[0].project, project);
        assert_eq!(changes(Buildbot, &request)[0].project, "kitchen");
    }
    let nameless = request(&with(push(), "/project", None)).with_query("project=p");
    assert_eq!(changes(Off, &nameless)[0].project, "p");
}

#[test]
fn the_payload_may_come_in_any_form() {
    let payload = push().to_string();
    let query = format!("payload={}", utf8_percent_encode(&payload, NON_ALPHANUMERIC));
    let parts = format!("--B\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{payload}\r\n--B--\r\n");
    for mode in MODES {
        let post = || HookRequest::post("/change_hook/gitorious");
        let multipart = post().with_header("Content-Type", "multipart/form-data; boundary=B").with_body(parts.clone());
        for request in [post().with_query(query.clone()), multipart] {
            assert_eq!(said(&hook(mode).translate(&request)), "milk@bbbb milk@cccc");
        }
    }
}

#[test]
fn null_is_none_for_buildbot_and_nothing_for_us() {
    let author = |name: Value, email: Value| json!({"name": name, "email": email});
    for (author, buildbot, ours) in [
        (author(Value::Null, json!("a@example.org")), "None <a@example.org>", "<a@example.org>"),
        (author(json!("Ada"), Value::Null), "Ada <None>", "Ada"),
        (author(Value::Null, Value::Null), "None <None>", ""),
    ] {
        let request = request(&with(push(), "/commits/0/author", Some(author)));
        assert_eq!(changes(Buildbot, &request)[0].author, buildbot);
        assert_eq!(changes(Off, &request)[0].author, ours);
    }
}

#[test]
fn it_is_open_and_recognises_nothing() {
    for mode in MODES {
        let hook = hook(mode);
        assert_eq!(hook.recognise(&request(&push())), Recognised::default());
        assert_eq!(hook.verify(&request(&push())), Ok(Proof::NotRequired));
        assert!(!hook.requires_proof());
    }
}
