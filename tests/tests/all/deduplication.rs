//! A redelivery is answered like the first delivery, and stored once.

use hookd_tests::Home;

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

#[test]
fn it_can_be_switched_off() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = { deduplicate = false }").start();
    for _ in 0..2 {
        hookd.send(&push::request("1").header("X-GitHub-Delivery", "a"));
    }
    assert_eq!(hookd.admin().changes().len(), 2);
}
