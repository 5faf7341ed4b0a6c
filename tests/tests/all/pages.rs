//! The pages for people, as they get them: one module for each way to look.

mod browser;
mod proxy;
mod search;

use hookd_tests::{GithubApi, Home, Hookd, sha256_signature, until};
use serde_json::{Value, json};

use crate::api_retries::pull_request;
use crate::push;

/// A commit whose short hash differs from the others'.
const HASH: &str = "c0ffee14bb761a232cd80139fbd4c0d33264240a";

/// A branch with a right-to-left override.
const TURNED: &str = "feature/\u{202e}moc.live";

/// A push of a commit to a branch of a repository, by this author.
fn pushed(repository: &str, branch: &str, revision: &str, author: &str) -> Value {
    let mut payload = push::payload(revision);
    payload["ref"] = json!(format!("refs/heads/{branch}"));
    let (_, name) = repository.rsplit_once('/').expect("it has an owner");
    payload["repository"] = json!({
        "name": name, "full_name": repository, "html_url": format!("https://github.com/{repository}"),
    });
    for commit in ["/head_commit", "/commits/0"] {
        payload.pointer_mut(commit).expect("it is there")["author"] = json!({"name": author, "email": "a@example.org"});
    }
    payload
}

/// A hookd with deliveries of every state, a sink and a poller whose other sides are down, and the API of the forge, which is down.
fn filled() -> (Hookd, GithubApi) {
    let api = GithubApi::start();
    api.set_down(true);
    let tables = format!(
        "[change_hook_dialects.github]\ngithub_api_endpoint = {:?}\nsecret = 'secret'\n[[sinks]]\nname = 'master: a'\ntype = 'webhook'\n\
         url = 'http://127.0.0.1:9/'\n[[pollers]]\ntype = 'git'\n\
         repourl = 'http://127.0.0.1:9/a-repository/at-an-address/where-nobody-listens.git'\n",
        api.endpoint()
    );
    let hookd = Home::serving(&tables).start();
    let long = "long-value-without-a-break-".repeat(200);
    let identified = |payload: &Value| {
        push::webhook("push", payload).header("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
    };
    for request in [
        identified(&pushed("octo/tea", "feature/earl-grey", HASH, "Ada Lovelace")),
        push::webhook("push", &pushed("octo/coffee", TURNED, &"b".repeat(40), "Ben \u{200b}Zero")),
        push::webhook("push", &pushed("octo/tea", &long, &"d".repeat(40), &long)),
        push::webhook("watch", &json!({})),
        push::webhook("pull_request", &pull_request()),
    ] {
        assert_eq!(hookd.send(&request).status, 202);
    }
    let wrong = push::webhook("push", &json!({"ref": "refs/heads/main"}));
    let signature = sha256_signature("secret", &wrong.body);
    assert_eq!(hookd.send(&wrong.header("X-Hub-Signature-256", signature)).status, 400);
    until("the API was asked, and failed", || {
        hookd.admin().get("/").text().contains("the API answered 503").then_some(())
    });
    (hookd, api)
}

#[test]
fn the_first_page_answers_why_a_build_did_not_start() {
    let (hookd, _api) = filled();
    let text = hookd.admin().get("/").text();
    for part in [
        "<bdi>github.com/octo/tea</bdi></a><div><bdi>feature/earl-grey</bdi> <code><bdi>c0ffee14bb</bdi></code></div>",
        "feature/<i>U+202E</i>moc.live",
        "Ben <i>U+200B</i>Zero",
        "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "waits for the forge’s API; ",
        " failed attempt",
        "<bdi>refs/pull/7/merge</bdi> <code><bdi>f00f</bdi></code>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'), "{text}");
    assert!(text.contains(" ago</time>") || text.contains(">now</time>"), "{text}");
    let pull = hookd.admin().get("/deliveries/5").text();
    for part in ["refs/pull/7/merge", "f00f", "the API answered 503", "failed attempt", "next <time"] {
        assert!(pull.contains(part), "{part}: {pull}");
    }
}

#[test]
fn a_body_is_downloaded_byte_for_byte_also_after_a_restart() {
    let hookd = Home::serving("[change_hook_dialects.github]\n").start();
    // Spaces and escapes that no parser would give back.
    let body = format!("  {}\r\n\t", push::payload("f00f").to_string().replace("\"ref\"", "\"r\\u0065f\""));
    let request = push::webhook("push", &json!({})).body(body.clone());
    assert_eq!(hookd.send(&request).line(), "202 1 change found");
    let (_, home) = hookd.terminate();
    let hookd = home.start();
    let answer = hookd.admin().get("/api/v2/deliveries/1/body");
    assert_eq!((answer.status, answer.body), (200, body.into_bytes()));
    let answer = hookd.admin().get("/api/v2/deliveries/1/body");
    assert_eq!(answer.header("Content-Type"), Some("application/octet-stream"));
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(answer.header("Content-Disposition"), Some("attachment; filename=\"delivery-1.body\""));
    assert!(hookd.admin().get("/deliveries/1").text().contains("href=\"../api/v2/deliveries/1/body\""));
    assert_eq!(hookd.admin().get("/api/v2/deliveries/2/body").status, 404);
}
