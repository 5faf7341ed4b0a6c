//! The sink `exec`, with commands that do not behave.

use std::fs;

use hookd_tests::{Home, Hookd, until};

use super::{change, dead_letters, logged_once, position, send, tables, wait_for_position};

/// hookd with a sink that runs this shell script with the revision as `$1`.
fn start(script: &str, more: &str) -> Hookd {
    let sink = format!("type = \"exec\"\ncommand = [\"sh\", \"./command\", \"{{revision}}\"]\n{more}");
    let home = Home::serving(&tables(&sink));
    home.write("command", script);
    // A program with a slash is found from the folder of the configuration; an argument is not.
    home.start()
}

fn lines(hookd: &Hookd, name: &str) -> Vec<String> {
    let text = fs::read_to_string(hookd.home().path().join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_command_runs_for_each_change_in_order() {
    let hookd = start("cat >> seen.json; echo \"$1 $HOOKD_BRANCH\" >> seen", "");
    send(hookd.public(), 20);
    wait_for_position(&hookd, 20);
    let expected: Vec<String> = (1..=20).map(|number| format!("{number} main")).collect();
    assert_eq!(lines(&hookd, "seen"), expected);
    assert_eq!(lines(&hookd, "seen.json").len(), 20);
}

#[test]
fn exit_codes_say_what_happens_to_the_change_and_to_the_sink() {
    let script =
        "echo \"$1\" >> seen; case $1 in 2) echo no such repository; exit 65;; 3) test -e mended || exit 78;; esac";
    let hookd = start(script, "");
    send(hookd.public(), 4);
    logged_once(&hookd, "misconfigured, nothing more is sent: exit code 78");
    wait_for_position(&hookd, 2);
    hookd.home().write("mended", "");
    wait_for_position(&hookd, 4);
    assert_eq!(dead_letters(hookd.home()), [(2, "exit code 65: no such repository".to_owned())]);
    assert_eq!(lines(&hookd, "seen").first().map(String::as_str), Some("1"));
    assert_eq!(lines(&hookd, "seen").last().map(String::as_str), Some("4"));
}

#[test]
fn a_command_that_hangs_is_killed_with_all_that_it_started() {
    // The first run starts another process, tells its number, and waits for ever.
    let script = "test -e child && exit 0; sleep 1000 & echo $! > child.new; mv child.new child; wait";
    let hookd = start(script, "timeout = \"500ms\"");
    assert_eq!(hookd.send(&change("main", "1")).status, 202);
    wait_for_position(&hookd, 1);
    logged_once(&hookd, "killed after 500ms, its `timeout`");
    let child = fs::read_to_string(hookd.home().path().join("child")).expect("it has started one");
    until("what it started is gone", || is_gone(child.trim()).then_some(()));
}

/// Whether a process has ended; one that nobody has waited for is a zombie.
fn is_gone(pid: &str) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')),
        Err(_) => true,
    }
}

#[test]
fn a_command_that_leaves_something_behind_holds_up_nothing() {
    // What it leaves keeps its output open.
    let hookd = start("sleep 1000 & echo $! >> children", "");
    send(hookd.public(), 3);
    wait_for_position(&hookd, 3);
    for child in lines(&hookd, "children") {
        let killed = std::process::Command::new("kill").arg("-9").arg(&child).status().expect("kill runs");
        assert!(killed.success(), "{child} has outlived the command");
    }
}

#[test]
fn a_flood_of_output_takes_no_memory() {
    let hookd = start("head -c 200000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 65", "");
    let (before, _) = hookd.memory();
    assert_eq!(hookd.send(&change("main", "1")).status, 202);
    wait_for_position(&hookd, 1);
    let (_, peak) = hookd.memory();
    println!("resident before {before} MiB, peak {peak} MiB, with 200 MB of output");
    assert!(peak < before + 16, "{before} MiB before, {peak} MiB at most");
    let [(_, answer)] = dead_letters(hookd.home()).try_into().expect("one dead letter");
    assert!(answer.starts_with("exit code 65: ") && answer.ends_with("the end"), "{answer}");
}

#[test]
fn a_command_that_does_not_exist_is_a_sink_that_is_misconfigured() {
    let hookd = Home::serving(&tables("type = \"exec\"\ncommand = [\"./missing\", \"{revision}\"]")).start();
    send(hookd.public(), 5);
    logged_once(&hookd, "misconfigured, nothing more is sent: there is no command");
    assert_eq!(position(hookd.home()), 0);
    let path = hookd.home().path().join("missing.new");
    fs::write(&path, "#!/bin/sh\necho \"$1\" >> \"$(dirname \"$0\")/seen\"\n").expect("the folder is writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&path, mode).expect("it is there");
    fs::rename(&path, hookd.home().path().join("missing")).expect("it is there");
    wait_for_position(&hookd, 5);
    assert_eq!(lines(&hookd, "seen"), ["1", "2", "3", "4", "5"]);
    assert!(dead_letters(hookd.home()).is_empty());
}
