//! Replays: stored deliveries, translated anew under a fixed configuration; and `hookd check --replay`, which says before
//! what would be different.

use hookd_tests::{Finished, GithubApi, Home, Hookd, LISTENERS, until};
use serde_json::{Value, json};

use crate::api_retries::pull_request;
use crate::push;

/// A configuration under which a push whose head says so is skipped.
const SKIPPING: &str = "[change_hook_dialects]\ngithub = { skips = ['Change [12]'] }\n";
const MENDED: &str = "[change_hook_dialects]\ngithub = { skips = [] }\n";

fn run(hookd: &Hookd, arguments: &[&str]) -> Finished {
    let admin = format!("http://{}", hookd.admin().address());
    hookd.home().run(&[arguments, &["--admin", &admin]].concat())
}

fn replay(hookd: &Hookd, arguments: &[&str]) -> Finished {
    run(hookd, &[&["deliveries", "replay"], arguments].concat())
}

fn reload(hookd: &Hookd, tables: &str) {
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{tables}\n"));
    let reloaded = run(hookd, &["reload"]);
    assert_eq!(reloaded.code, Some(0), "{}", reloaded.stderr);
}

/// A hookd with three pushes, of which the first two were skipped.
fn skipped() -> Hookd {
    let hookd = Home::serving(SKIPPING).start();
    for (revision, answer) in [("1", "no change found"), ("2", "no change found"), ("3", "1 change found")] {
        let request = push::request(revision).header("X-GitHub-Delivery", format!("id-{revision}"));
        assert_eq!(hookd.send(&request).line(), format!("202 {answer}"));
    }
    hookd
}

#[test]
fn what_was_skipped_is_replayed_under_the_mended_configuration_once() {
    let hookd = skipped();
    reload(&hookd, MENDED);
    let dry = replay(&hookd, &["--since", "1h", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(dry.stdout.contains("delivery 1, github push, received "), "{}", dry.stdout);
    assert!(dry.stdout.contains("one change more: branch main, revision 1"), "{}", dry.stdout);
    assert!(
        dry.stdout.ends_with("2 of 3 deliveries would be translated differently, 0 cannot be compared\n"),
        "{}",
        dry.stdout
    );
    assert_eq!(hookd.admin().deliveries().len(), 3, "a dry run stores nothing");

    let arguments = ["--state", "ignored", "--dialect", "github", "--event", "push", "--request-id", "mended"];
    let first = replay(&hookd, &arguments);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let expected = "delivery 1: replayed as 4, 1 change\ndelivery 2: replayed as 5, 1 change\n\
        2 of 2 deliveries replayed, 0 not\n";
    assert_eq!(first.stdout, expected);
    // As after an interruption, or an answer that got lost; also after a crash.
    let hookd = hookd.kill_9().start();
    let again = replay(&hookd, &arguments);
    assert!(
        again.stdout.contains("delivery 1: replayed as 4, by an earlier request of this name, 1 change"),
        "{}",
        again.stdout
    );
    assert!(
        again.stdout.ends_with("0 of 2 deliveries replayed, 2 had been replayed before, 0 not\n"),
        "{}",
        again.stdout
    );
    // Without a name it is meant anew, and its own replays are not among what is selected.
    let anew = replay(&hookd, &["--since", "1h"]);
    assert!(anew.stdout.ends_with("3 of 3 deliveries replayed, 0 not\n"), "{}", anew.stdout);
    assert!(anew.stderr.contains("if this is interrupted, the same command with `--request-id "), "{}", anew.stderr);

    let changes = hookd.admin().changes();
    let fields = |change: &Value| (change["revision"].clone(), change["properties"]["hookd_replay_of"].clone());
    let expected = [
        (json!("3"), Value::Null),
        (json!("1"), json!([1, "Change"])),
        (json!("2"), json!([2, "Change"])),
        (json!("1"), json!([1, "Change"])),
        (json!("2"), json!([2, "Change"])),
        (json!("3"), json!([3, "Change"])),
    ];
    assert_eq!(changes.iter().map(fields).collect::<Vec<_>>(), expected);
    let ids: std::collections::BTreeSet<_> = changes.iter().map(|change| change["hookd_id"].to_string()).collect();
    assert_eq!(ids.len(), changes.len(), "a replayed change is a new one");

    // The original names its replays, and each replay the original: in the API, on the pages, and for `why`.
    let original = hookd.admin().list("/api/v2/deliveries/1", "deliveries").remove(0);
    assert_eq!(original["replays"], json!([4, 6]));
    let page = hookd.admin().get("/deliveries/1").text();
    assert!(page.contains("href=\"/deliveries/4\"") || page.contains("deliveries/4\">"), "{page}");
    let page = hookd.admin().get("/deliveries/4").text();
    assert!(page.contains("replay of delivery 1"), "{page}");
    let why = run(&hookd, &["why", "4"]);
    assert!(why.stdout.contains("replay of delivery 1: its request, translated anew"), "{}", why.stdout);
    // A redelivery of the forge is none of these: its own was ignored, and so it is translated afresh.
    let request = push::request("1").header("X-GitHub-Delivery", "id-1");
    assert_eq!(hookd.send(&request).line(), "202 1 change found");
}

#[test]
fn says_for_each_delivery_why_it_is_not_replayed() {
    let hookd = skipped();
    hookd.home().write("hookd.toml", format!("{LISTENERS}\nkeep_payloads = '1ms'\n{MENDED}"));
    let home = hookd.kill_9();
    let hookd = home.start();
    until("the requests have expired", || {
        let delivery = hookd.admin().list("/api/v2/deliveries/1", "deliveries").remove(0);
        delivery["request"].is_null().then_some(())
    });
    let gone = replay(&hookd, &["1", "99"]);
    assert_eq!(gone.code, Some(1), "{}", gone.stdout);
    assert!(
        gone.stderr.contains("delivery 1: not replayed: its request is no longer kept: see `keep_payloads`"),
        "{}",
        gone.stderr
    );
    assert!(gone.stderr.contains("delivery 99: not replayed: there is no delivery of this number"), "{}", gone.stderr);
    assert!(gone.stdout.ends_with("0 of 2 deliveries replayed, 2 not\n"), "{}", gone.stdout);
    let which = replay(&hookd, &["--dry-run"]);
    assert_eq!(which.code, Some(2), "{}", which.stderr);
    assert!(which.stderr.contains("error: which deliveries?"), "{}", which.stderr);
    assert_eq!(replay(&hookd, &["1", "--since", "1h"]).code, Some(2));
    assert_eq!(hookd.admin().deliveries().len(), 3);
}

#[test]
fn a_replay_that_needs_the_forges_api_is_completed_like_any_other() {
    let api = GithubApi::start();
    let tables = format!("[change_hook_dialects.github]\ngithub_api_endpoint = {:?}", api.endpoint());
    let hookd = Home::serving(&tables).start();
    let answer = hookd.send(&push::webhook("pull_request", &pull_request()));
    hookd.admin().settled_delivery(&answer);
    let calls = api.calls().len();
    let dry = replay(&hookd, &["1", "--dry-run", "--json"]);
    let preview: Value = serde_json::from_str(&dry.stdout).expect("one object");
    assert_eq!(preview["result"], "unknown");
    assert!(preview["reason"].as_str().unwrap().contains("which are not made for a comparison"), "{preview}");
    assert_eq!(api.calls().len(), calls, "a dry run calls no API");
    let replayed = replay(&hookd, &["1"]);
    assert!(replayed.stdout.contains("delivery 1: replayed as 2, waits for the forge's API"), "{}", replayed.stdout);
    until("the replay is complete", || {
        let replay = hookd.admin().list("/api/v2/deliveries/2", "deliveries").remove(0);
        (replay["state"] == "accepted").then_some(())
    });
    let [first, second] = hookd.admin().changes().try_into().expect("two changes");
    assert_eq!((&second["files"], &second["branch"]), (&first["files"], &first["branch"]));
    assert_eq!(second["properties"]["hookd_replay_of"], json!([1, "Change"]));
    let shown = run(&hookd, &["deliveries", "show", "2"]);
    assert!(shown.stdout.contains("calls to the forge’s API"), "{}", shown.stdout);
}

#[test]
fn check_says_what_a_candidate_would_change_whether_hookd_runs_or_not() {
    let hookd = skipped();
    hookd.home().write("candidate.toml", format!("{LISTENERS}\n{MENDED}"));
    let check = |home: &Home| home.run(&["check", "--config", "candidate.toml", "--replay", "7d"]);
    let running = check(hookd.home());
    assert_eq!(running.code, Some(4), "{}", running.stderr);
    assert!(running.stdout.contains("one change more: branch main, revision 2"), "{}", running.stdout);
    assert!(running.stdout.ends_with("2 of 3 deliveries would change, 0 cannot be compared\n"), "{}", running.stdout);
    let (status, home) = hookd.terminate();
    assert!(status.success());
    // What comes before it says whether a hookd is at work.
    let differences = |check: &Finished| check.stdout.split_once("\ndelivery 1,").map(|(_, rest)| rest.to_owned());
    assert_eq!(differences(&check(&home)), differences(&running));
    assert!(differences(&running).is_some(), "{}", running.stdout);
    // The configuration that they were translated with changes nothing.
    let same = home.run(&["check", "--replay", "7d", "--store", "hookd.db"]);
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    assert!(same.stdout.ends_with("0 of 3 deliveries would change, 0 cannot be compared\n"), "{}", same.stdout);
    let invalid = home.run(&["check", "--config", "none.toml", "--replay", "7d"]);
    assert_eq!(invalid.code, Some(2));
    let absent = home.run(&["check", "--replay", "7d", "--store", "none.db"]);
    assert_eq!(absent.code, Some(1), "{}", absent.stderr);
    assert!(absent.stderr.contains("none.db"), "{}", absent.stderr);
}
