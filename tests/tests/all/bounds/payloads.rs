//! What the payload of one request can use up: memory of hookd, time of its writer, and bytes of its store.

use std::time::{Duration, Instant};

use hookd_tests::http::{Connection, Request};
use hookd_tests::{Home, Hookd, sha256_signature};
use serde_json::{Value, json};

use crate::push;

const SECRET: &str = "a secret of the tests";

/// The peak of resident memory that hookd may have after any of these, in MiB. It starts with some 20; the largest of these
/// requests have 24 MiB.
const MAX_PEAK_MIB: u64 = 300;

fn start(github: &str) -> Hookd {
    Home::serving(&format!("[change_hook_dialects]\ngithub = {github}\ngitlab = true\ngitorious = true\n")).start()
}

/// Commits that say no more than they must.
fn commits(count: usize) -> Vec<Value> {
    let author = json!({"name": "a", "email": "b"});
    let commit = |number: usize| json!({"id": format!("{number:x}"), "message": "", "timestamp": "2024-05-01T12:00:00Z", "url": "u", "author": author});
    (0..count).map(commit).collect()
}

/// A push of these commits to a repository with this address.
fn pushed(repository: &str, count: usize) -> Value {
    json!({
        "ref": "refs/heads/main", "before": "0", "after": "1", "commits": commits(count), "user_name": "a",
        "project": {"name": "p"},
        "repository": {"name": "r", "full_name": "o/r", "html_url": repository, "url": repository},
    })
}

fn signed(payload: &Value) -> Request {
    let request = push::webhook("push", payload);
    let signature = sha256_signature(SECRET, &request.body);
    request.header("X-Hub-Signature-256", signature)
}

/// Checks the peak, after the page that lists what there is was read.
fn check_peak(hookd: &Hookd, what: &str) {
    assert_eq!(hookd.admin().get("/").status, 200);
    let (now, peak) = hookd.memory();
    println!("{what}: resident {now} MiB, peak {peak} MiB");
    assert!(peak <= MAX_PEAK_MIB, "{what}: {peak} MiB");
}

/// Whitelisted properties are there once for all commits of a push, in memory and in the store.
#[test]
fn a_push_of_2048_commits_with_all_of_its_payload_as_properties() {
    let hookd = start(&format!("{{ secret = '{SECRET}', strict = true, github_property_whitelist = ['github.*'] }}"));
    for count in [600, 2048] {
        let mut payload = pushed("https://github.com/o/r", count);
        payload["before"] = json!(format!("{count}"));
        let request = signed(&payload);
        let bytes = request.body.len();
        assert_eq!(hookd.send(&request).line(), format!("202 {count} change found"));
        let last = hookd.admin().list("/api/v2/changes?limit=1&order=-changeid", "changes").remove(0);
        let properties = &last["properties"];
        assert_eq!(properties["github.commits"][0].as_array().map(Vec::len), Some(count));
        assert_eq!(properties["github.repository.full_name"][0], "o/r");
        assert_eq!(properties["event"][0], "push");
        check_peak(&hookd, &format!("{count} commits, {bytes} bytes, all of it as properties"));
    }
    let (_, home) = hookd.terminate();
    let bytes = std::fs::metadata(home.path().join("hookd.db")).expect("it is there").len();
    println!("the store has {bytes} bytes");
    assert!(bytes < 8 << 20, "{bytes}");
}

/// A text that each change repeats is refused beyond a multiple of the request, whatever the dialect.
#[test]
fn a_long_text_that_many_commits_repeat() {
    let hookd = start("true");
    let payload = pushed(&"r".repeat(500_000), 2000);
    for request in [
        push::webhook("push", &payload),
        Request::post("/change_hook/gitlab").header("X-Gitlab-Event", "Push Hook").json(payload.to_string()),
        Request::post("/change_hook/gitorious")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("payload={payload}")),
    ] {
        let answer = hookd.send(&request);
        assert_eq!(answer.status, 400, "{}", answer.line());
        assert!(answer.text().contains("the changes of this request would take more than"), "{}", answer.line());
        check_peak(&hookd, "a text of 500,000 bytes and 2,000 commits");
    }
    // And an honest one passes.
    assert_eq!(
        hookd.send(&push::webhook("push", &pushed("https://github.com/o/r", 2048))).line(),
        "202 2048 change found"
    );
}

/// Names of deep objects are as long as the way to them.
#[test]
fn a_wide_object_at_the_end_of_a_long_path() {
    let hookd = start(&format!("{{ secret = '{SECRET}', strict = true, github_property_whitelist = ['github.*'] }}"));
    let wide: Value = (0..8000).map(|number| (format!("{number}"), json!(0))).collect::<serde_json::Map<_, _>>().into();
    let deep = (0..100).fold(wide, |inner, _| json!({"d".repeat(1000): inner}));
    let mut payload = pushed("https://github.com/o/r", 1);
    payload["deep"] = deep;
    let answer = hookd.send(&signed(&payload));
    assert_eq!(answer.line(), "400 the names of its properties have more than 4194304 bytes");
    check_peak(&hookd, "8,000 entries at the end of a path of 100,000 bytes");
}

/// JSON of two bytes for each value takes twenty times its size while it is parsed.
#[test]
fn json_of_many_values() {
    let hookd = start("true");
    for round in 0..6 {
        let body = format!("[{round}{}]", ",0".repeat(12 << 20));
        let request = Request::post("/change_hook/github").header("X-GitHub-Event", "push").json(body);
        let answer = hookd.send(&request);
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("more than 2000000 values"), "{}", answer.line());
    }
    check_peak(&hookd, "six times 24 MiB of `[0,0,…]`");
}

/// They used to be compared with each other, body by body.
#[test]
fn deliveries_of_one_id_take_no_longer_than_others() {
    const COUNT: usize = 2000;
    let hookd = start("true");
    let mut connection = Connection::new(hookd.public());
    let mut send_all = |id: &dyn Fn(usize) -> String| {
        let begun = Instant::now();
        for number in 0..COUNT {
            let request = push::request(&format!("a{number}")).header("X-GitHub-Delivery", id(number));
            assert_eq!(connection.send(&request).expect("hookd answers").line(), "202 1 change found");
        }
        begun.elapsed()
    };
    let own = send_all(&|number| format!("own {number}"));
    let same = send_all(&|_| "same".to_owned());
    println!("{COUNT} deliveries with ids of their own: {own:?}; with one id: {same:?}");
    assert_eq!(
        hookd.admin().metric("hookd_requests_total{dialect=\"github\",outcome=\"accepted\"}"),
        2.0 * COUNT as f64
    );
    assert!(same < 3 * own + Duration::from_secs(1), "{same:?} instead of {own:?}");
}

/// An unsigned request is no earlier form of a genuine one that differs in nothing but its event.
#[test]
fn a_request_without_proof_shuts_out_no_genuine_one() {
    let hookd = start(&format!("{{ secret = '{SECRET}', strict = false }}"));
    let payload = push::payload("a1");
    let forged = push::webhook("ping", &payload).header("X-GitHub-Delivery", "1");
    assert_eq!(hookd.send(&forged).line(), "202 no change found");
    assert_eq!(hookd.send(&signed(&payload).header("X-GitHub-Delivery", "1")).line(), "202 1 change found");
}

/// The limits stand in the manual.
#[test]
fn limits_are_in_the_manual() {
    let manual = include_str!("../../../../docs/security.md");
    for limit in ["2,000,000 values", "8 times its input and 1 MiB", "10,000 properties", "4 MiB of names"] {
        assert!(manual.contains(limit), "{limit}");
    }
}
