//! `SIGHUP`, `hookd reload` and the API reload the configuration, and all of them report the result.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookd_tests::http::{self, Answer, Request};
use hookd_tests::{Finished, Home, Hookd, LISTENERS, until};
use serde_json::{Value, json};

const BASE: &str = "[change_hook_dialects]\nbase = true\n";
const WITH_ACME: &str = "[change_hook_dialects]\nbase = true\nacme = { custom_class = 'base' }\n";

/// Three problems, in lines 3, 4 and 7.
const BROKEN: &str = "[server]\nlisten = '127.0.0.1:0'\nmax_body = '1 GuB'\nlistn = 1\n[change_hook_dialects]\nbase = true\n\
    gitub = { secret = 'hunter2' }\n";

fn write(hookd: &Hookd, tables: &str) {
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{tables}\n"));
}

fn admin_url(hookd: &Hookd) -> String {
    format!("http://{}", hookd.admin().address())
}

fn run(hookd: &Hookd, arguments: &[&str]) -> Finished {
    let url = admin_url(hookd);
    hookd.home().run(&[&["reload", "--admin", &url], arguments].concat())
}

fn post(hookd: &Hookd, request: &Request) -> (Answer, Value) {
    let answer = http::send(hookd.admin().address(), request).expect("the admin listener answers");
    let json = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer, json)
}

fn reload() -> Request {
    Request::post("/api/v2/reload")
}

/// Whether the dialect `acme` is served.
fn has_acme(hookd: &Hookd) -> bool {
    match hookd.send(&Request::get("/change_hook/acme?author=a")).status {
        202 => true,
        400 => false,
        other => panic!("{other}"),
    }
}

/// Sends SIGHUP to the process whose working directory is this folder.
fn hang_up(folder: &Path) {
    let folder = folder.canonicalize().expect("the folder is there");
    let processes = fs::read_dir("/proc").expect("the system lists its processes").flatten();
    let works_there = |entry: &fs::DirEntry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder);
    let [process] = processes.filter(works_there).collect::<Vec<_>>().try_into().expect("one hookd runs there");
    let kill = format!("kill -HUP {}", process.file_name().display());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell runs").success());
}

#[test]
fn sighup_reloads_and_keeps_the_previous_configuration_if_the_new_one_is_invalid() {
    let hookd = Home::serving(BASE).start();
    assert!(!has_acme(&hookd));
    write(&hookd, WITH_ACME);
    assert!(!has_acme(&hookd), "nobody asked for it yet");
    hang_up(hookd.home().path());
    until("the new configuration is current", || has_acme(&hookd).then_some(()));

    hookd.home().write("hookd.toml", BROKEN);
    hang_up(hookd.home().path());
    until("the log has the problems", || {
        let log = hookd.log().join("\n");
        let places = ["hookd.toml:3:12: ", "hookd.toml:4:1: ", "hookd.toml:7:1: "];
        (places.iter().all(|place| log.contains(place))
            && log.contains("configuration rejected, keeping the previous one"))
        .then_some(())
    });
    assert!(has_acme(&hookd));
    assert!(!hookd.log().join("\n").contains("hunter2"));
    // Two signals at once do not end the process either.
    write(&hookd, BASE);
    hang_up(hookd.home().path());
    hang_up(hookd.home().path());
    until("the old configuration is back", || (!has_acme(&hookd)).then_some(()));
    assert_eq!(hookd.terminate().0.code(), Some(0));
}

#[test]
fn the_command_reports_the_result() {
    let hookd = Home::serving(BASE).start();
    write(&hookd, WITH_ACME);
    let done = run(&hookd, &[]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "reloaded\n"), "{}", done.stderr);
    assert!(done.stderr.contains("warning: hookd.toml:"), "`base` is open to anyone: {}", done.stderr);
    assert!(has_acme(&hookd));

    hookd.home().write("hookd.toml", BROKEN);
    let refused = run(&hookd, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    let said: Vec<&str> = refused.stderr.lines().collect();
    assert_eq!(said.len(), 4, "{said:?}");
    for (line, place) in said.iter().zip(["hookd.toml:3:12: ", "hookd.toml:4:1: ", "hookd.toml:7:1: ", "error: "]) {
        assert!(line.starts_with(place), "{said:?}");
    }
    assert!(said[3].contains("keeping the previous one") && !refused.stderr.contains("hunter2"), "{said:?}");
    assert!(has_acme(&hookd));

    let refused = run(&hookd, &["--json"]);
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(2), ""));
    let result: Value = serde_json::from_str(&refused.stdout).expect("it is JSON");
    assert_eq!(
        (&result["reloaded"], result["problems"].as_array().map(Vec::len)),
        (&json!(false), Some(3)),
        "{result}"
    );

    write(&hookd, BASE);
    let done = run(&hookd, &["--json"]);
    let result: Value = serde_json::from_str(&done.stdout).expect("it is JSON");
    assert_eq!((done.code, &result["reloaded"], &result["after_restart"]), (Some(0), &json!(true), &json!([])));
    assert!(!has_acme(&hookd));

    // No hookd is running.
    let url = admin_url(&hookd);
    let home = hookd.kill_9();
    let lost = home.run(&["reload", "--admin", &url]);
    assert_eq!((lost.code, lost.stdout.as_str()), (Some(1), ""));
    assert!(lost.stderr.starts_with(&format!("error: cannot reach the running hookd at `{url}`: ")), "{}", lost.stderr);
    // Where to look for it is in the file, which is not there.
    let lost = home.run(&["reload", "--config", "nowhere.toml"]);
    assert_eq!(lost.code, Some(2), "{}", lost.stderr);
}

#[test]
fn the_api_answers_with_the_problems_and_refuses_cross_site_requests() {
    let hookd = Home::serving(BASE).start();
    write(&hookd, WITH_ACME);
    let own = format!("http://{}", hookd.admin().address());
    for origin in ["http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:1", "garbage"] {
        let (answer, json) = post(&hookd, &reload().header("Origin", origin));
        assert_eq!((answer.status, json["error"].is_string()), (403, true), "{origin}");
        assert!(!has_acme(&hookd), "{origin}");
    }
    let (answer, json) = post(&hookd, &reload().header("Origin", &own));
    assert_eq!((answer.status, &json["reloaded"]), (200, &json!(true)));
    assert!(has_acme(&hookd));
    assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));

    hookd.home().write("hookd.toml", BROKEN);
    let (answer, json) = post(&hookd, &reload());
    assert_eq!((answer.status, &json["reloaded"]), (400, &json!(false)));
    let places: Vec<_> =
        json["problems"].as_array().into_iter().flatten().map(|p| (&p["line"], &p["column"])).collect();
    let expected = [(json!(3), json!(12)), (json!(4), json!(1)), (json!(7), json!(1))];
    assert_eq!(places, expected.iter().map(|(line, column)| (line, column)).collect::<Vec<_>>(), "{json}");
    assert!(has_acme(&hookd));
    assert_eq!(post(&hookd, &Request::get("/api/v2/reload")).0.status, 404, "a GET changes nothing");

    fs::remove_file(hookd.home().path().join("hookd.toml")).expect("it was there");
    assert_eq!(post(&hookd, &reload()).0.status, 400);
    assert!(has_acme(&hookd));
}

#[test]
fn reports_what_needs_a_restart_and_applies_the_rest() {
    let hookd = Home::serving(BASE).start();
    let changed = "[server]\nlisten = '127.0.0.1:1'\nworkers = 1\nshutdown_timeout = '1s'\nmax_body = '10B'\n\
        [admin]\nlisten = '127.0.0.1:2'\n[store]\nurl = 'sqlite:other.db'\n";
    hookd.home().write("hookd.toml", format!("{changed}{WITH_ACME}"));
    let done = run(&hookd, &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for option in ["server.listen", "server.workers", "server.shutdown_timeout", "admin.listen", "store.url"] {
        let said = format!("warning: `{option}` changed; takes effect after a restart");
        assert!(done.stderr.contains(&said), "{option}: {}", done.stderr);
    }
    assert!(!done.stderr.contains("max_body"), "{}", done.stderr);
    assert!(has_acme(&hookd));
    assert_eq!(hookd.send(&Request::post("/change_hook").body("author=someone")).status, 413);
    let (_, json) = post(&hookd, &reload());
    assert_eq!(json["after_restart"].as_array().map(Vec::len), Some(5), "it is reported each time: {json}");
}

#[test]
fn the_command_authenticates_with_the_password_in_its_url() {
    let admin = "[admin]\nlisten = '127.0.0.1:0'\nchange_hook_auth = 'memory:ops:secret'\n";
    let others = "[server]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n";
    let hookd = Home::with_config(&[others, admin, BASE].concat()).start();
    let address = hookd.admin().address();
    let refused = hookd.home().run(&["reload", "--admin", &format!("http://{address}")]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("asks for a user and a password: `--admin http://USER"), "{}", refused.stderr);
    let done = hookd.home().run(&["reload", "--admin", &format!("http://ops:secret@{address}")]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let wrong = hookd.home().run(&["reload", "--admin", &format!("http://ops:hunter2@{address}")]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("denies these credentials"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("hunter2"), "{}", wrong.stderr);

    // A request from another site is refused even with the password.
    let credentials = format!("Basic {}", STANDARD.encode("ops:secret"));
    let (answer, _) =
        post(&hookd, &reload().header("Authorization", credentials).header("Origin", "http://evil.example"));
    assert_eq!(answer.status, 403);
}
