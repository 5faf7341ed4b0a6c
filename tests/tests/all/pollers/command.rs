//! `hookd pollers`, as an operator uses it, and the page with its button.

use hookd_tests::http::{self, Request};
use hookd_tests::{Finished, Hookd, until};
use serde_json::Value;

use super::{Repository, poller, serving, wait_for_baseline, wait_for_changes};

fn run(hookd: &Hookd, arguments: &[&str]) -> Finished {
    let admin = format!("http://{}", hookd.admin().address());
    hookd.home().run(&[&["pollers", "--admin", &admin], arguments].concat())
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn an_operator_lists_and_pokes_pollers() {
    let (tea, pot) = (Repository::new(), Repository::new());
    let hookd = serving(&format!("{}{}", tea.table("tea"), pot.table("the pot/1"))).start();
    wait_for_baseline(&hookd, "tea");
    wait_for_baseline(&hookd, "the pot/1");
    let list = run(&hookd, &["list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    let lines: Vec<&str> = list.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME       TYPE  STATE    LAST SUCCESS          LAST CHANGE  NEXT POLL"), "{list:?}");
    assert!(lines[1].starts_with("tea        git   waiting  20") && lines[1].ends_with("  0"), "{list:?}");
    assert_eq!(lines.len(), 3);
    let json = run(&hookd, &["list", "--json"]).stdout;
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["pollers"], Value::Array(hookd.admin().list("/api/v2/pollers", "pollers")));

    let revision = pot.commit("new");
    let poked = run(&hookd, &["poke", "the pot/1"]);
    assert_eq!((poked.code, poked.stdout.as_str()), (Some(0), "poller `the pot/1` polls now\n"), "{poked:?}");
    assert_eq!(wait_for_changes(&hookd, 1), [revision]);
    let revision = tea.commit("new");
    let poked = run(&hookd, &["poke", "--all", "--json"]);
    let json: Value = serde_json::from_str(&poked.stdout).expect("it is JSON");
    assert_eq!(json, serde_json::json!({ "poked": ["tea", "the pot/1"] }));
    assert_eq!(wait_for_changes(&hookd, 2)[1], revision);

    let before = wait_for_baseline(&hookd, "tea")["tried_at"].clone();
    let unknown = run(&hookd, &["poke", "tea", "none"]);
    let message = "error: there is no poller `none`, only `tea`, `the pot/1`\n";
    assert_eq!((unknown.code, unknown.stderr.as_str()), (Some(1), message));
    assert_eq!(poller(&hookd, "tea")["tried_at"], before, "none polls");
    assert_eq!(run(&hookd, &["poke"]).code, Some(2));
    assert_eq!(run(&hookd, &["poke", "--all", "tea"]).code, Some(2));
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn the_page_shows_pollers_and_its_button_pokes() {
    let tea = Repository::new();
    let hookd = serving(&tea.table("tea")).start();
    wait_for_baseline(&hookd, "tea");
    let page = hookd.admin().get("/pollers").text();
    let path = tea.path().display().to_string();
    for part in ["<h1>Pollers</h1>", "waiting", path.as_str(), "action=\"./pollers/tea/poke\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let revision = tea.commit("new");
    let host = hookd.admin().address().to_string();
    let button = Request::post("/pollers/tea/poke").header("Origin", format!("http://{host}"));
    let answer = http::send(hookd.admin().address(), &button).expect("the admin listener answers");
    assert_eq!((answer.status, answer.header("Location")), (303, Some("../../pollers")));
    assert_eq!(wait_for_changes(&hookd, 1), [revision]);
    let page = until("the page shows the change", || {
        let page = hookd.admin().get("/").text();
        page.contains("polled by ").then_some(page)
    });
    assert!(page.contains("<a href=\"./pollers\">tea</a>"), "{page}");
    assert!(hookd.admin().metric("hookd_poll_changes_total{poller=\"tea\"}") >= 1.0);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_poller_that_is_no_longer_configured_is_listed_and_forgotten() {
    let (tea, pot) = (Repository::new(), Repository::new());
    let hookd = serving(&format!("{}{}", tea.table("tea"), pot.table("pot"))).start();
    wait_for_baseline(&hookd, "tea");
    wait_for_baseline(&hookd, "pot");
    let refused = run(&hookd, &["forget", "pot"]);
    let message = "error: poller `pot` is configured: remove it from the configuration first\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), message));

    let config = hookd.home().path().join("hookd.toml");
    let text = std::fs::read_to_string(&config).expect("it is there");
    hookd.home().write("hookd.toml", text.replace(&pot.table("pot"), ""));
    let admin = format!("http://{}", hookd.admin().address());
    let reloaded = hookd.home().run(&["reload", "--admin", &admin]);
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    let unused = until("it is listed as unused", || {
        let list = run(&hookd, &["list"]).stdout;
        list.lines().find(|line| line.starts_with("pot ")).filter(|line| line.contains("  unused  ")).map(str::to_owned)
    });
    assert!(
        unused.ends_with("no longer configured: `hookd pollers forget` deletes what hookd knows of it"),
        "{unused}"
    );
    until("the log says so", || {
        hookd
            .log()
            .iter()
            .any(|line| line.contains("the poller is no longer configured") && line.contains("\"pot\""))
            .then_some(())
    });
    let json: Value = serde_json::from_str(&run(&hookd, &["list", "--json"]).stdout).expect("it is JSON");
    assert_eq!(json["not_configured"], serde_json::json!(["pot"]));

    let forgotten = run(&hookd, &["forget", "pot"]);
    assert_eq!((forgotten.code, forgotten.stdout.as_str()), (Some(0), "poller `pot` is forgotten\n"));
    let unknown = run(&hookd, &["forget", "pot"]);
    assert_eq!((unknown.code, unknown.stderr.as_str()), (Some(1), "error: there is no poller `pot`\n"));
    assert!(!run(&hookd, &["list"]).stdout.contains("pot "));

    // It has nothing of before: what is pushed while it is forgotten is where it begins.
    pot.commit("meanwhile");
    hookd.home().write("hookd.toml", text);
    assert_eq!(hookd.home().run(&["reload", "--admin", &admin]).code, Some(0));
    wait_for_baseline(&hookd, "pot");
    let revision = pot.commit("new");
    assert_eq!(run(&hookd, &["poke", "pot"]).code, Some(0));
    assert_eq!(wait_for_changes(&hookd, 1), [revision]);
}
