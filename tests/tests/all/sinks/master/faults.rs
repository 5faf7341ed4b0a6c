//! A real master behind a proxy that loses answers, or gives its own.

use hookd_tests::{Buildbot, Home, Meddling, Proxy};
use serde_json::json;

use super::{arrived, config, peer, port, revisions};
use crate::sinks::kills::check_arrived;
use crate::sinks::{dead_letters, logged_once, numbers_without, send, stored, wait_for_position};

const COUNT: usize = 20;

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_master_that_takes_a_change_and_dies_before_it_answers_has_none_twice() {
    let master = Buildbot::start(&peer(port(), json!({})));
    let proxy = Proxy::start(master.address());
    for order in ["all", "branch"] {
        let mut number = 0;
        proxy.meddle(move |request| {
            number += 1;
            let is_lost = request.starts_with(b"POST ") && number % 3 == 0;
            if is_lost { Meddling::LoseAnswer } else { Meddling::None }
        });
        let before = arrived(&master).len();
        let hookd = Home::serving(&config(proxy.address().port(), &format!("order = {order:?}\n"))).start();
        send(hookd.public(), COUNT);
        wait_for_position(&hookd, COUNT);
        check_arrived(&arrived(&master)[before..], &stored(&hookd), order);
        assert!(dead_letters(hookd.home()).is_empty());
    }
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_change_that_a_master_alone_fails_on_is_given_up_and_the_others_arrive() {
    let master = Buildbot::start(&peer(port(), json!({})));
    let proxy = Proxy::start(master.address());
    proxy.meddle(|request| {
        let is_of = |revision: &str| String::from_utf8_lossy(request).contains(&format!("&revision={revision}&"));
        match request.starts_with(b"POST ") {
            true if is_of("5") => Meddling::Answer("400 Bad Request", "could not convert string to float: 'x'"),
            true if is_of("7") => Meddling::Answer("500 Internal Server Error", "Error processing changes."),
            _ => Meddling::None,
        }
    });
    let hookd = Home::serving(&config(proxy.address().port(), "head_attempts = 3\n")).start();
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&master), numbers_without(COUNT, &[5, 7]));
    let dead = dead_letters(hookd.home());
    assert_eq!(dead.iter().map(|(changeid, _)| *changeid).collect::<Vec<_>>(), [5, 7]);
    assert!(dead[0].1.starts_with("400 Bad Request"), "{dead:?}");
    // Its API answers, so the change is at fault.
    assert!(dead[1].1.ends_with("the sink takes other requests"), "{dead:?}");
    logged_once(&hookd, "does not take changes, will retry: 500");
}
