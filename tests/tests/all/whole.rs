//! The whole way of a webhook: from a real client into the store, and out of it after a crash.

use std::process::Command;

use hookd_tests::{Home, Hookd, sha256_signature, until};
use serde_json::{Value, json};

use crate::push;

const CONFIG: &str = r#"
[change_hook_dialects]
base = true
github = { secret = { env = "GITHUB_SECRET" }, strict = true }
"#;

const SECRET: &str = "It's a Secret to Everybody";

fn start() -> Hookd {
    Home::serving(CONFIG).with_variable("GITHUB_SECRET", SECRET).start()
}

/// Runs `curl` with these arguments; returns body and status as it prints them.
fn curl(hookd: &Hookd, path: &str, arguments: &[&str]) -> String {
    let url = format!("http://{}{path}", hookd.public());
    let options = ["--silent", "--show-error", "--write-out", " %{http_code}"];
    let output = Command::new("curl").args(options).args(arguments).arg(url).output().expect("curl runs");
    assert!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn a_push_sent_with_curl_survives_kill_9() {
    let mut hookd = start();
    let body = push::payload("f00f").to_string();
    let signature = format!("X-Hub-Signature-256: {}", sha256_signature(SECRET, body.as_bytes()));
    let headers = ["-H", "X-GitHub-Event: push", "-H", "Content-Type: application/json", "-H", &signature];
    let said = curl(&hookd, "/change_hook/github", &[&headers[..], &["--data-binary", &body]].concat());
    assert_eq!(said, "1 change found 202");

    for _ in 0..2 {
        let [change] = hookd.admin().changes().try_into().expect("one change was sent");
        assert_eq!(change["revision"], "f00f");
        assert_eq!(change["author"], "Jan Ärzte <jan@example.org>");
        assert_eq!(change["branch"], "main");
        assert_eq!(change["when_timestamp"], 1_714_557_600);
        assert_eq!(change["src"], "git");
        let page = hookd.admin().get("/");
        assert!(page.status == 200 && page.text().contains("f00f"), "{}", page.text());
        hookd = hookd.kill_9().start();
    }
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn a_form_sent_with_curl_is_a_change_from_base() {
    let hookd = start();
    let form = ["-F", "author=Jan", "-F", "branch=main", "-F", r#"files=["a b", "ü"]"#, "-F", r#"properties={"n": 1}"#];
    assert_eq!(curl(&hookd, "/change_hook/base?project=p", &form), "1 change found 202");
    assert_eq!(curl(&hookd, "/change_hook", &["-d", "author=Eva", "-d", "revision=2"]), "1 change found 202");
    let [first, second] = hookd.admin().changes().try_into().expect("two changes were sent");
    assert_eq!(first["files"], json!(["a b", "ü"]));
    assert_eq!(first["properties"], json!({"n": [1, "Change"]}));
    assert_eq!(first["project"], "p");
    assert_eq!((&second["author"], &second["revision"]), (&"Eva".into(), &"2".into()));
}

#[test]
fn unverified_requests_leave_nothing_in_the_store() {
    let hookd = start();
    let unsigned = hookd.send(&push::request("1"));
    assert_eq!(unsigned.line(), "400 Request has no required signature");
    let wrong = hookd.send(&push::request("1").header("X-Hub-Signature-256", sha256_signature("wrong", b"")));
    assert_eq!(wrong.line(), "400 Hash mismatch");
    assert_eq!(unsigned.header("X-Content-Type-Options"), Some("nosniff"));
    assert!(unsigned.header("Content-Type").is_some_and(|kind| kind.starts_with("text/plain")));
    assert!(hookd.admin().changes().is_empty());
    assert!(hookd.admin().deliveries().iter().all(|delivery| delivery["state"] == "refused"));
    let log =
        until("the log has the refusals", || Some(hookd.log().join("\n")).filter(|log| log.contains("Hash mismatch")));
    assert!(!log.contains(SECRET), "the log lines contain a secret:\n{log}");
}

#[test]
fn every_delivery_records_its_result() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true").start();
    let built = hookd.send(&push::request("1"));
    assert_eq!(built.line(), "202 1 change found");
    let delivery = hookd.admin().settled_delivery(&built);
    assert_eq!(summary(&delivery), ["accepted", "github", "push"]);
    let ids: Value = hookd.admin().changes().iter().map(|change| change["changeid"].clone()).collect();
    assert_eq!(delivery["changeids"], ids);

    let ignored = hookd.send(&push::webhook("issues", &json!({"action": "opened"})));
    assert_eq!(ignored.line(), "202 no change found");
    let delivery = hookd.admin().settled_delivery(&ignored);
    assert_eq!(summary(&delivery), ["ignored", "github", "issues"]);
    assert!(delivery["reason"].as_str().is_some_and(|reason| reason.contains("issues")), "{delivery}");
}

fn summary(delivery: &Value) -> [&str; 3] {
    ["state", "dialect", "event"].map(|field| delivery[field].as_str().unwrap_or_default())
}
