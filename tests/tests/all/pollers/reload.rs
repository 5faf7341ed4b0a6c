//! Positions survive a reload and a restart: nothing is reported twice, and nothing is missed.

use hookd_tests::{Hookd, until};

use super::{Repository, poller, revisions, serving, wait_for_baseline, wait_for_changes};

fn admin(hookd: &Hookd) -> String {
    format!("http://{}", hookd.admin().address())
}

fn poke(hookd: &Hookd) {
    let poked = hookd.home().run(&["pollers", "--admin", &admin(hookd), "poke", "--all"]);
    assert_eq!(poked.code, Some(0), "{poked:?}");
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_reload_and_a_restart_keep_positions() {
    let repository = Repository::new();
    let hookd = serving(&repository.table("tea")).start();
    wait_for_baseline(&hookd, "tea");
    let first = repository.commit("one");
    poke(&hookd);
    assert_eq!(wait_for_changes(&hookd, 1), std::slice::from_ref(&first));

    // An option has changed: what came since the last poll is found, and nothing else.
    let second = repository.commit("two");
    let config = hookd.home().path().join("hookd.toml");
    let text = std::fs::read_to_string(&config).expect("it is there");
    hookd.home().write("hookd.toml", text.replace("24h", "48h"));
    let reloaded = hookd.home().run(&["reload", "--admin", &admin(&hookd)]);
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    until("the new interval counts", || (poller(&hookd, "tea")["poll_interval"] == 172_800.0).then_some(()));
    wait_for_baseline(&hookd, "tea");
    assert_eq!(revisions(&hookd), std::slice::from_ref(&first), "a reload is no poll");
    poke(&hookd);
    assert_eq!(wait_for_changes(&hookd, 2), [first.clone(), second.clone()]);

    // Stopped, and what is pushed meanwhile is found at the start that follows, if it polls at launch.
    let before = wait_for_baseline(&hookd, "tea");
    let (status, home) = hookd.terminate();
    assert!(status.success());
    let third = repository.commit("three");
    let text = std::fs::read_to_string(home.path().join("hookd.toml")).expect("it is there");
    home.write("hookd.toml", text.replace("branches = true", "branches = true\npoll_at_launch = true"));
    let hookd = home.start();
    assert_eq!(wait_for_changes(&hookd, 3), [first, second, third]);
    let after = wait_for_baseline(&hookd, "tea");
    assert!(after["changed_at"].as_f64() > before["changed_at"].as_f64(), "{after}");
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn what_was_known_before_a_restart_is_shown_after_it() {
    let repository = Repository::new();
    let hookd = serving(&repository.table("tea")).start();
    wait_for_baseline(&hookd, "tea");
    repository.commit("one");
    poke(&hookd);
    wait_for_changes(&hookd, 1);
    let before = until("the poll is over", || {
        let shown = wait_for_baseline(&hookd, "tea");
        (!shown["changed_at"].is_null()).then_some(shown)
    });
    let hookd = hookd.terminate().1.start();
    let after = wait_for_baseline(&hookd, "tea");
    for field in ["succeeded_at", "changed_at", "positions"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(after["tried_at"].is_null(), "it has not polled since: {after}");
}
