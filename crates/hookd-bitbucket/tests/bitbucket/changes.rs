//! What pushes become: in one line each, then field by field.

use hookd_core::Change;
use hookd_core::Compat::{self, Buildbot, Off};
use hookd_core::{HookRequest, Recognised};
use hookd_testkit::{BOTH, assert_change, assert_fields, cases, json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::FORGE;

#[test]
fn pushes_become_what_they_should() {
    cases! { FORGE;
        both     "push" {"truncated": true} => "default@bbbb, milk@cccc";
        both     "push" {"commits": []} => "ignored: the push names no commit";
        // A branch is named with its newest commit alone.
        off      "push" {"commits.0.branch": null} => "milk@bbbb, milk@cccc";
        buildbot "push" {"commits.0.branch": null} => "-@bbbb, milk@cccc";
        off      "push" {"commits.1.branch": null} => "default@bbbb, default@cccc";
        off      "push" {"commits.0.branch": null, "commits.1.branch": null} => "-@bbbb, -@cccc";
        // Wrong descriptions are left out.
        off      "push" {"repository.scm": 5, "commits.0.files": 5, "commits.0.message": []} => "default@bbbb, milk@cccc";
        both     "push" {"commits.0.utctimestamp": "soon"} => "default@bbbb, milk@cccc";
        off      "push" {"commits": null} => "ignored: the push names no commit";
        both     "push" {"commits.0.message": null} => "default@bbbb, milk@cccc";
        buildbot "push" {"commits.0.raw_node": null} => "default@-, milk@cccc";
        both     "push" {"repository.scm": null} => "default@bbbb, milk@cccc";
        off      "push" {"repository.scm": "-"} => "default@bbbb, milk@cccc";
        off      "push" {"commits.0.node": "-"} => "default@bbbb, milk@cccc";
        off      "push" {"commits.0.branch": "-"} => "milk@bbbb, milk@cccc";
        off      "push" {"commits.0.files": "-"} => "default@bbbb, milk@cccc";
        off      "push" {"commits.0.files": null} => "default@bbbb, milk@cccc";
        off      "push" {"commits.0.raw_author": "-"} => "default@bbbb, milk@cccc";
        both     "push" {"commits.0.raw_author": null} => "default@bbbb, milk@cccc";
        off      "push" {"commits.0.message": "-"} => "default@bbbb, milk@cccc";
        off      "push" {"commits.0.utctimestamp": "-"} => "default@bbbb, milk@cccc";
    }
}

/// The first change of a push.
fn first(compat: Compat, patch: Value) -> Change {
    FORGE.hook(compat, json!({})).changes(&FORGE.request("push", patch)).remove(0)
}

#[test]
fn a_push_has_all_fields() {
    for mode in BOTH {
        let request = FORGE.request("push", json!({})).with_header("X-Event-Key", "repo:push");
        let changes = FORGE.hook(mode, json!({})).changes(&request.with_query("project=p%20q"));
        assert_change!(&changes[0], {
            "author": "Ada <ada@example.org>",
            "branch": "default",
            "comments": "Warm the pot\n",
            "files": ["pot.txt", "doc/ö.md"],
            "project": "p q",
            "properties": {"event": "repo:push"},
            "repository": "https://bitbucket.org/kitchen/tea/",
            "revision": "b".repeat(40),
            "revlink": format!("https://bitbucket.org/kitchen/tea/commits/{}", "b".repeat(40)),
            "src": "hg",
            "when_timestamp": 1_714_550_400,
        });
        assert_eq!(changes.len(), 2);
    }
}

#[test]
fn without_event_and_project_there_are_none() {
    for mode in BOTH {
        assert_fields!(&first(mode, json!({})), {"project": "", "properties": {"event": null}});
    }
}

#[test]
fn the_payload_may_come_in_any_form() {
    let payload = FORGE.payload("push", json!({})).to_string();
    let query = format!("payload={}", utf8_percent_encode(&payload, NON_ALPHANUMERIC));
    let parts = format!("--B\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{payload}\r\n--B--\r\n");
    let post = || HookRequest::post("/change_hook/bitbucket");
    let multipart = post().with_header("Content-Type", "multipart/form-data; boundary=B").with_body(parts);
    for request in [post().with_query(query), multipart] {
        for mode in BOTH {
            assert_eq!(FORGE.hook(mode, json!({})).run(&request).summary(), "default@bbbb, milk@cccc");
        }
    }
}

#[test]
fn null_is_none_for_buildbot_and_nothing_otherwise() {
    let link = first(Buildbot, json!({"commits.0.raw_node": null})).revlink;
    assert_eq!(link.as_deref(), Some("https://bitbucket.org/kitchen/tea/commits/None"));
    assert_eq!(first(Buildbot, json!({"canon_url": null})).repository, "None/kitchen/tea/");
    for path in ["/kitchen/tea", "/kitchen/tea/"] {
        assert_fields!(&first(Off, json!({"repository.absolute_url": path})), {
            "repository": format!("https://bitbucket.org{path}"),
            "revlink": format!("https://bitbucket.org/kitchen/tea/commits/{}", "b".repeat(40)),
        });
    }
}

#[test]
fn recognises_the_event() {
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        let named = FORGE.request("push", json!({})).with_header("x-event-key", "repo:push");
        assert_eq!(hook.recognise(&named).event.as_deref(), Some("repo:push"));
        assert_eq!(hook.recognise(&named).forge_id, None);
        assert_eq!(hook.recognise(&FORGE.request("push", json!({}))), Recognised::default());
        assert_eq!(hook.proof(&named), "not required");
    }
}
