//! No message of the configuration repeats a value where a secret may stand.

use hookd_tests::http::{self, Request};
use hookd_tests::{Home, until};

/// What must not be shown: a text, and a number without its quotes.
const SECRETS: [&str; 2] = ["hunter2", "271828"];

/// Configurations with a secret at a wrong place, and how many problems each of them has.
const MISPLACED: &[(&str, usize)] = &[
    ("change_hook_auth = ['hunter2']", 1),
    ("change_hook_auth = 'hunter2'", 1),
    ("change_hook_auth = ['hunter2:x', 'memory:hunter2', 'anonymous:hunter2']", 3),
    ("change_hook_auth = 271828", 1),
    ("change_hook_auth = [271828, 271828.5]", 2),
    ("change_hook_auth = { hunter2 = 1 }", 1),
    ("change_hook_auth = { hunter2 = 1, hunter2 = 2 }", 1),
    ("change_hook_auth = hunter2", 1),
    ("change_hook_auth = ['hunter2", 1),
    ("[admin]\nchange_hook_auth = ['hunter2', 271828]", 1),
    ("[admin]\nchange_hook_auth = 271828", 1),
    ("[admin]\nchange_hook_auth = ['hunter2']", 1),
    ("[admin]\ntls = 'hunter2'", 1),
    ("[server]\ntls = 'hunter2'", 1),
    ("[server]\ntls = 271828", 1),
    ("[server]\ntls = ['hunter2']", 1),
    ("[server]\ntls = { hunter2 = 1 }", 1),
    ("[server]\ntls = { key = 271828, certificate = 271828 }", 2),
    ("[server]\ntls = { key = 'x', certificate = \"-----BEGIN PRIVATE KEY-----\\nhunter2\" }", 1),
    ("[change_hook_dialects]\ngithub = 'hunter2'", 1),
    ("[change_hook_dialects]\ngithub = { secret = 271828 }", 1),
    ("[change_hook_dialects]\ngithub = { secret = [271828] }", 1),
    ("[change_hook_dialects]\ngithub = { secret = -271828.5 }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { hunter2 = 1 } }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { hunter2 = 'x' } }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { hunter2 = 2026-01-01 } }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { env = 'hunter2' } }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { env = 'hunter2=' } }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { env = 271828 } }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { file = 271828 } }", 1),
    ("[change_hook_dialects]\ngithub = { secret = { file = \"hunter2\\n\" } }", 1),
    ("[change_hook_dialects.github.secret]\nhunter2 = 1\nhunter2 = 2", 1),
    ("[change_hook_dialects]\ngithub = { token = 271828 }", 1),
    ("[change_hook_dialects]\ngithub = { token = { hunter2 = '' } }", 1),
    ("[change_hook_dialects]\ngithub = { token = { hunter2 = 1 } }", 1),
    ("[change_hook_dialects]\ngithub = { token = { 'a/b' = 271828 } }", 1),
    ("[change_hook_dialects]\ngithub = { token = { 'a/b' = { hunter2 = 1 } } }", 1),
    ("[change_hook_dialects]\ngithub = { token = 'hunter2 ' }", 1),
    ("[change_hook_dialects]\ngithub = { change_hook_auth = ['hunter2'] }", 1),
    ("[change_hook_dialects]\ngithub = { change_hook_auth = 271828 }", 1),
    ("[change_hook_dialects]\ngithub = { change_hook_auth = { hunter2 = 2026-01-01 } }", 1),
    ("[change_hook_dialects]\ngitlab = { secret = 271828, signing_token = 271828 }", 2),
    ("[change_hook_dialects]\ngitlab = { secret = { hunter2 = true }, signing_token = 'hunter2' }", 2),
    ("[store]\nurl = 'mysql://me:hunter2@db/x'", 1),
    ("[store]\nurl = 'hunter2'", 1),
];

fn assert_silent(text: &str, configuration: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "a secret is shown for\n{configuration}\n{text}");
    }
}

#[test]
fn no_message_shows_a_secret_at_a_wrong_place() {
    let hookd = Home::serving("[change_hook_dialects]\nbase = true").start();
    for &(configuration, problems) in MISPLACED {
        hookd.home().write("hookd.toml", configuration);
        for arguments in [&["check"][..], &["check", "--json"], &["serve"]] {
            let run = hookd.home().run(arguments);
            assert_eq!(run.code, Some(2), "{configuration}\n{}", run.stderr);
            assert_silent(&run.stderr, configuration);
            assert_silent(&run.stdout, configuration);
            if arguments.len() == 1 {
                assert_eq!(run.stderr.lines().count(), problems, "{configuration}\n{}", run.stderr);
            }
        }
        let reloaded = http::send(hookd.admin().address(), &Request::post("/api/v2/reload")).expect("hookd answers");
        assert!((400..500).contains(&reloaded.status), "{}", reloaded.line());
        assert_silent(&reloaded.text(), configuration);
    }
    assert_silent(&hookd.admin().get("/").text(), "the page");
    assert_silent(&hookd.log().join("\n"), "the log");
}

#[test]
fn a_signature_header_is_quoted_by_its_scheme_alone() {
    let hookd = Home::serving(
        "[change_hook_dialects]\ngithub = { secret = 'hunter2', strict = true }\nbitbucketcloud = { secret = 'hunter2' }\n\
         bitbucketserver = { secret = 'hunter2' }\ngitlab = { secret = 'hunter2' }",
    )
    .start();
    for dialect in ["github", "bitbucketcloud", "bitbucketserver", "gitlab"] {
        for value in
            ["hunter2", "hunter2=", "hunter2=ab", "sha256=hunter2", "sha1=hunter2=x", "=hunter2", "sha256 hunter2"]
        {
            let mut request = Request::post(format!("/change_hook/{dialect}")).json("{}");
            for name in
                ["X-Hub-Signature", "X-Hub-Signature-256", "X-Gitlab-Signature", "X-Event-Key", "X-GitHub-Event"]
            {
                let value = if name.ends_with("Event") || name.ends_with("Key") { "push" } else { value };
                request = request.header(name, value);
            }
            let answer = hookd.send(&request);
            assert_eq!(answer.status, 400, "{dialect}: {value}: {}", answer.line());
            assert_silent(&answer.text(), value);
        }
    }
    let unverified = hookd.admin().get("/api/v2/unverified");
    assert!(unverified.text().contains("Wrong signature format"), "{}", unverified.text());
    assert_silent(&unverified.text(), "the list of unverified requests");
    assert_silent(&hookd.admin().get("/").text(), "the page");
    until("the log has the refusals", || hookd.log().iter().any(|line| line.contains("signature")).then_some(()));
    assert_silent(&hookd.log().join("\n"), "the log");
}

#[test]
fn an_unknown_log_level_is_refused() {
    let home = Home::serving("[change_hook_dialects]\nbase = true");
    for level in ["warning", "info,hookd=verbose"] {
        let served = home.run(&["serve", "--log-level", level]);
        assert_eq!(served.code, Some(2), "{}", served.stderr);
        assert!(served.stderr.contains("expected one of `off`, `error`, `warn`, `info`"), "{}", served.stderr);
    }
    let served = home.with_variable("RUST_LOG", "warning").run(&["serve"]);
    assert_eq!(served.code, Some(2), "{}", served.stderr);
}

#[test]
fn what_a_secret_has_that_is_hardly_meant_is_a_warning() {
    let home = Home::serving(
        "[change_hook_dialects]\ngithub = { secret = [{ env = 'CASE_SECRET' }, { file = 'a' }, { file = 'b' }, { file = 'c' }], strict = true }",
    )
    .with_variable("CASE_SECRET", "hunter2\n\n");
    home.write("a", "\u{feff}hunter2\n");
    home.write("b", " hunter2\n");
    home.write("c", "hunter2\n");
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let lines: Vec<&str> = checked.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, message) in lines.iter().zip([
        "the secret in the environment variable `CASE_SECRET` still ends with a newline",
        "/a` begins with a byte order mark",
        "/b` begins or ends with blanks",
    ]) {
        assert!(line.contains(message) && line.starts_with("warning: "), "{line}");
    }
    assert_silent(&checked.stderr, "oddities");
}
