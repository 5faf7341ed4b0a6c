//! What pending pull requests can use up, and what they hold up.

use std::net::TcpListener;

use hookd_tests::http::Request;
use hookd_tests::{GithubApi, Home, until};
use serde_json::json;

use crate::api_retries::pull_request;
use crate::push;

#[test]
fn pending_pull_requests_wait_without_their_requests_and_hold_up_no_other_api() {
    const COUNT: usize = 80;
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let api = GithubApi::start();
    let tables = format!(
        "[change_hook_dialects.github]\ngithub_api_endpoint = 'http://{}'\n[change_hook_dialects.other]\n\
         custom_class = 'github'\ngithub_api_endpoint = {:?}",
        silent.local_addr().expect("it is bound"),
        api.endpoint()
    );
    let hookd = Home::serving(&tables).start();
    let mut payload = pull_request();
    payload["filler"] = json!("x".repeat(4 << 20));
    for number in 0..COUNT {
        payload["number"] = json!(number);
        assert_eq!(hookd.send(&push::webhook("pull_request", &payload)).line(), "202 1 change found");
    }
    let other = Request::post("/change_hook/other").header("X-GitHub-Event", "pull_request");
    let answer = hookd.send(&other.clone().json(pull_request().to_string()));
    assert_eq!(hookd.admin().settled_delivery(&answer)["state"], "accepted");
    let (_, peak) = hookd.memory();

    let hookd = hookd.kill_9().start();
    let answer = hookd.send(&other.json(pull_request().to_string()));
    assert_eq!(hookd.admin().settled_delivery(&answer)["state"], "accepted");
    let (_, peak_after) = hookd.memory();
    println!("{COUNT} pending pull requests of 4 MiB: peak {peak} MiB, {peak_after} MiB after a restart");
    let pending = hookd.admin().list("/api/v2/deliveries?state=pending&limit=100", "deliveries");
    assert_eq!(pending.len(), COUNT);
    // All of them at once took twice what they have, 640 MiB; on any thread of a large pool, up to 305, since freed memory is
    // kept for the thread that allocated it.
    assert!(peak < 300 && peak_after < 300, "peak {peak} MiB, {peak_after} MiB after a restart");
}

#[test]
fn an_older_head_is_not_published_after_a_newer_one() {
    let api = GithubApi::start();
    api.set_down(true);
    let tables = format!("[change_hook_dialects.github]\ngithub_api_endpoint = {:?}", api.endpoint());
    let hookd = Home::serving(&tables).start();
    let mut payload = pull_request();
    hookd.send(&push::webhook("pull_request", &payload));
    until("the API has failed for the first head", || (!api.calls().is_empty()).then_some(()));
    api.set_down(false);
    payload["action"] = json!("synchronize");
    payload["pull_request"]["head"]["sha"] = json!("beef");
    let second = hookd.send(&push::webhook("pull_request", &payload));
    payload["number"] = json!(8);
    let other = hookd.send(&push::webhook("pull_request", &payload));
    assert_eq!(hookd.admin().settled_delivery(&other)["state"], "accepted");
    assert_eq!(hookd.admin().settled_delivery(&second)["state"], "accepted");
    let changes = hookd.admin().changes();
    let of_seven: Vec<_> = changes.iter().filter(|change| change["branch"] == "refs/pull/7/merge").collect();
    let revisions: Vec<_> = of_seven.iter().map(|change| change["revision"].as_str().unwrap_or_default()).collect();
    assert_eq!(revisions, ["f00f", "beef"]);
}

#[test]
fn a_pending_delivery_of_a_removed_dialect_ends() {
    let api = GithubApi::start();
    api.set_down(true);
    let tables = format!("[change_hook_dialects.github]\ngithub_api_endpoint = {:?}", api.endpoint());
    let hookd = Home::serving(&tables).start();
    let answer = hookd.send(&push::webhook("pull_request", &pull_request()));
    until("the API was asked", || (!api.calls().is_empty()).then_some(()));
    let config = std::fs::read_to_string(hookd.home().path().join("hookd.toml")).expect("it was written");
    let (listeners, _) = config.split_once("[change_hook_dialects").expect("it has dialects");
    hookd.home().write("hookd.toml", format!("{listeners}\n[change_hook_dialects]\nbase = true\n"));
    let reload = hookd_tests::http::send(hookd.admin().address(), &Request::post("/api/v2/reload")).expect("an answer");
    assert_eq!(reload.status, 200, "{}", reload.text());
    let ended = hookd.admin().settled_delivery(&answer);
    assert_eq!(ended["state"], "ignored");
    let reason = ended["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("the dialect `github` was removed"), "{reason}");
}
