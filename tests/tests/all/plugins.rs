//! A hookd with plugins, `my-hookd` of `plugins-example`: each kind at work.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, peers, sha256_signature, until};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[change_hook_dialects]
base = { custom_class = "custom_base" }
github = { class = "blah", codebase = { function = "by_owner" } }
quiet = { custom_class = "quiet_github", category = "kitchen", github = { secret = "s3cret", strict = true } }
gitea = { secret = "s3cret" }

[[sinks]]
name = "spool"
type = "spool"
folder = "spooled"

[[pollers]]
type = "archives"
folder = "releases"
poll_interval = "1s"
"#;

fn my_hookd() -> PathBuf {
    let path = peers::target().join("plugins/my-hookd");
    assert!(path.exists(), "{} is not there; `cargo xtask plugins` builds it", path.display());
    path
}

fn start() -> Hookd {
    let home = Home::serving(CONFIG).with_binary(my_hookd());
    for folder in ["spooled", "releases"] {
        fs::create_dir(home.path().join(folder)).expect("the folder is writable");
    }
    home.start()
}

fn push(author: &str) -> String {
    json!({
        "ref": "refs/heads/main", "after": "a10867b14bb761a232cd80139fbd4c0d33264240", "head_commit": null,
        "repository": {"full_name": "octo/tea", "html_url": "https://github.com/octo/tea", "owner": {"login": "octo"}},
        "commits": [{"id": "a10867b14bb761a232cd80139fbd4c0d33264240", "message": "Boil", "author": {"name": author}}],
    })
    .to_string()
}

fn github(dialect: &str, event: &str, body: &str) -> Request {
    let signature = sha256_signature("s3cret", body);
    let request = Request::post(format!("/change_hook/{dialect}")).header("X-GitHub-Event", event);
    request.header("X-Hub-Signature-256", signature).json(body)
}

/// These fields of the changes, in their order.
fn changes(hookd: &Hookd, fields: [&str; 3]) -> Vec<[Value; 3]> {
    let changes = hookd.admin().list("/api/v2/changes?order=changeid", "changes");
    changes.iter().map(|change| fields.map(|field| change[field].clone())).collect()
}

#[test]
#[ignore = "needs my-hookd, which cargo xtask test builds"]
fn every_kind_of_plugin_is_at_work() {
    let hookd = start();
    let form = Request::post("/change_hook/base").header("Content-Type", "application/x-www-form-urlencoded");
    let lines = [
        hookd.send(&form.body("revision=1f3a&repository=r&author=ada")).line(),
        hookd.send(&github("github", "push", &push("Ada"))).line(),
        hookd.send(&github("github", "blah", r#"{"repository": {"html_url": "https://github.com/octo/tea"}}"#)).line(),
        hookd.send(&github("quiet", "push", &push("Ada"))).line(),
        hookd.send(&github("quiet", "push", &push("renovate[bot]"))).line(),
        hookd.send(&github("quiet", "push", &push("Ada")).header("X-Hub-Signature-256", "sha256=00")).line(),
    ];
    let one = "202 1 change found";
    assert_eq!(lines, [one, one, one, one, "202 no change found", "400 Hash mismatch"]);
    let expected = [
        ["", "", "1f3a"].map(|text| json!(text)),
        ["Ada", "octo", "a10867b14bb761a232cd80139fbd4c0d33264240"].map(|text| json!(text)),
        [json!(""), json!(""), Value::Null],
        ["Ada", "", "a10867b14bb761a232cd80139fbd4c0d33264240"].map(|text| json!(text)),
    ];
    assert_eq!(changes(&hookd, ["author", "codebase", "revision"])[..3], expected[..3]);
    assert_eq!(changes(&hookd, ["author", "codebase", "revision"])[3], expected[3]);

    // The poller has its baseline before there is anything new.
    let polled = || hookd.admin().list("/api/v2/pollers", "pollers")[0]["succeeded_at"].as_f64();
    until("the poller has polled once", polled);
    fs::write(hookd.home().path().join("releases/tea-1.0.zip"), "").expect("the folder is writable");
    let spooled = || {
        let entries = fs::read_dir(hookd.home().path().join("spooled")).expect("the folder is there");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        paths.sort();
        (paths.len() == 5).then_some(paths)
    };
    let last = until("the sink has all changes", spooled).pop().expect("there are five");
    let last: Value = serde_json::from_slice(&fs::read(last).expect("it can be read")).expect("it is JSON");
    assert_eq!(last["change"]["revision"], "tea-1.0.zip");
}

#[test]
#[ignore = "needs my-hookd, which cargo xtask test builds"]
fn gitea_and_forgejo_are_verified_by_each_of_their_signatures() {
    let hookd = start();
    let body = fs::read_to_string(peers::root().join("plugins-example/gitea/tests/gitea/fixtures/push.json"));
    let body = body.expect("the fixture is there");
    let signature = sha256_signature("s3cret", &body);
    let bare = signature.trim_start_matches("sha256=");
    let send = |delivery: &str, headers: &[(&str, &str)]| {
        let request = Request::post("/change_hook/gitea").header("X-Gitea-Event", "push").json(body.as_str());
        let request = request.header("X-Gitea-Delivery", delivery);
        hookd.send(&headers.iter().fold(request, |request, (name, value)| request.header(name, value))).line()
    };
    let gitea = [("X-Gitea-Signature", bare), ("X-Hub-Signature", "sha1=0"), ("X-Hub-Signature-256", &*signature)];
    let forgejo = [("X-Forgejo-Signature", bare), ("X-Gitea-Signature", bare)];
    assert_eq!(send("1", &gitea), "202 2 change found");
    assert_eq!(send("2", &forgejo), "202 2 change found");
    assert_eq!(send("2", &forgejo), "202 2 change found");
    assert_eq!(send("3", &[("X-Gitea-Signature", "")]), "400 the signature in header `X-Gitea-Signature` is not valid");
    assert_eq!(
        send("4", &[]),
        "400 the signature in header `X-Gitea-Signature` or `X-Forgejo-Signature` or `X-Hub-Signature-256` is missing"
    );
    let repository = "git@git.example.org:kitchen/tea.git";
    let expected = |revision: &str| [json!(repository), json!("kitchen/tea"), json!(revision)];
    let push =
        [expected("1a0b3c5d7e9f1a0b3c5d7e9f1a0b3c5d7e9f1a0b"), expected("bffeb74224043ba2feb48d137756c8a9331c449a")];
    assert_eq!(changes(&hookd, ["repository", "project", "revision"]), [push.clone(), push].concat());
}

#[test]
#[ignore = "needs my-hookd, which cargo xtask test builds"]
fn a_plugin_that_a_build_lacks_is_named_where_it_is_configured() {
    let home = Home::serving(CONFIG);
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(2), "{}", checked.stderr);
    // Only where the options can be read.
    home.write("class.toml", "[change_hook_dialects]\ngithub = { class = \"blah\" }\n");
    let class = home.run(&["check", "--config", "class.toml"]).stderr;
    assert!(class.contains("this build has no event class `blah`"), "{class}");
    for lacking in
        ["dialect `custom_base`", "codebase function `by_owner`", "sink type `spool`", "poller type `archives`"]
    {
        let named = format!("this build has no {lacking}");
        assert!(checked.stderr.contains(&named), "{named} is not in\n{}", checked.stderr);
    }
    let output = Command::new(my_hookd()).arg("-V").output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("my-hookd "), "{output:?}");
}
