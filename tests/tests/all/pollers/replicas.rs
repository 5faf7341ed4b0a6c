//! Two hookds with one database: one of them polls, and whoever is asked has it poll.

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, Postgres, until};

use super::{Repository, poller, revisions, wait_for_baseline, wait_for_changes};

fn state(hookd: &Hookd) -> String {
    poller(hookd, "r")["state"].as_str().expect("a state").to_owned()
}

fn poke(hookd: &Hookd) {
    let request =
        Request::post("/change_hook/poller?poller=r").header("Content-Type", "application/x-www-form-urlencoded");
    let answer = hookd.send(&request);
    assert_eq!(answer.status, 202, "{}", answer.text());
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_poke_at_any_hookd_has_the_one_that_leads_poll_and_another_one_takes_over() {
    let (server, repository) = (Postgres::start(), Repository::new());
    let store = format!("url = \"{}\"", server.url(&server.new_database()));
    let home = || {
        Home::with_config(&format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\n{store}\n\
             [change_hook_dialects]\npoller = true\n{}",
            repository.table("r")
        ))
    };
    let first = home().start();
    wait_for_baseline(&first, "r");
    let second = home().start();
    until("it stands by", || (state(&second) == "standby").then_some(()));
    let mut expected = vec![repository.commit("one")];
    poke(&second);
    assert_eq!(wait_for_changes(&first, 1), expected);
    assert_eq!(state(&second), "standby");

    // A hookd whose configuration lacks it does not take its positions from the one that polls.
    let third = Home::with_config(&format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\n{store}\n[change_hook_dialects]\nbase = true\n"
    ))
    .start();
    let admin = format!("http://{}", third.admin().address());
    let refused = third.home().run(&["pollers", "--admin", &admin, "forget", "r"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("which polls: remove it there first"), "{refused:?}");
    drop(third);

    drop(first.kill_9());
    until("the other one polls", || (state(&second) == "waiting").then_some(()));
    expected.push(repository.commit("two"));
    poke(&second);
    assert_eq!(wait_for_changes(&second, 2), expected);
    assert_eq!(revisions(&second), expected, "each once");
}
