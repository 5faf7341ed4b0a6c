//! `change_hook_auth`: who may call the hooks, and who the admin listener.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookd_tests::http::{self, Answer, Request};
use hookd_tests::{Home, Hookd, until};
use serde_json::Value;

use crate::curl::curl;
use crate::push;
use crate::raw::Raw;

const ASKED: &str = "401 credentials are missing or wrong";

/// `one` and `with:colon`.
const PASSWORDS: &str = "# people\nann:one\n\nbob:with:colon\n";

/// `pass:word`, made by Apache's `htpasswd -B`, and `pässwörd`, made by the `argon2` of its authors.
const HASHES: &str = "bea:$2y$04$WeCk3CdRuxwRtzxd3j7Qu.vwasVHzxs2/QP/l1zQBC45oXZSwXw2C\n\
    arg:$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzYWx0$SCqgNcL7LQZbChmRR8RBSOJUff2+eiutGHTFSjMeo/8\n";

/// A folder with this `change_hook_auth` for the hooks, the password files, and these tables.
fn home(auth: &str, tables: &str) -> Home {
    let listeners = "[server]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n";
    let admin = if tables.contains("[admin]") { "" } else { "[admin]\nlisten = '127.0.0.1:0'\n" };
    let home = Home::with_config(&format!("change_hook_auth = {auth}\n{listeners}{admin}{tables}"));
    home.write("passwd", PASSWORDS);
    home.write("htpasswd", HASHES);
    home
}

fn start(auth: &str, tables: &str) -> Hookd {
    home(auth, tables).start()
}

fn basic(request: Request, user: &str, password: &str) -> Request {
    request.header("Authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// A change of `base`.
fn change() -> Request {
    Request::post("/change_hook").header("Content-Type", "application/x-www-form-urlencoded").body("author=a")
}

fn as_user(hookd: &Hookd, user: &str, password: &str) -> Answer {
    hookd.send(&basic(change(), user, password))
}

fn assert_asks(answer: &Answer) {
    assert_eq!(answer.line(), ASKED);
    assert!(answer.header("WWW-Authenticate").is_some_and(|value| value.starts_with("Basic realm=")), "{answer:?}");
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
}

fn unverified(hookd: &Hookd) -> Vec<Value> {
    let answer = hookd.admin().get("/api/v2/unverified");
    let mut envelope: Value = serde_json::from_slice(&answer.body).expect("the API answers JSON");
    serde_json::from_value(envelope["unverified"].take()).expect("it is a list")
}

#[test]
fn any_checker_that_accepts_is_enough_and_refused_requests_leave_no_trace() {
    let hookd =
        start("['file:passwd', 'htpasswd:htpasswd', 'memory:mem:ory:two:2']", "[change_hook_dialects]\nbase = true");
    let right = [
        ("ann", "one"),
        ("bob", "with:colon"),
        ("bea", "pass:word"),
        ("arg", "pässwörd"),
        ("mem", "ory"),
        ("two", "2"),
        // Once more, since valid passwords are cached.
        ("bea", "pass:word"),
    ];
    for (user, password) in right {
        assert_eq!(as_user(&hookd, user, password).line(), "202 1 change found", "{user}");
    }
    let wrong = [
        ("ann", "two"),
        ("ann", ""),
        ("ann", "one "),
        ("Ann", "one"),
        ("bob", "with"),
        ("bea", "pass"),
        ("bea", "with:colon"),
        ("arg", "passwort"),
        ("mem", "2"),
        ("nobody", "hunter2"),
        ("", ""),
        ("# people", ""),
    ];
    for (user, password) in wrong {
        assert_asks(&as_user(&hookd, user, password));
    }
    assert_asks(&hookd.send(&change()));
    for header in ["Basic", "Basic !!", "Bearer b25l", "Basic YW5u", "Basic /////w==", "Negotiate YW5uOm9uZQ=="] {
        assert_asks(&hookd.send(&change().header("Authorization", header)));
    }
    // The password is checked before the answer reveals which dialects are served.
    assert_asks(&hookd.send(&Request::post("/change_hook/none")));
    assert_asks(&hookd.send(&Request::new("PUT", "/change_hook")));
    let known = basic(Request::post("/change_hook/none"), "ann", "one");
    assert_eq!(hookd.send(&known).line(), "400 The dialect specified, 'none', wasn't whitelisted in change_hook");

    assert_eq!(hookd.admin().deliveries().len(), right.len());
    assert_eq!(hookd.admin().changes().len(), right.len());
    let refused = unverified(&hookd);
    assert_eq!(refused.len(), wrong.len() + 1 + 6 + 2 + 1);
    assert_eq!(refused[1]["reason"], "credentials are missing or wrong");
    let log = until("the log has the refusals", || {
        Some(hookd.log().join("\n")).filter(|log| log.contains("credentials are missing or wrong"))
    });
    let page = hookd.admin().get("/").text();
    for (_, password) in right.iter().chain(&wrong).filter(|(_, password)| password.len() > 4) {
        assert!(!log.contains(password), "the log has the password {password}:\n{log}");
        assert!(!page.contains(password), "the page has the password {password}");
    }
}

#[test]
fn anonymous_accepts_requests_without_credentials() {
    let hookd = start("['anonymous', 'memory:ann:one']", "[change_hook_dialects]\nbase = true");
    assert_eq!(hookd.send(&change()).line(), "202 1 change found");
    assert_eq!(as_user(&hookd, "ann", "one").line(), "202 1 change found");
    assert_asks(&as_user(&hookd, "ann", "two"));
}

#[test]
fn a_dialect_can_have_its_own_list() {
    let tables = "[change_hook_dialects]\nbase = true\ngithub = { change_hook_auth = 'memory:git:hub' }\n\
        acme = { custom_class = 'base', change_hook_auth = ['anonymous'] }\n";
    let hookd = start("'memory:ann:one'", tables);
    assert_eq!(as_user(&hookd, "ann", "one").line(), "202 1 change found");
    assert_asks(&as_user(&hookd, "git", "hub"));
    assert_eq!(hookd.send(&basic(push::request("1"), "git", "hub")).line(), "202 1 change found");
    assert_asks(&hookd.send(&basic(push::request("1"), "ann", "one")));
    assert_asks(&hookd.send(&push::request("1")));
    assert_eq!(hookd.send(&Request::get("/change_hook/acme?author=a")).line(), "202 1 change found");
}

#[test]
fn a_wrong_request_with_the_right_password_is_stored_as_a_refused_delivery() {
    let hookd = start("'memory:ann:one'", "[change_hook_dialects]\ngithub = true");
    let broken = hookd.send(&basic(push::webhook("push", &Value::Null), "ann", "one"));
    assert_eq!(broken.status, 400);
    let [delivery] = hookd.admin().deliveries().try_into().expect("one request was authenticated");
    assert_eq!(delivery["state"], "refused");
}

#[test]
fn files_are_reloaded_when_they_change() {
    let hookd = start("['file:passwd', 'htpasswd:htpasswd']", "[change_hook_dialects]\nbase = true");
    let is_in = |user: &str, password: &str| match as_user(&hookd, user, password).status {
        202 => true,
        401 => false,
        other => panic!("{other}"),
    };
    assert!(is_in("ann", "one") && is_in("bea", "pass:word"));
    hookd.home().write("passwd", "ann:another\nbea:pass:word\n");
    until("the new password is known", || is_in("ann", "another").then_some(()));
    assert!(!is_in("ann", "one") && !is_in("bob", "with:colon"));

    // The hash of another password for the same user.
    hookd.home().write("passwd", "ann:another\n");
    hookd.home().write("htpasswd", HASHES.replace("bea:", "bee:").replace("arg:", "bea:"));
    until("the new hash is known", || is_in("bea", "pässwörd").then_some(()));
    until("the old password is forgotten", || (!is_in("bea", "pass:word")).then_some(()));

    // An invalid file accepts nobody until it is corrected.
    hookd.home().write("passwd", "ann:another\nno colon but hunter2\n");
    until("the invalid file accepts nobody", || (!is_in("ann", "another")).then_some(()));
    let log = until("the log says so", || {
        Some(hookd.log().join("\n")).filter(|log| log.contains("line 2: expected `user:password`; nobody is accepted"))
    });
    assert!(!log.contains("hunter2"), "{log}");
    assert!(is_in("bea", "pässwörd"));
    hookd.home().write("passwd", "ann:one\n");
    until("the repaired file is used", || is_in("ann", "one").then_some(()));
}

/// How many threads hookd has.
fn threads(hookd: &Hookd) -> usize {
    std::fs::read_dir(format!("/proc/{}/task", hookd.pid())).expect("it runs, on Linux").count()
}

#[test]
fn a_flood_of_wrong_passwords_computes_few_hashes_at_a_time_and_does_not_delay_known_users() {
    let home = home("['htpasswd:htpasswd']", "[change_hook_dialects]\nbase = true");
    // A hash that takes a second or so to compute.
    let slow = HASHES.lines().next().expect("bea's").replace("bea:$2y$04$", "slow:$2y$13$");
    home.write("htpasswd", format!("{HASHES}{slow}\n"));
    let hookd = home.start();
    assert_eq!(as_user(&hookd, "bea", "pass:word").line(), "202 1 change found");
    let before = threads(&hookd);
    let wrong = basic(change(), "slow", "a guess").to_bytes(hookd.public());
    let flood: Vec<_> = (0..100)
        .map(|_| {
            let mut connection = Raw::open(hookd.public());
            connection.write(&wrong);
            connection
        })
        .collect();
    let mut worst = Duration::ZERO;
    for _ in 0..100 {
        let since = Instant::now();
        assert_eq!(as_user(&hookd, "bea", "pass:word").line(), "202 1 change found");
        worst = worst.max(since.elapsed());
    }
    println!("{worst:?} at worst for known users; {before} threads before, {} now", threads(&hookd));
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    assert!(threads(&hookd) < before + 10, "{}", threads(&hookd));
    drop(flood);
}

#[test]
fn the_admin_listener_has_its_own_list() {
    let tables = "[admin]\nlisten = '127.0.0.1:0'\nchange_hook_auth = ['memory:ops:secret']\n\
        [change_hook_dialects]\nbase = true\n";
    let hookd = start("'memory:ann:one'", tables);
    assert_eq!(as_user(&hookd, "ann", "one").line(), "202 1 change found");
    assert_asks(&as_user(&hookd, "ops", "secret"));

    let admin = hookd.admin().address();
    let send = |request: Request| http::send(admin, &request).expect("hookd answers");
    for open in ["/healthz", "/readyz"] {
        assert_eq!(send(Request::get(open)).status, 200, "{open}");
    }
    for path in [
        "/",
        "/deliveries/1",
        "/changes/1",
        "/unverified",
        "/style.css",
        "/metrics",
        "/api/v2/changes",
        "/api/v2/changes/1",
        "/api/v2/deliveries",
        "/api/v2/deliveries/1",
        "/api/v2/dialects",
        "/api/v2/unverified",
        "/nothing",
        "/api/v2/nothing",
        "//",
        "/healthz/",
    ] {
        assert_asks(&send(Request::get(path)));
        assert_asks(&send(basic(Request::get(path), "ann", "one")));
        let expected = if path.contains("nothing") || path.ends_with("z/") || path == "//" { 404 } else { 200 };
        assert_eq!(send(basic(Request::get(path), "ops", "secret")).status, expected, "{path}");
    }
    assert_asks(&send(Request::post("/api/v2/reload")));
    assert_eq!(send(basic(Request::post("/api/v2/reload"), "ops", "secret")).status, 200);
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn curl_authenticates_with_its_user_option() {
    let hookd = start("['file:passwd', 'htpasswd:htpasswd']", "[change_hook_dialects]\nbase = true");
    let url = format!("http://{}/change_hook", hookd.public());
    for user in ["ann:one", "bob:with:colon", "bea:pass:word", "arg:pässwörd"] {
        assert_eq!(curl(&url, &["--user", user, "-d", "author=a"]).line(), "202 1 change found", "{user}");
    }
    assert_eq!(curl(&url, &["--user", "bob:with", "-d", "author=a"]).line(), ASKED);
    assert_eq!(curl(&url, &["-F", "author=a"]).line(), ASKED);
    assert_eq!(curl(&url, &["--user", "ann:one", "--anyauth", "-F", "author=a"]).line(), "202 1 change found");
}
