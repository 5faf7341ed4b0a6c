//! `hookd why`: the whole way of a delivery, to the builds of a real Buildbot master.

use hookd_tests::{Buildbot, Finished, Home, Hookd, sha256_signature, until};
use serde_json::{Value, json};

use crate::push;

fn why(hookd: &Hookd, what: &[&str]) -> Finished {
    let admin = format!("http://{}", hookd.admin().address());
    hookd.home().run(&[&["why"], what, &["--admin", &admin]].concat())
}

/// A push of this revision to this branch, signed with the second secret.
fn push_to(branch: &str, revision: &str) -> hookd_tests::http::Request {
    let mut payload = push::payload(revision);
    payload["ref"] = json!(format!("refs/heads/{branch}"));
    let signature = sha256_signature(b"second", payload.to_string().as_bytes());
    push::webhook("push", &payload)
        .header("X-GitHub-Delivery", format!("id-{revision}"))
        .header("X-Hub-Signature-256", signature)
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn why_tells_the_way_of_a_delivery_to_the_builds_of_a_master() {
    let dialects = json!({"base": {"class": "base", "options": {}}});
    let master = Buildbot::start(&json!({
        "dialects": dialects, "pollers": [], "has_worker": true, "scheduled_project": "o/r", "scheduled_branch": "main",
    }));
    let hookd = Home::serving(&format!(
        r#"
        [change_hook_dialects]
        github = {{ secret = ["first", "second"], strict = true }}

        [[sinks]]
        name = "master"
        type = "buildbot"
        url = "http://{}/change_hook/base"
        proxy = false
        filter = {{ branch = ["main", "side"] }}
        "#,
        master.address()
    ))
    .start();
    for (branch, revision) in [("main", "a1"), ("side", "b2"), ("other", "c3")] {
        assert_eq!(hookd.send(&push_to(branch, revision)).line(), "202 1 change found");
    }
    // By revision, by the forge's id, and by number.
    let built = until("the build of the branch that is scheduled has ended", || {
        let told = why(&hookd, &["a1"]);
        told.stdout.contains("build 1 of builder `builder`: success").then_some(told)
    });
    for part in [
        "delivery 1, forge's id id-a1",
        "received   from 127.0.0.1; event `push` of the dialect `github`",
        "verified   signed with secret 2 of the dialect",
        "translated into 1 change",
        "change 1, branch main, revision a1",
        "sink master: delivered: 200 OK",
        "change 1 of the master",
    ] {
        assert!(built.stdout.contains(part), "{part} is missing in:\n{}", built.stdout);
    }
    let untaken = why(&hookd, &["id-b2"]);
    assert!(untaken.stdout.contains("no scheduler took it"), "{}", untaken.stdout);
    let dropped = why(&hookd, &["3"]);
    assert!(dropped.stdout.contains("sink master: dropped by the filter, option `branch`"), "{}", dropped.stdout);
    let json: Value = serde_json::from_str(&why(&hookd, &["a1", "--json"]).stdout).expect("it is JSON");
    let delivery = &json["deliveries"][0];
    assert_eq!((&delivery["key"], &delivery["timeline"][1]["step"]), (&json!(2), &json!("verified")));
    let followed = delivery["changes"][0]["sinks"][0]["followed"].to_string();
    assert!(followed.contains("build 1 of builder"), "{followed}");
    // The page shows the same, but for what only the master knows.
    let page = hookd.admin().get("/deliveries/3").text();
    assert!(page.contains("signed with secret 2") && page.contains("dropped by the filter"), "{page}");
    for secret in ["first", "second"] {
        assert!(!built.stdout.contains(&format!("`{secret}`")), "{}", built.stdout);
    }
}

#[test]
fn why_tells_what_waits_behind_what() {
    let hookd = Home::serving(
        "[change_hook_dialects]\ngithub = true\n[[sinks]]\nname = 's'\ntype = 'webhook'\n\
         url = 'http://127.0.0.1:9/'\nproxy = false\nretry_min = '1h'\nretry_max = '1h'\n",
    )
    .start();
    for revision in ["1a", "2b"] {
        hookd.send(&push::request(revision));
    }
    hookd.send(&push::webhook("watch", &json!({})));
    let waiting = until("the second waits behind the first", || {
        let told = why(&hookd, &["2b"]).stdout;
        told.contains("waits behind change 1").then_some(told)
    });
    assert!(waiting.contains("verified   by nobody: the dialect takes this without a proof"), "{waiting}");
    let first = why(&hookd, &["1a"]).stdout;
    assert!(first.contains("1 attempt failed") && first.contains("next attempt at"), "{first}");
    let ignored = why(&hookd, &["3"]).stdout;
    assert!(ignored.contains("translated into no change: event `watch`"), "{ignored}");
    let unknown = why(&hookd, &["nothing"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
}
