//! Builds with dialects that do what none may do: what the operator and the sender see.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, peers, until, without_variables_of_cargo};
use serde_json::{Value, json};

/// The example of the package `hookd` with this name, built on first use.
fn example(name: &'static str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let cargo =
            without_variables_of_cargo(&mut cargo).args(["build", "--quiet", "--package", "hookd", "--examples"]);
        assert!(cargo.current_dir(peers::root()).status().expect("cargo runs").success(), "the examples do not build");
    });
    peers::target().join("debug/examples").join(name)
}

fn misfits(dialects: &str) -> Home {
    let dialects = format!("[change_hook_dialects]\n{dialects}\n");
    Home::serving(&dialects).with_binary(example("misfits")).with_variable("RUST_BACKTRACE", "1")
}

fn start() -> Hookd {
    misfits("misfit = { secret = 's3cret' }\nopen = { custom_class = 'misfit' }").start()
}

fn event(name: &str, url: &str) -> Request {
    Request::post("/change_hook/misfit")
        .header("X-Event", name)
        .header("X-Misfit-Token", "s3cret")
        .json(json!({"url": url}).to_string())
}

#[test]
fn what_cannot_work_is_an_error_of_check_and_of_serve() {
    let home = misfits(
        "keeps_secrets = true\npanics_at_start = true\nmisfit = { compat = 'buildbot', inner = [{ count = 1, cuont = 2 }] }\n\
         forgotten = true",
    );
    let expected = [
        "`keeps_secrets`: class `keeps_secrets` would keep the header `Authorization` of each request, which carries a secret",
        "`keeps_secrets`: class `keeps_secrets` would keep the header `X-Gitlab-Token` of each request, which carries a secret",
        "`panics_at_start`: the dialect `panics_at_start` panicked at hookd/examples/misfits.rs:",
        "`misfit`: `compat`: the class `misfit` has no such mode, so leave it out; those that have it: `base`, `bitbucket`, ",
        "`misfit`: `inner[0]`: unknown option `cuont`, expected one of `count`",
        "`forgotten`: this build has no dialect `forgotten`, only ",
        "(a crate of your own is in the build when its program names it: `use hookd_example as _;`)",
    ];
    for command in ["check", "serve"] {
        let run = home.run(&[command]);
        assert_eq!(run.code, Some(2), "{command}: {}", run.stderr);
        for part in expected {
            assert!(run.stderr.contains(part), "{command}: {part}\n{}", run.stderr);
        }
        for part in ["hunter2", "backtrace", "thread '"] {
            assert!(!run.stderr.contains(part), "{command}: {}", run.stderr);
        }
        // One line for each problem, with its place.
        assert!(run.stderr.lines().all(|line| line.starts_with("hookd.toml:")), "{command}: {}", run.stderr);
    }
}

#[test]
fn what_is_misregistered_is_an_error_of_check() {
    let home = Home::serving("").with_binary(example("misregistered"));
    let run = home.run(&["check"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    for part in [
        "this build has more than one dialect `github`",
        "this build has more than one event class `stars`",
        "this build has more than one codebase function `tea`",
        "dialect `aliased` of this build reads the option `mugs`, which its schema does not have: an alias, or one that",
        "dialect `My-Forge` of this build is misnamed: a name has lower-case letters, digits and `_`, and begins with a letter",
        "dialect `My-Forge` of this build redefines the option `secret`, which comes with its description",
        "dialect `My-Forge` of this build would keep the header `X-Proof`, which carries its proof",
    ] {
        assert!(run.stderr.contains(part), "{part}\n{}", run.stderr);
    }
}

#[test]
fn a_panic_is_500_and_the_delivery_is_kept() {
    let hookd = start();
    for (number, dialect) in [(1, "misfit"), (2, "open")] {
        let mut request = event("panic", "");
        request.target = format!("/change_hook/{dialect}");
        let answer = hookd.send(&request);
        let reason = format!("the dialect `{dialect}` failed on this request: it panicked");
        assert_eq!(answer.line(), format!("500 {reason}; it is kept as delivery {number}"));
        let delivery = hookd.admin().settled_delivery(&answer);
        assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("refused"), &json!(reason)));
        let body = hookd.admin().get(&format!("/api/v2/deliveries/{number}/body"));
        assert_eq!(body.body, request.body);
        let line = until("an error in the log", || {
            let mut log = hookd.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            log.find(|line| line["fields"]["message"] == *reason)
        });
        assert_eq!((&line["level"], &line["fields"]["class"]), (&json!("ERROR"), &json!("misfit")));
    }
    assert_eq!(hookd.admin().metric("hookd_requests_total{dialect=\"misfit\",outcome=\"unverified\"}"), 0.0);
    // The others go on.
    assert_eq!(hookd.send(&event("push", "")).line(), "202 1 change found");
}

#[test]
fn calls_that_do_not_end_end_with_a_reason() {
    let hookd = start();
    let api = format!("http://{}/healthz", hookd.admin().address());
    let failed = "the dialect `misfit` failed on this request: it asks for";
    let none = hookd.send(&event("no calls", &api));
    assert_eq!(none.line(), format!("500 {failed} calls to the forge's API and names none; it is kept as delivery 1"));
    for (name, reason) in [
        ("the same call", format!("it asks again for what the forge's API has answered: {api}")),
        ("another call", "it asks for more than 300 calls to the forge's API".to_owned()),
    ] {
        let answer = hookd.send(&event(name, &api));
        assert_eq!(answer.line(), "202 1 change found");
        let delivery = hookd.admin().settled_delivery(&answer);
        let reason = format!("the dialect `misfit` failed on this request: {reason}");
        assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("refused"), &json!(reason)));
    }
}

#[test]
fn the_headers_are_the_same_before_and_after_calls_and_none_is_a_secret() {
    let hookd = start();
    let api = format!("http://{}/healthz", hookd.admin().address());
    let unnamed = |name: &str, url: &str| event(name, url).header("X-Unnamed", "x").header("User-Agent", "s3cret");
    let seen = "x-event content-type";
    let at_once = hookd.send(&unnamed("push", ""));
    let after_calls = hookd.send(&unnamed("headers", &api));
    for answer in [at_once, after_calls] {
        assert_eq!(answer.line(), "202 1 change found");
        let delivery = hookd.admin().settled_delivery(&answer);
        assert_eq!(delivery["state"], "accepted");
        let change = &hookd.admin().get(&format!("/api/v2/changes/{}", delivery["changeids"][0])).text();
        let change: Value = serde_json::from_str(change).expect("JSON");
        let mut found: Vec<&str> = change["changes"][0]["comments"].as_str().expect("a text").split(' ').collect();
        found.sort_unstable();
        let mut expected: Vec<&str> = seen.split(' ').collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert!(!delivery.to_string().contains("s3cret"), "{delivery}");
    }
}
