//! `exec`: real commands.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookd_sinks::{Attempt, Sink, Verdict};
use serde_json::{Value, json};

use crate::sinks::{LATER, build, build_in, change, expect, problems};

fn shell(script: &str, timeout: &str) -> Arc<dyn Sink> {
    build("exec", json!({"command": ["sh", "-c", script.replace('{', "{{").replace('}', "}}")], "timeout": timeout}))
}

async fn run(script: &str) -> Attempt {
    shell(script, "30s").deliver(&change()).await
}

/// Whether a process runs, by the number in a file.
fn runs(file: &Path) -> bool {
    let pid = fs::read_to_string(file).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // A zombie has ended.
    !status.is_empty() && !status.contains(") Z ")
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn exit_codes_are_verdicts() {
    let cases = [
        (0, Verdict::Delivered),
        (65, Verdict::ThisChange),
        (78, Verdict::ThisSink),
        (75, LATER),
        (1, LATER),
        (127, LATER),
    ];
    for (code, verdict) in cases {
        let attempt = run(&format!("echo out; echo err >&2; exit {code}")).await;
        expect(&attempt, verdict, false, &format!("exit code {code}: out err"));
    }
    expect(&run("kill -9 $$").await, LATER, true, "killed by signal 9");
}

#[tokio::test]
async fn the_change_comes_as_json_variables_and_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let script = r#"cat > "$1.json"; printf '%s\n' "$@" > "$1.args"; env > "$1.env""#;
    let script = script.replace('{', "{{");
    let command =
        json!(["sh", "-c", script, "sh", out.to_str().unwrap(), "--branch={branch}", "{comments}", "", "{category}"]);
    let sink = build("exec", json!({"command": command}));
    let mut change = change();
    change.change.comments = "one $(touch evil) `x`\n\"two\" 'three'\0".to_owned();
    expect(&sink.deliver(&change).await, Verdict::Delivered, false, "exit code 0");

    let document: Value = serde_json::from_slice(&fs::read(folder.path().join("out.json")).unwrap()).unwrap();
    assert_eq!(document["hookd_id"], "k3y-17-60a24181e4000");
    assert_eq!(document["comments"], "one $(touch evil) `x`\n\"two\" 'three'\0");
    let arguments = fs::read_to_string(folder.path().join("out.args")).unwrap();
    let expected = format!("{}\n--branch=main\none $(touch evil) `x`\n\"two\" 'three'\n\n\n", out.display());
    assert_eq!(arguments, expected);
    let environment = fs::read_to_string(folder.path().join("out.env")).unwrap();
    for line in [
        "HOOKD_ID=k3y-17-60a24181e4000",
        "HOOKD_BRANCH=main",
        "HOOKD_CATEGORY=",
        "HOOKD_WHEN_TIMESTAMP=1699999999",
        "HOOKD_SINK=under-test",
    ] {
        assert!(environment.lines().any(|known| known == line), "no `{line}` in {environment}");
    }
    assert!(environment.lines().any(|line| line.starts_with("PATH=")));
    assert!(!environment.contains("CARGO"), "only what is named is passed: {environment}");
}

#[tokio::test]
async fn named_variables_are_passed() {
    let options = json!({"command": ["sh", "-c", "echo $CARGO_PKG_NAME"], "pass_environment": ["CARGO_PKG_NAME"]});
    expect(&build("exec", options).deliver(&change()).await, Verdict::Delivered, false, "hookd-sinks");
}

#[tokio::test]
async fn a_command_need_not_read_its_input() {
    let mut large = change();
    large.change.comments = "x".repeat(10 << 20);
    let attempt = shell("exit 0", "30s").deliver(&large).await;
    expect(&attempt, Verdict::Delivered, false, "exit code 0");
    // And may write before it reads.
    let attempt = shell("head -c 1000000 /dev/zero | tr '\\0' x; wc -c", "30s").deliver(&large).await;
    expect(&attempt, Verdict::Delivered, false, "x");
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let child = folder.path().join("child");
    let script = format!("trap '' TERM; sleep 1000 & echo $! > {}; echo started; wait", child.display());
    let attempt = shell(&script, "1s").deliver(&change()).await;
    expect(&attempt, LATER, true, "killed after 1s, its `timeout`: started");
    until("the child of the command has ended", || !runs(&child)).await;
}

#[tokio::test]
async fn a_command_whose_attempt_is_abandoned_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let (parent, child) = (folder.path().join("parent"), folder.path().join("child"));
    let script = format!(
        "echo $$ > {0}.new; sleep 1000 & echo $! > {1}; mv {0}.new {0}; wait",
        parent.display(),
        child.display()
    );
    let sink = shell(&script, "1h");
    let attempt = tokio::spawn(async move { sink.deliver(&change()).await });
    until("the command has started", || parent.exists()).await;
    assert!(runs(&parent) && runs(&child));
    attempt.abort();
    until("command and child have ended", || !runs(&parent) && !runs(&child)).await;
}

#[tokio::test]
async fn what_a_command_leaves_behind_does_not_hold_the_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let child = folder.path().join("child");
    let begun = Instant::now();
    let attempt = run(&format!("sleep 1000 & echo $! > {}; echo done", child.display())).await;
    expect(&attempt, Verdict::Delivered, false, "exit code 0: done");
    assert!(begun.elapsed() < Duration::from_secs(20), "it waited for the pipe");
    // It keeps the pipe open, and is left alone: it may be meant to run on.
    assert!(runs(&child));
    let pid = fs::read_to_string(&child).unwrap();
    let killed = std::process::Command::new("kill").args(["-9", pid.trim()]).status().unwrap();
    assert!(killed.success());
}

#[tokio::test]
async fn a_flood_does_not_block_and_its_end_is_kept() {
    let attempt = run("head -c 30000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 3").await;
    expect(&attempt, LATER, false, "exit code 3: xxx");
    assert!(attempt.answer.ends_with("x the end"), "{}", attempt.answer);
    assert_eq!(attempt.answer.chars().count(), hookd_sinks::MAX_ANSWER_CHARS);

    let attempt = shell("while :; do echo flood; done", "1s").deliver(&change()).await;
    expect(&attempt, LATER, true, "killed after 1s");
}

#[tokio::test]
async fn commands_that_cannot_be_run_are_the_sinks_fault() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain"), "#!/bin/sh\n").unwrap();
    let attempt =
        async |command: &str| build_in(folder.path(), "exec", json!({"command": [command]})).deliver(&change()).await;
    expect(
        &attempt("hookd-no-such-command").await,
        Verdict::ThisSink,
        false,
        "there is no command `hookd-no-such-command`",
    );
    expect(&attempt("./none").await, Verdict::ThisSink, false, "there is no command");
    expect(&attempt("./plain").await, Verdict::ThisSink, false, "may not be executed");
    expect(&attempt("/").await, Verdict::ThisSink, false, "may not be executed");
}

#[test]
fn every_problem_of_the_command_is_reported() {
    let problems = problems("exec", json!({"command": ["{branch}", "{x}", "{branch}", "}"], "timeout": "0s"}));
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(problems[0], "command[0]: the program cannot depend on the change; its arguments can");
    assert!(problems[1].starts_with("command[1]: unknown field `x`, expected one of `author`, "), "{}", problems[1]);
    assert!(problems[2].starts_with("command[3]: "), "{}", problems[2]);
    assert_eq!(problems[3], "timeout: a command needs more time than `0s`");
    assert_eq!(crate::sinks::problems("exec", json!({"command": []})), ["command: at least the program is needed"]);
}

#[test]
fn warns_of_values_that_may_be_taken_for_options() {
    let warnings = |command: Value| build("exec", json!({"command": command})).warnings();
    assert_eq!(warnings(json!(["git", "fetch", "{branch}"])).len(), 1);
    assert_eq!(warnings(json!(["git", "fetch", "--", "{branch}", "x{branch}"])), [""; 0]);
}
