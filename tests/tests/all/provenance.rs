//! Who sent a delivery, and what verified it, can be found out afterwards; and who did what on the private listener.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookd_tests::http::{self, Request};
use hookd_tests::{Home, Hookd, sha256_signature, until};
use serde_json::{Value, json};

use crate::push;

/// A configuration with a password for the dialect `base` and for the private listener, two secrets for `github`, and a
/// proxy that names the sender.
const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]

[admin]
listen = "127.0.0.1:0"
change_hook_auth = ["memory:op:letmein"]

[store]
url = "sqlite:hookd.db"

[change_hook_dialects]
base = { change_hook_auth = ["memory:ann:hunter2", "anonymous"] }
github = { secret = ["new-secret", "old-secret"], strict = true }
"#;

fn as_user(request: Request, user: &str, password: &str) -> Request {
    request.header("Authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn admin(hookd: &Hookd, request: Request, password: &str) -> http::Answer {
    http::send(hookd.admin().address(), &as_user(request, "op", password)).expect("the admin listener answers")
}

fn deliveries(hookd: &Hookd) -> Vec<Value> {
    let answer = admin(hookd, Request::get("/api/v2/deliveries?order=deliveryid"), "letmein");
    let mut json: Value = serde_json::from_str(&answer.text()).expect("it is JSON");
    serde_json::from_value(json["deliveries"].take()).expect("it is a list")
}

/// The fields of the first log line with this message, once there is one.
fn logged(hookd: &Hookd, message: &str) -> Value {
    until(&format!("`{message}` is logged"), || {
        let lines = hookd.log();
        let mut lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["fields"]["message"].as_str().is_some_and(|text| text.contains(message)))
    })["fields"]
        .take()
}

#[test]
fn a_delivery_says_who_sent_it_and_which_secret_verified_it() {
    let hookd = Home::with_config(CONFIG).start();
    let change = || {
        Request::post("/change_hook/base").header("Content-Type", "application/x-www-form-urlencoded").body("author=a")
    };
    let body = push::payload("1").to_string().into_bytes();
    let signed = |secret: &str| {
        let signature = sha256_signature(secret.as_bytes(), &body);
        push::request("1").header("X-Hub-Signature-256", signature).header("X-Forwarded-For", "192.0.2.7")
    };
    for request in [signed("new-secret"), signed("old-secret"), as_user(change(), "ann", "hunter2"), change()] {
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    }
    assert_eq!(hookd.send(&signed("lost-secret")).status, 400);
    let shown = |delivery: &Value| {
        ["peer", "user", "verified", "key"].map(|field| delivery[field].clone()).into_iter().collect::<Value>()
    };
    let expected = json!([
        ["192.0.2.7", null, true, 1],
        ["192.0.2.7", null, true, 2],
        ["127.0.0.1", "ann", false, null],
        ["127.0.0.1", null, false, null],
    ]);
    assert_eq!(deliveries(&hookd).iter().map(shown).collect::<Value>(), expected);
    let of_old = admin(&hookd, Request::get("/api/v2/deliveries?key=2&peer=192.0.2.7&field=key&field=peer"), "letmein");
    assert!(of_old.text().contains("\"total\":1"), "{}", of_old.text());

    let line = logged(&hookd, "delivery");
    assert_eq!((&line["peer"], &line["key"], &line["user"]), (&json!("192.0.2.7"), &json!(1), &Value::Null));
    let lines =
        until("the user is logged", || Some(hookd.log().join("\n")).filter(|lines| lines.contains("\"user\":\"ann\"")));
    let page = admin(&hookd, Request::get("/deliveries/2"), "letmein").text();
    assert!(page.contains("192.0.2.7") && page.contains("secret 2"), "{page}");
    let page = admin(&hookd, Request::get("/deliveries/3"), "letmein").text();
    assert!(page.contains("ann"), "{page}");
    // All of it survives a restart.
    let hookd = hookd.kill_9().start();
    assert_eq!(deliveries(&hookd).iter().map(shown).collect::<Value>(), expected);
    for secret in ["new-secret", "old-secret", "hunter2", "letmein"] {
        assert!(!lines.contains(secret), "{secret} is in the log:\n{lines}");
    }
}

#[test]
fn failed_logins_and_whoever_reloads_are_logged() {
    let hookd = Home::with_config(CONFIG).start();
    // A browser asks without credentials first, which is no failed login.
    let unasked = http::send(hookd.admin().address(), &Request::get("/")).expect("it answers");
    assert_eq!(unasked.status, 401);
    assert_eq!(admin(&hookd, Request::get("/"), "guessed-wrong").status, 401);
    assert_eq!(logged(&hookd, "login on `[admin]` failed")["peer"], "127.0.0.1");
    assert_eq!(admin(&hookd, Request::post("/api/v2/reload"), "letmein").status, 200);
    let line = logged(&hookd, "command received on `[admin]`");
    assert_eq!(
        (&line["peer"], &line["user"], &line["path"]),
        (&json!("127.0.0.1"), &json!("op"), &json!("/api/v2/reload"))
    );
    hookd.signal("HUP");
    assert_eq!(logged(&hookd, "reload requested")["signal"], "SIGHUP");
    let lines = hookd.log();
    let failed = lines.iter().filter(|line| line.contains("login on `[admin]` failed")).count();
    assert_eq!(failed, 1, "{lines:#?}");
    assert!(!lines.join("\n").contains("guessed-wrong") && !lines.join("\n").contains("letmein"), "{lines:#?}");
}
