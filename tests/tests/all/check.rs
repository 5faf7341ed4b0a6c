//! `hookd check` refuses what `hookd serve` would refuse here, with the same exit code, and warns of what can never work.

use std::fs;
use std::net::TcpListener;

use hookd_tests::{Home, LISTENERS};
use serde_json::Value;

use crate::push;

/// Checks that `check` and `serve` both fail with this code, that `check` names the place in the configuration, and that
/// both name the cause. `check` makes no file.
fn both_refuse(home: &Home, code: i32, place: &str, cause: &str) {
    let files = || {
        let entries = fs::read_dir(home.path()).expect("the folder is there").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    let checked = home.run(&["check"]);
    assert_eq!(files(), before, "check changes nothing");
    assert_eq!(checked.code, Some(code), "{}", checked.stderr);
    let line = checked.stderr.lines().find(|line| line.starts_with(place));
    assert!(line.is_some_and(|line| line.contains(cause)), "{place}, {cause}: {}", checked.stderr);
    assert!(!checked.stdout.contains(": ok"), "{}", checked.stdout);
    let served = home.run(&["serve", "--log-format", "human"]);
    assert_eq!(served.code, Some(code), "{}", served.stderr);
    assert!(served.stderr.contains(cause), "{cause}: {}", served.stderr);
}

#[test]
fn a_store_that_cannot_be_opened_is_refused() {
    let at = |url: &str| Home::with_config(&LISTENERS.replace("sqlite:hookd.db", url));
    both_refuse(
        &at("sqlite:none/hookd.db"),
        1,
        "hookd.toml:9:7: section `store`: `url`: ",
        "none/hookd.db`: its folder does not exist: create it",
    );
    let home = at("sqlite:folder");
    fs::create_dir(home.path().join("folder")).expect("the folder is writable");
    both_refuse(&home, 1, "hookd.toml:9:7: ", "folder`: it is a folder: name a file");
    let home = at("sqlite:text.db");
    home.write("text.db", "a text that is long enough to be taken for a database ".repeat(100));
    both_refuse(&home, 1, "hookd.toml:9:7: ", "text.db` is damaged, or no database");
    let home = at("sqlite:foreign.db");
    let foreign = rusqlite::Connection::open(home.path().join("foreign.db")).expect("a database can be made");
    foreign.execute_batch("CREATE TABLE t (x)").expect("it is writable");
    drop(foreign);
    both_refuse(&home, 1, "hookd.toml:9:7: ", "foreign.db` is an SQLite database, but not one of hookd");
}

#[test]
fn an_address_that_cannot_be_listened_on_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    for (listeners, place) in [
        (LISTENERS.replacen("127.0.0.1:0", &address, 1), "hookd.toml:3:10: section `server`: `listen`: "),
        (
            LISTENERS.replace("[admin]\nlisten = \"127.0.0.1:0\"", &format!("[admin]\nlisten = \"{address}\"")),
            "hookd.toml:6:10: section `admin`: `listen`: ",
        ),
    ] {
        let home = Home::with_config(&listeners);
        both_refuse(&home, 1, place, &format!("cannot listen on {address}: another process listens there"));
        let wal = fs::metadata(home.path().join("hookd.db-wal")).map_or(0, |wal| wal.len());
        assert_eq!(wal, 0, "a store that was opened for nothing is closed again");
    }
    // A network for documentation.
    let home = Home::with_config(&LISTENERS.replacen("127.0.0.1:0", "192.0.2.1:8010", 1));
    both_refuse(&home, 1, "hookd.toml:3:10: ", "cannot listen on 192.0.2.1:8010: this machine has no such address");
}

/// A configuration is checked before it is reloaded.
#[test]
fn what_the_running_hookd_holds_is_no_problem() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = { secret = 'of the test', strict = true }").start();
    let listeners = LISTENERS.replacen("127.0.0.1:0", &hookd.public().to_string(), 1).replacen(
        "127.0.0.1:0",
        &hookd.admin().address().to_string(),
        1,
    );
    hookd.home().write("hookd.toml", format!("{listeners}\n[change_hook_dialects]\nbitbucket = false\n"));
    let checked = hookd.home().run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    for part in ["hookd.toml: ok", ", in use by a running hookd"] {
        assert!(checked.stdout.contains(part), "{}", checked.stdout);
    }
    assert_eq!(hookd.send(&push::request("1")).status, 400, "hookd is not disturbed: it wants a signature");
    // Without it, they are free again.
    let (_, home) = hookd.terminate();
    let checked = home.run(&["check", "--json"]);
    let json: Value = serde_json::from_str(&checked.stdout).expect("it is JSON");
    assert_eq!((checked.code, &json["ok"]), (Some(0), &Value::Bool(true)), "{json}");
}

/// Each line of a configuration, and a part of the warning about it.
const NEVER_WORKS: [(&str, &str); 17] = [
    ("github = { github_property_whitelist = ['head.*'] }", "`head.*` can never match: names begin with `github.`"),
    (
        "bitbucketcloud = { bitbucket_property_whitelist = ['id'] }",
        "`id` can never match: names begin with `bitbucket.`, as in `bitbucket.id`",
    ),
    ("bitbucketserver = { bitbucket_property_whitelist = ['github.*'] }", "`github.*` can never match"),
    (
        "github = { pullrequest_ref = 'heads' }",
        "`pullrequest_ref`: a pull request of GitHub has the refs `merge` and `head`",
    ),
    ("github = { skips = ['.*'] }", "`skips`: `.*` is found in every message, so that nothing is ever built"),
    ("gitlab = { skips = '' }", "`skips`: `` is found in every message"),
    ("base = { skips = ['^'], allow_from = ['192.0.2.1'] }", "`skips`: `^` is found in every message"),
    ("github = { github_api_endpoint = 'https://github.com' }", "is GitHub's site, not its API"),
    (
        "base = { allow_from = ['0.0.0.0/0'] }",
        "is open to anyone who can reach it, since `allow_from` contains every address",
    ),
    ("base = { allow_from = ['0.0.0.0/1', '128.0.0.0/1'] }", "is open to anyone who can reach it, since `allow_from`"),
    ("base = { allow_from = [] }", "`allow_from` is empty, so that every request is refused"),
    ("base = { change_hook_auth = ['file:nobody'] }", "name no user, so that every request is refused"),
    ("gitlab = { secret = 'change-me' }", "a secret is that of an example, which anybody knows"),
    ("[server]\ntrusted_proxies = ['0.0.0.0/0']", "`trusted_proxies` contains every address, so that anyone can claim"),
    ("[store]\nkeep_payloads = '2d'\nkeep_changes = '1d'", "`keep_payloads` is longer than `keep_changes`"),
    ("[[sinks]]\nname = 'a'\ntype = 'file'\npath = 'none/x'", "sink `a`: `path`: the folder of `"),
    (
        "[[sinks]]\nname = 'a'\ntype = 'file'\npath = 'x'\nfilter = { dialect = 'githb' }",
        "`filter.dialect`: no such dialect is served, only `poller`, so that no change passes",
    ),
];

#[test]
fn what_can_never_work_is_a_warning() {
    for (line, part) in NEVER_WORKS {
        let ports = "server.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'\n";
        let config = match line.split_once("[server]\n") {
            Some((_, options)) => format!(
                "[server]\nlisten = '127.0.0.1:0'\n{options}\n[admin]\nlisten = '127.0.0.1:0'\n[change_hook_dialects]\n\
                 poller = {{ allow_from = ['192.0.2.1'] }}\n"
            ),
            None if line.starts_with('[') => {
                format!("{ports}change_hook_dialects.poller = {{ allow_from = ['192.0.2.1'] }}\n{line}\n")
            }
            None => format!("{ports}[change_hook_dialects]\n{line}\n"),
        };
        let home = Home::with_config(&config);
        home.write("nobody", "# no user yet\n");
        let checked = home.run(&["check"]);
        assert_eq!(checked.code, Some(0), "{line}: {}", checked.stderr);
        let warnings: Vec<&str> = checked.stderr.lines().filter(|warning| warning.contains(part)).collect();
        let [warning] = warnings.as_slice() else { panic!("{line}: {part}: {}", checked.stderr) };
        assert!(warning.starts_with("warning: hookd.toml:"), "{warning}");
        assert!(!checked.stderr.contains("change-me"), "{}", checked.stderr);
    }
}

#[test]
fn the_shipped_example_is_valid_and_its_secret_a_warning() {
    let example = include_str!("../../../hookd.toml").replace("127.0.0.1:8010", "127.0.0.1:0");
    let checked = Home::with_config(&example.replace("127.0.0.1:8011", "127.0.0.1:0")).run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stderr.contains("dialect `github`: a secret is that of an example"), "{}", checked.stderr);
}
