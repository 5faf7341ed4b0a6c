//! The dialect `poller`, with requests of curl, as the hook of a repository sends them.

use hookd_tests::Hookd;

use super::{Repository, poller, serving, wait_for_baseline, wait_for_changes};
use crate::curl::curl;

fn url(hookd: &Hookd) -> String {
    format!("http://{}/change_hook/poller", hookd.public())
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_repositorys_own_hook_makes_it_poll_at_once() {
    let repository = Repository::new();
    let hookd = serving(&repository.table("tea")).start();
    wait_for_baseline(&hookd, "tea");
    let mut known = Vec::new();
    let mut query = url(&hookd);
    query.push_str("?poller=tea");
    for arguments in [
        &["-F", "poller=tea"][..],
        &["--data", "poller=tea"],
        &["--request", "POST"],
        &["--get", "--data-urlencode", "poller=tea"],
    ] {
        known.push(repository.commit(&format!("before {arguments:?}")));
        assert_eq!(curl(&url(&hookd), arguments).line(), "202 no change found");
        assert_eq!(wait_for_changes(&hookd, known.len()), known, "{arguments:?}");
    }
    known.push(repository.commit("before a query"));
    assert_eq!(curl(&query, &["--request", "POST"]).line(), "202 no change found");
    assert_eq!(wait_for_changes(&hookd, known.len()), known);

    let change = hookd.admin().changes().pop().expect("there is one");
    assert_eq!((&change["branch"], &change["comments"]), (&"main".into(), &"before a query".into()));
    let deliveries = hookd.admin().deliveries();
    let polled = deliveries.iter().rfind(|delivery| delivery["event"] == "poll").expect("there is one");
    assert_eq!((&polled["dialect"], &polled["peer"]), (&"git".into(), &serde_json::Value::Null));
    let admin = format!("http://{}", hookd.admin().address());
    let why = hookd.home().run(&["why", "--admin", &admin, known.last().expect("there is one")]);
    assert!(why.stdout.contains("polled by `tea`, of the type `git`"), "{why:?}");
    let list = hookd.home().run(&["deliveries", "--admin", &admin, "list"]);
    assert!(list.stdout.contains("poller tea"), "{list:?}");
    // There is no request that could be translated anew, so that all that is replayed is the requests for polls.
    let id = polled["deliveryid"].to_string();
    let replay = hookd.home().run(&["deliveries", "--admin", &admin, "replay", "--dry-run", &id]);
    assert!(format!("{replay:?}").contains("poller `tea` made it, without a request"), "{replay:?}");
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn an_unknown_or_refused_name_is_400_and_triggers_nothing() {
    let (tea, pot) = (Repository::new(), Repository::new());
    let tables = format!("{}{}", tea.table("tea"), pot.table("pot"));
    let home = serving(&tables);
    let config = std::fs::read_to_string(home.path().join("hookd.toml")).expect("it is there");
    home.write("hookd.toml", config.replace("poller = true", "poller = { allowed = ['tea', 'gone'] }"));
    let checked = home.run(&["check"]);
    assert!(
        checked.stderr.contains("dialect `poller`: `allowed` names `gone`, and no poller has this name"),
        "{checked:?}"
    );
    let hookd = home.start();
    let before = ["tea", "pot"].map(|name| wait_for_baseline(&hookd, name)["tried_at"].clone());
    for (fields, answer) in [
        (&["-F", "poller=none"][..], "400 Could not find pollers: none"),
        (&["-F", "poller=tea", "-F", "poller=pot"], "400 Could not find pollers: pot"),
        (&["-F", "poller=tea", "-F", "poller=z", "-F", "poller=gone"], "400 Could not find pollers: gone,z"),
    ] {
        assert_eq!(curl(&url(&hookd), fields).line(), answer);
    }
    // Those that are refused have triggered nothing: the next poll of `tea` is that of the next request.
    let revision = tea.commit("new");
    assert_eq!(["tea", "pot"].map(|name| poller(&hookd, name)["tried_at"].clone()), before);
    pot.commit("not allowed");
    assert_eq!(curl(&url(&hookd), &["--request", "POST"]).line(), "202 no change found");
    assert_eq!(wait_for_changes(&hookd, 1), [revision]);
    assert_eq!(poller(&hookd, "pot")["tried_at"], before[1]);
}
