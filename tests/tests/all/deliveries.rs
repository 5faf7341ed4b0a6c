//! `hookd deliveries` and `hookd changes`: what a running hookd has, on the command line.

use std::fs;
use std::process::Command;

use hookd_core::{BuildContext, Change, Compat, Dialect, Outcome, Secret, SecretSource, registry};
use hookd_github as _;
use hookd_testkit::Fixture;
use hookd_tests::http::Request;
use hookd_tests::{Finished, GithubApi, Home, Hookd, sha256_signature, until};
use serde_json::{Map, Value, json};

use crate::api_retries::pull_request;
use crate::push;

const CONFIG: &str = "[change_hook_dialects]\nbase = true\ngithub = { skips = [] }\n";

fn admin(hookd: &Hookd) -> String {
    format!("http://{}", hookd.admin().address())
}

fn run(hookd: &Hookd, arguments: &[&str]) -> Finished {
    hookd.home().run(&[arguments, &["--admin", &admin(hookd)]].concat())
}

/// What a command prints that must succeed.
fn printed(hookd: &Hookd, arguments: &[&str]) -> String {
    let finished = run(hookd, arguments);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
    finished.stdout
}

/// The first words of all lines but the header.
fn ids(table: &str) -> Vec<&str> {
    table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect()
}

fn change(branch: &str) -> Request {
    Request::post("/change_hook/base")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("author=Ann%1b[2J&repository=https://example.org/tea&branch={branch}&revision=r-{branch}"))
}

#[test]
fn deliveries_and_changes_are_listed_by_what_they_are_about() {
    let hookd = Home::serving(CONFIG).start();
    let others = [push::webhook("watch", &json!({})), push::webhook("star", &json!({}))];
    for request in [change("main"), push::request("1"), change("fix")].iter().chain(&others) {
        assert_eq!(hookd.send(request).status, 202);
    }
    let listed = |conditions: &[&str]| {
        let table = printed(&hookd, &[&["deliveries", "list"], conditions].concat());
        ids(&table).join(" ")
    };
    for (conditions, expected) in [
        (&[][..], "5 4 3 2 1"),
        (&["--limit", "2"], "5 4"),
        (&["--dialect", "base"], "3 1"),
        (&["--dialect", "base", "--dialect", "github", "--state", "accepted"], "3 2 1"),
        (&["--event", "push"], "2"),
        (&["--state", "ignored"], "5 4"),
        (&["--branch", "fix"], "3"),
        (&["--repository", "https://example.org/tea", "--limit", "1"], "3"),
        (&["--branch", "main"], "2 1"),
        (&["--branch", "main", "--dialect", "base"], "1"),
        (&["--since", "1h"], "5 4 3 2 1"),
        (&["--until", "1h"], ""),
        (&["--since", "2020-01-01T00:00:00Z", "--until", "2021-01-01T00:00:00Z"], ""),
    ] {
        assert_eq!(listed(conditions), expected, "{conditions:?}");
    }
    let table = printed(&hookd, &["deliveries", "list"]);
    assert!(table.starts_with("ID  RECEIVED") && table.contains("127.0.0.1"), "{table}");
    let json: Value =
        serde_json::from_str(&printed(&hookd, &["deliveries", "list", "--json", "--limit", "1"])).unwrap();
    assert_eq!(json["deliveries"][0]["deliveryid"], 5);

    let shown = printed(&hookd, &["deliveries", "show", "2"]);
    for part in
        ["delivery  2, accepted", "changes   2", "translated  into 1 change", "request   POST /change_hook/github"]
    {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
    let changes = |conditions: &[&str]| {
        let table = printed(&hookd, &[&["changes", "list"], conditions].concat());
        ids(&table).join(" ")
    };
    assert_eq!(changes(&[]), "3 2 1");
    let table = printed(&hookd, &["changes", "list"]);
    assert!(table.contains(r"Ann\u{1b}[2J") && !table.contains('\u{1b}'), "a sender has the terminal: {table:?}");
    assert_eq!(changes(&["--branch", "main", "--author", "Ann"]), "1");
    assert_eq!(changes(&["--revision", "r-fix", "--since", "1d"]), "3");
    let shown = printed(&hookd, &["changes", "show", "3"]);
    assert!(shown.contains("branch      fix") && shown.contains("no sink is configured"), "{shown}");

    let admin = admin(&hookd);
    let tail = hookd.home().start_command(&["deliveries", "tail", "--json", "--dialect", "github", "--admin", &admin]);
    let lines = until("tail has printed what there is", || Some(tail.output()).filter(|lines| lines.len() == 3));
    let tailed = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("an object a line"));
    assert_eq!(tailed.map(|delivery| delivery["deliveryid"].clone()).collect::<Value>(), json!([2, 4, 5]));

    for (arguments, code, error) in [
        (&["deliveries", "show", "99"][..], 1, "error: not found while getting from deliveries/99"),
        (&["changes", "show", "99"], 1, "error: not found while getting from changes/99"),
        (&["deliveries", "list", "--state", "lost"], 2, "unknown state `lost`, expected one of `pending`, `accepted`"),
        (&["deliveries", "list", "--since", "yesterday"], 2, "bad time `yesterday`, expected how long ago"),
    ] {
        let finished = run(&hookd, arguments);
        assert_eq!(finished.code, Some(code), "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(error), "{}", finished.stderr);
    }
}

#[test]
fn tail_prints_what_comes_also_after_a_restart_and_what_was_pending_again() {
    let api = GithubApi::start();
    api.set_down(true);
    // Both runs listen at the same ports, outside of the range from which the system chooses.
    let ports = std::iter::repeat_with(|| fastrand::u16(20_000..32_000));
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = ports.take(100).find(is_free).expect("one of a hundred is free");
    let home = Home::with_config(&format!(
        "[server]\nlisten = '127.0.0.1:0'\n[admin]\nlisten = '127.0.0.1:{port}'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects.github]\ngithub_api_endpoint = {:?}\n",
        api.endpoint()
    ));
    let hookd = home.start();
    for revision in ["1", "2", "3"] {
        hookd.send(&push::request(revision));
    }
    let admin = format!("http://127.0.0.1:{port}");
    let tail = hookd.home().start_command(&[
        "deliveries",
        "tail",
        "--limit",
        "2",
        "--event",
        "push",
        "--event",
        "pull_request",
        "--admin",
        &admin,
    ]);
    let printed = |count: usize| {
        let lines =
            until(&format!("{count} lines are printed"), || Some(tail.output()).filter(|lines| lines.len() >= count));
        let words = lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>());
        words.map(|words| format!("{} {}", words[0], words[4])).collect::<Vec<_>>()
    };
    assert_eq!(printed(2), ["2 accepted", "3 accepted"]);
    hookd.send(&push::webhook("watch", &json!({})));
    hookd.send(&push::webhook("pull_request", &pull_request()));
    assert_eq!(printed(3)[2], "5 pending");
    let home = hookd.kill_9();
    until("tail says that hookd is gone", || (tail.errors().len() == 1).then_some(()));
    let hookd = home.start();
    hookd.send(&push::request("4"));
    assert_eq!(printed(4)[3], "6 accepted");
    api.set_down(false);
    assert_eq!(printed(5)[4], "5 accepted");
    let errors = tail.errors();
    assert!(errors[0].contains("cannot reach the running hookd") && errors[1] == "hookd answers again", "{errors:?}");
}

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn read(&self, _: &Secret) -> Result<Vec<u8>, String> {
        Err("there are none".to_owned())
    }
}

/// The changes of a fixture, as a test of the dialect makes them.
fn translated(fixture: &Fixture) -> Vec<Change> {
    let dialect = registry::find::<Dialect>(&fixture.dialect).expect("it is linked");
    let context = BuildContext::new("github", Compat::Off, &NoSecrets);
    let hook = dialect.build(Map::new(), &context).unwrap_or_else(|problems| panic!("{problems:?}"));
    match hook.translate(&fixture.request) {
        Ok(Outcome::Changes(changes)) => changes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_exported_delivery_is_a_fixture_and_a_command() {
    let config = "[change_hook_dialects]\nbase = true\ngithub = { secret = 'hunter2', strict = true }\n";
    let hookd = Home::serving(config).start();
    let mut payload = push::payload("1");
    payload["head_commit"]["message"] = json!("it's `$(touch pwned)` \\ \"quoted\"\n\ttab é");
    payload["commits"][0]["message"] = payload["head_commit"]["message"].clone();
    let signed = |target: &str, payload: &Value| {
        let signature = sha256_signature(b"hunter2", payload.to_string().as_bytes());
        let mut request = push::webhook("push", payload).header("X-Hub-Signature-256", signature);
        request.target = target.to_owned();
        request
    };
    assert_eq!(hookd.send(&signed("/change_hook/github?project=tea", &payload)).line(), "202 1 change found");
    // A sender that puts its secret into the payload, and into the URL.
    payload["secret"] = json!("in-the-payload");
    payload["repository"]["clone_url"] = json!("https://ann:in-the-url@github.com/o/r");
    let doubled = signed("/change_hook/github?token=in-the-query", &payload);
    assert_eq!(hookd.send(&doubled).line(), "202 1 change found");

    let exported = printed(&hookd, &["deliveries", "export", "1"]);
    assert!(!exported.contains("hunter2") && !exported.contains("X-Hub"), "{exported}");
    let fixture = Fixture::parse(&exported).expect("it is a fixture");
    assert_eq!(
        (fixture.dialect.as_str(), fixture.event.as_deref(), fixture.request.query()),
        ("github", Some("push"), "project=tea")
    );
    let [change] = translated(&fixture).try_into().expect("one change");
    let stored = hookd.admin().list("/api/v2/changes/1", "changes").remove(0);
    assert_eq!((json!(change.comments), json!(change.project)), (stored["comments"].clone(), json!("tea")));
    // It says what the dialect made of the request.
    let changes = fixture.changes.expect("they are known");
    assert_eq!(changes.len(), 1);
    hookd_testkit::assert_fields(&change, changes[0].clone());
    assert_eq!((&changes[0]["revision"], &changes[0]["project"]), (&stored["revision"], &json!("tea")));

    let scrubbed = printed(&hookd, &["deliveries", "export", "2"]);
    assert!(!scrubbed.contains("in-the-"), "{scrubbed}");
    let removed: Value = serde_json::from_str(&scrubbed).unwrap();
    let expected = json!(["`token` of the query", "`secret` of the body", "users and passwords in URLs of the body"]);
    assert_eq!(removed["removed"], expected);
    assert_eq!(translated(&Fixture::parse(&scrubbed).expect("it is a fixture")).len(), 1);

    // The command works against a hookd that requires no proof, and says what is missing for one that does.
    let open = Home::serving("[change_hook_dialects]\ngithub = true\n").start();
    let to = format!("http://{}", open.public());
    let command = printed(&hookd, &["deliveries", "export", "1", "--curl", "--to", &to]);
    assert!(command.starts_with("# The signature or token that verified this is not stored."), "{command}");
    let sent = Command::new("sh")
        .args(["-c", &command])
        .current_dir(open.home().path())
        .output()
        .expect("sh and curl are there");
    assert_eq!(String::from_utf8_lossy(&sent.stdout), "1 change found", "{}", String::from_utf8_lossy(&sent.stderr));
    let again = open.admin().list("/api/v2/changes/1", "changes").remove(0);
    for field in ["comments", "author", "project", "revision", "files", "properties"] {
        assert_eq!(again[field], stored[field], "{field}");
    }
    assert!(fs::metadata(open.home().path().join("pwned")).is_err(), "the shell obeyed a commit message");
    let missing = run(&hookd, &["deliveries", "export", "9"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(1), ""));
}
