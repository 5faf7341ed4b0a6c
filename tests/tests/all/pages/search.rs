//! The search and the filters of the first page, through restarts and a crash.

use hookd_tests::{Hookd, until};

use super::{HASH, filled};

/// The numbers of the deliveries on a page.
fn listed(hookd: &Hookd, query: &str) -> Vec<u32> {
    let answer = hookd.admin().get(&format!("/?{query}"));
    assert_eq!(answer.status, 200, "{query}");
    let text = answer.text();
    let links = text.split("<a href=\"./deliveries/").skip(1);
    links.map(|rest| rest.split('"').next().expect("the link ends").parse().expect("a number")).collect()
}

fn look(hookd: &Hookd) {
    let upper = HASH.to_uppercase();
    for (query, found) in [
        (format!("q={}", &HASH[..7]), vec![1]),
        (format!("q={}", &upper[..9]), vec![1]),
        (format!("q={HASH}"), vec![1]),
        ("q=72D3162E".to_owned(), vec![1]),
        ("q=EARL-grey".to_owned(), vec![1]),
        ("q=lovelace".to_owned(), vec![1]),
        ("q=octo/coffee".to_owned(), vec![2]),
        ("q=ada+octo/tea".to_owned(), vec![1]),
        ("q=nobody".to_owned(), vec![]),
        ("q=nobody+octo".to_owned(), vec![]),
        ("q=refs/pull/7".to_owned(), vec![5]),
        ("state=ignored".to_owned(), vec![4]),
        ("state=refused&state=ignored".to_owned(), vec![6, 4]),
        ("state=pending".to_owned(), vec![5]),
        ("event=watch".to_owned(), vec![4]),
        ("repository=octo/tea".to_owned(), vec![3, 1]),
        ("repository=octo/tea&q=ada".to_owned(), vec![1]),
        ("repository=o/r".to_owned(), vec![5]),
        ("dialect=GitHub&state=accepted".to_owned(), vec![3, 2, 1]),
        ("dialect=gitlab".to_owned(), vec![]),
    ] {
        assert_eq!(listed(hookd, &query), found, "{query}");
    }
    for (query, count) in
        [("branch=feature/earl-grey", 1), ("branch=feature/EARL-grey", 0), ("repository__contains=octo", 3)]
    {
        assert_eq!(hookd.admin().list(&format!("/api/v2/changes?{query}"), "changes").len(), count, "{query}");
    }
}

#[test]
fn finds_the_same_after_a_restart_and_after_a_crash() {
    let (hookd, api) = filled();
    look(&hookd);
    let (_, home) = hookd.terminate();
    let hookd = home.start();
    look(&hookd);
    let hookd = hookd.kill_9().start();
    look(&hookd);
    api.set_down(false);
    until("the pull request is published", || listed(&hookd, "state=pending").is_empty().then_some(()));
    assert_eq!(listed(&hookd, "q=refs/pull/7"), [5]);
    let hookd = hookd.kill_9().start();
    assert_eq!(listed(&hookd, "q=REFS/pull/7+f00f"), [5]);
    assert_eq!(listed(&hookd, "state=accepted"), [5, 3, 2, 1]);
}
