//! A redelivery is answered like the first delivery, and stored once.

use hookd_tests::http::Request;
use hookd_tests::{Home, LISTENERS};

use crate::push;

#[test]
fn the_same_delivery_is_stored_once() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true").start();
    let request = push::request("1").header("X-GitHub-Delivery", "72d3162e");
    let first = hookd.send(&request);
    let again = hookd.send(&request);
    assert_eq!(first.line(), "202 1 change found");
    assert_eq!(again.line(), first.line());
    assert_eq!(again.header("X-Hookd-Delivery"), first.header("X-Hookd-Delivery"));
    assert_eq!(hookd.admin().changes().len(), 1);

    // Also after a crash.
    let hookd = hookd.kill_9().start();
    let late = hookd.send(&request);
    assert_eq!(late.line(), first.line());
    assert_eq!(late.header("X-Hookd-Delivery"), first.header("X-Hookd-Delivery"));
    assert_eq!(hookd.admin().changes().len(), 1);
}

#[test]
fn a_different_body_or_id_is_a_new_delivery() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true").start();
    for (revision, id) in [("1", "a"), ("2", "a"), ("1", "b")] {
        let answer = hookd.send(&push::request(revision).header("X-GitHub-Delivery", id));
        assert_eq!(answer.line(), "202 1 change found");
    }
    // Without an id, nothing identifies a redelivery.
    hookd.send(&push::request("1"));
    hookd.send(&push::request("1"));
    assert_eq!(hookd.admin().changes().len(), 5);
}

/// A forge gives one event one id, for whichever of its hooks it is.
#[test]
fn two_hooks_of_one_event_are_two_deliveries() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true").start();
    for _ in 0..2 {
        for codebase in ["leaves", "roots"] {
            let request = push::request("1").header("X-GitHub-Delivery", "a");
            let request = Request { target: format!("/change_hook/github?codebase={codebase}"), ..request };
            assert_eq!(hookd.send(&request).line(), "202 1 change found");
        }
    }
    let codebases: Vec<_> = hookd.admin().changes().iter().map(|change| change["codebase"].clone()).collect();
    assert_eq!(codebases, ["leaves", "roots"]);
}

/// "Redeliver" helps once the configuration is fixed.
#[test]
fn what_made_no_change_is_translated_afresh() {
    let tables = |pattern: &str| format!("[change_hook_dialects]\ngithub = {{ skips = ['{pattern}'] }}");
    let hookd = Home::serving(&tables("Change")).start();
    let request = push::request("1").header("X-GitHub-Delivery", "a");
    for _ in 0..2 {
        assert_eq!(hookd.send(&request).line(), "202 no change found");
    }
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{}\n", tables("WIP")));
    let reloaded = hookd.home().run(&["reload", "--admin", &format!("http://{}", hookd.admin().address())]);
    assert_eq!(reloaded.code, Some(0), "{}", reloaded.stderr);
    for _ in 0..2 {
        let answer = hookd.send(&request);
        assert_eq!((answer.line().as_str(), answer.header("X-Hookd-Delivery")), ("202 1 change found", Some("3")));
    }
    assert_eq!((hookd.admin().changes().len(), hookd.admin().deliveries().len()), (1, 3));
}

#[test]
fn it_can_be_switched_off() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = { deduplicate = false }").start();
    for _ in 0..2 {
        hookd.send(&push::request("1").header("X-GitHub-Delivery", "a"));
    }
    assert_eq!(hookd.admin().changes().len(), 2);
}
