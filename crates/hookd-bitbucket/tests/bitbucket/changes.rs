//! What pushes come to: in one line each, then field by field.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::{HookRequest, Proof};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::kit::{MODES, changes, hook, push, request, said, with};

#[test]
fn pushes_come_to_what_they_should() {
    let both = &MODES[..];
    let null = || Some(Value::Null);
    for (modes, place, value, expected) in [
        (both, "/truncated", Some(json!(true)), "default@bbbb milk@cccc"),
        (both, "/commits", Some(json!([])), "ignored: the push names no commit"),
        (both, "/commits/0/branch", null(), "-@bbbb milk@cccc"),
        (both, "/commits/0/message", null(), "default@bbbb milk@cccc"),
        (&[Buildbot], "/commits/0/raw_node", null(), "default@- milk@cccc"),
        (both, "/repository/scm", null(), "default@bbbb milk@cccc"),
        (&[Off], "/repository/scm", None, "default@bbbb milk@cccc"),
        (&[Off], "/commits/0/node", None, "default@bbbb milk@cccc"),
        (&[Off], "/commits/0/branch", None, "-@bbbb milk@cccc"),
        (&[Off], "/commits/0/files", None, "default@bbbb milk@cccc"),
        (&[Off], "/commits/0/files", null(), "default@bbbb milk@cccc"),
        (&[Off], "/commits/0/raw_author", None, "default@bbbb milk@cccc"),
        (both, "/commits/0/raw_author", null(), "default@bbbb milk@cccc"),
        (&[Off], "/commits/0/message", None, "default@bbbb milk@cccc"),
        (&[Off], "/commits/0/utctimestamp", None, "default@bbbb milk@cccc"),
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
        let request = request(&push()).with_header("X-Event-Key", "repo:push").with_query("project=p%20q");
        let changes = changes(mode, &request);
        let expected = json!({
            "author": "Ada <ada@example.org>",
            "branch": "default",
            "category": null,
            "codebase": "",
            "comments": "Warm the pot\n",
            "committer": null,
            "files": ["pot.txt", "doc/ö.md"],
            "project": "p q",
            "properties": {"event": "repo:push"},
            "repository": "https://bitbucket.org/kitchen/tea/",
            "revision": "b".repeat(40),
            "revlink": format!("https://bitbucket.org/kitchen/tea/commits/{}", "b".repeat(40)),
            "src": "hg",
            "when_timestamp": 1_714_550_400,
        });
        assert_eq!(serde_json::to_value(&changes[0]).unwrap(), expected, "{mode:?}");
        assert_eq!(changes.len(), 2);
    }
}

#[test]
fn without_event_and_project_there_are_none() {
    for mode in MODES {
        let change = changes(mode, &request(&push())).remove(0);
        assert_eq!((change.project.as_str(), &change.properties["event"]), ("", &Value::Null));
    }
}

#[test]
fn the_payload_may_come_in_any_form() {
    let payload = push().to_string();
    let query = format!("payload={}", utf8_percent_encode(&payload, NON_ALPHANUMERIC));
    let parts = format!("--B\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{payload}\r\n--B--\r\n");
    for mode in MODES {
        let post = || HookRequest::post("/change_hook/bitbucket");
        let multipart = post().with_header("Content-Type", "multipart/form-data; boundary=B").with_body(parts.clone());
        for request in [post().with_query(query.clone()), multipart] {
            assert_eq!(said(&hook(mode).translate(&request)), "default@bbbb milk@cccc");
        }
    }
}

#[test]
fn null_is_none_for_buildbot_and_nothing_for_us() {
    let payload = with(push(), "/commits/0/raw_node", Some(Value::Null));
    let link = changes(Buildbot, &request(&payload)).remove(0).revlink;
    assert_eq!(link.as_deref(), Some("https://bitbucket.org/kitchen/tea/commits/None"));
    let payload = with(push(), "/canon_url", Some(Value::Null));
    assert_eq!(changes(Buildbot, &request(&payload))[0].repository, "None/kitchen/tea/");
    for (path, repository, link) in [
        ("/kitchen/tea", "https://bitbucket.org/kitchen/tea", "https://bitbucket.org/kitchen/tea/commits/"),
        ("/kitchen/tea/", "https://bitbucket.org/kitchen/tea/", "https://bitbucket.org/kitchen/tea/commits/"),
    ] {
        let change = changes(Off, &request(&with(push(), "/repository/absolute_url", Some(json!(path))))).remove(0);
        assert_eq!((change.repository.as_str(), change.revlink), (repository, Some(link.to_owned() + &"b".repeat(40))));
    }
}

#[test]
fn it_is_open_and_recognises_the_event() {
    for mode in MODES {
        let hook = hook(mode);
        let named = request(&push()).with_header("x-event-key", "repo:push");
        assert_eq!(hook.recognise(&named).event.as_deref(), Some("repo:push"));
        assert_eq!(hook.recognise(&named).forge_id, None);
        assert_eq!(hook.recognise(&request(&push())), hookd_core::Recognised::default());
        assert_eq!(hook.verify(&named), Ok(Proof::NotRequired));
        assert!(!hook.requires_proof());
    }
}
