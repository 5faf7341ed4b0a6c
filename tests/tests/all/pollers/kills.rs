//! `kill -9` at any moment of a poll: every commit is reported, and none twice.

use std::thread;
use std::time::Duration;

use hookd_tests::http::{self, Request};

use super::{Repository, serving, wait_for_baseline, wait_for_changes};
use crate::torture::setting;

/// How often hookd is killed.
const KILLS: usize = 12;

#[test]
#[ignore = "needs git from cargo xtask test"]
fn kill_9_between_any_two_steps_of_a_poll_loses_and_repeats_nothing() {
    let seed = setting("HOOKD_TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("HOOKD_TORTURE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let repository = Repository::new();
    let mut hookd = serving(&(repository.table("tea") + "poll_at_launch = true\n")).start();
    wait_for_baseline(&hookd, "tea");
    let mut committed = Vec::new();
    for round in 0..KILLS {
        for number in 0..random.usize(1..4) {
            committed.push(repository.commit(&format!("{round}.{number}")));
        }
        let poke = Request::post("/change_hook/poller?poller=tea");
        assert_eq!(hookd.send(&poke).line(), "202 no change found");
        // Somewhere in a poll, which takes a few dozen milliseconds. It is the moment that is tested, and no condition.
        thread::park_timeout(Duration::from_millis(random.u64(0..80)));
        hookd = hookd.kill_9().start();
    }
    assert_eq!(wait_for_changes(&hookd, committed.len()), committed, "seed {seed}");
    // Once more, for what would be repeated.
    committed.push(repository.commit("the last"));
    let answer = http::send(hookd.public(), &Request::post("/change_hook/poller")).expect("hookd answers");
    assert_eq!(answer.line(), "202 no change found");
    assert_eq!(wait_for_changes(&hookd, committed.len()), committed, "seed {seed}");
}
