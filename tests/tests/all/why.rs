//! `hookd why`: the whole way of a delivery, to the builds of a real Buildbot master.

use hookd_tests::http::Request;
use hookd_tests::{Buildbot, Finished, Home, Hookd, sha256_signature, until};
use serde_json::{Value, json};

use crate::push;

fn why(hookd: &Hookd, what: &[&str]) -> Finished {
    let admin = format!("http://{}", hookd.admin().address());
    hookd.home().run(&[&["why"], what, &["--admin", &admin]].concat())
}

/// A push of this revision to this branch, signed with the second secret.
fn push_to(branch: &str, revision: &str) -> Request {
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
        let answer = why(&hookd, &["a1"]);
        answer.stdout.contains("build 1 of builder `builder`: success").then_some(answer)
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
        let answer = why(&hookd, &["2b"]).stdout;
        answer.contains("waits behind change 1").then_some(answer)
    });
    assert!(waiting.contains("verified   by nobody: the dialect takes this without a proof"), "{waiting}");
    let first = why(&hookd, &["1a"]).stdout;
    assert!(first.contains("1 attempt failed") && first.contains("next attempt at"), "{first}");
    let ignored = why(&hookd, &["3"]).stdout;
    assert!(ignored.contains("translated into no change: event `watch`"), "{ignored}");
    let unknown = why(&hookd, &["nothing"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
}

#[test]
fn why_takes_the_beginning_of_a_revision_and_says_whose_it_may_be() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true\nbase = true\n").start();
    let [one, other, odd] =
        ["c0ffee14bb761a232cd80139fbd4c0d33264240a", "c0ffee1dbb761a232cd80139fbd4c0d33264240b", "1234567"];
    for revision in [one, other] {
        assert_eq!(hookd.send(&push::request(revision)).line(), "202 1 change found");
    }
    // As `git log --oneline` prints it, and from a mail in capitals.
    for beginning in [&one[..8], &one[..12], &one[..39], "C0FFEE14"] {
        let answer = why(&hookd, &[beginning]);
        assert!(answer.stdout.starts_with("delivery 1, ") && answer.stdout.contains(one), "{}", answer.stdout);
        assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""), "{beginning}");
    }
    let ambiguous = why(&hookd, &["c0ffee1"]);
    assert_eq!((ambiguous.code, ambiguous.stdout.as_str()), (Some(1), ""));
    let lines: Vec<&str> = ambiguous.stderr.lines().collect();
    assert_eq!(lines[0], "error: `c0ffee1` is ambiguous: it is the beginning of 2 revisions, the newest first:");
    for (line, (revision, number)) in lines[1..].iter().zip([(other, 2), (one, 1)]) {
        let begins = format!("  {revision}  delivery {number}, change {number}, branch ");
        assert!(line.starts_with(&begins), "{}", ambiguous.stderr);
    }
    assert_eq!(lines.len(), 4, "{}", ambiguous.stderr);
    let json: Value = serde_json::from_str(&why(&hookd, &["c0ffee1", "--json"]).stdout).expect("it is JSON");
    assert_eq!(json, json!({"candidates": [other, one], "deliveries": []}));

    let short = why(&hookd, &["c0ffee"]);
    assert_eq!((short.code, short.stdout.as_str()), (Some(1), ""));
    assert!(short.stderr.contains("an abbreviated revision needs 7 digits or more"), "{}", short.stderr);
    let unknown = why(&hookd, &["c0ffee2"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert!(unknown.stderr.contains("no change has a revision that begins so"), "{}", unknown.stderr);

    // A revision of Subversion that looks like an abbreviated hash is itself first.
    for revision in [odd, "12345678"] {
        let form = format!("author=a&comments=c&revision={revision}");
        let sent = hookd.send(&Request::get(format!("/change_hook/base?{form}")));
        assert_eq!(sent.status, 202, "{}", sent.text());
    }
    let exact = why(&hookd, &[odd]);
    assert!(exact.stdout.starts_with("delivery 3, ") && !exact.stdout.contains("delivery 4"), "{}", exact.stdout);
}

#[test]
fn changes_are_listed_by_the_beginnings_of_their_revisions() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true\n").start();
    let revisions =
        ["c0ffee14bb761a232cd80139fbd4c0d33264240a", "beefee14bb761a232cd80139fbd4c0d33264240a", "r5", "r51"];
    for revision in revisions {
        hookd.send(&push::request(revision));
    }
    let admin = format!("http://{}", hookd.admin().address());
    let list = |revisions: &[&str]| {
        let mut args = vec!["changes", "list", "--json", "--admin", &admin];
        revisions.iter().for_each(|revision| args.extend(["--revision", *revision]));
        hookd.home().run(&args)
    };
    let ids = |revisions: &[&str]| -> Vec<i64> {
        let json: Value = serde_json::from_str(&list(revisions).stdout).expect("it is JSON");
        json["changes"].as_array().unwrap().iter().map(|change| change["changeid"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&["c0ffee1"]), [1]);
    assert_eq!(ids(&["c0ffee14bb", revisions[1]]), [2, 1]);
    assert_eq!(ids(&["r5"]), [3]);
    assert_eq!(ids(&["c0ffee2"]), [0; 0]);
    let mixed = list(&["c0ffee1", "r5"]);
    assert_eq!(mixed.code, Some(2));
    assert!(mixed.stderr.contains("`--revision r5` is no hash"), "{}", mixed.stderr);
    let page = hookd.admin().get("/api/v2/changes?revision__startswith=c0f&field=changeid&field=revision");
    let page: Value = serde_json::from_str(&page.text()).expect("it is JSON");
    assert_eq!(page["changes"], json!([{"changeid": 1, "revision": revisions[0]}]));
}
