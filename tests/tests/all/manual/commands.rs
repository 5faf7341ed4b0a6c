//! Commands in the manual do what it says: each is run, against a hookd that has received something.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use hookd_tests::{Home, Hookd, binary, sha256_signature};

use super::blocks::{self, Tested};
use super::shell::Shell;
use crate::push;

/// The configuration that the commands of all pages need.
const TABLES: &str = r#"
[change_hook_dialects]
base = true
github = { secret = "change-me", strict = true }
gitlab = { secret = "change-me" }
bitbucketcloud = { secret = "change-me" }
bitbucketserver = { secret = "change-me" }
bitbucket = true
gitorious = true
poller = { allowed = ["https://svn.example.org/repo"] }

[[pollers]]
type = "svn"
repourl = "https://svn.example.org/repo"
poll_interval = "24h"

[[sinks]]
name = "master"
type = "webhook"
url = "http://127.0.0.1:9/"
"#;

/// Commands that do not succeed here, how they end, and why.
const EXPECTED: [(&str, i32, &str); 4] = [
    ("hookd sinks skip master --change 17", 1, "the sink waits for another change"),
    ("hookd sinks forget old-master", 1, "there was none"),
    ("hookd pollers forget https://svn.example.org/old", 1, "there was none"),
    ("hookd store vacuum", 1, "hookd runs"),
];

/// A hookd that has received 17 deliveries, with a change each.
fn start() -> Hookd {
    let hookd = Home::serving(TABLES).start();
    for number in 1..=16 {
        let payload = push::payload(&format!("{number:040}"));
        let signature = sha256_signature(b"change-me", payload.to_string().as_bytes());
        let request = push::webhook("push", &payload).header("X-Hub-Signature-256", signature);
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    }
    let example =
        std::fs::read(hookd_tests::peers::root().join("docs/examples/github-push.json")).expect("the example");
    let request = hookd_tests::http::Request::post("/change_hook/github")
        .header("X-GitHub-Event", "push")
        .header("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .header("X-Hub-Signature-256", sha256_signature(b"change-me", &example))
        .json(example);
    assert_eq!(hookd.send(&request).line(), "202 1 change found");
    hookd
}

/// The commands of a session at a terminal.
fn typed(text: &str) -> String {
    text.lines().filter_map(|line| line.strip_prefix("$ ")).map(|line| format!("{line}\n")).collect()
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn every_command_of_the_manual_works() {
    let mut pages: BTreeMap<String, Vec<blocks::Block>> = BTreeMap::new();
    for block in blocks::all() {
        if matches!(block.tested(), Some(Tested::Commands | Tested::Printed)) {
            pages.entry(block.page.clone()).or_default().push(block);
        }
    }
    let (mut problems, mut exceptions) = (Vec::new(), BTreeSet::new());
    for blocks in pages.values() {
        let hookd = start();
        let shell = Shell::beside(&hookd);
        let mut printed = String::new();
        for block in blocks {
            if block.tested() == Some(Tested::Printed) {
                problems.extend(not_printed(&block.text, &printed).map(|line| {
                    format!("{}: the commands before it do not print {line:?}, but {printed:?}", block.place())
                }));
                continue;
            }
            let text = if block.language == "console" { typed(&block.text) } else { block.text.clone() };
            let done = shell.run(&text);
            if done.commands.is_empty() && !is_of_the_system(&text) {
                problems.push(format!("{}: no command was run: {}", block.place(), done.stderr));
            }
            for (code, command) in &done.commands {
                let exception = EXPECTED.iter().find(|(begin, ..)| command.starts_with(begin));
                if exception.is_some_and(|(_, expected, _)| expected == code) {
                    exceptions.extend(exception);
                } else if *code != 0 {
                    problems.push(format!("{}: `{command}` ends with {code}: {}", block.place(), done.stderr));
                }
            }
            printed = done.stdout;
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert_eq!(exceptions, EXPECTED.iter().collect(), "the exceptions that there are, and those that are expected");
}

/// Whether a block has only commands that are not ours.
fn is_of_the_system(text: &str) -> bool {
    text.lines().all(|line| ["git config ", "rm ", "cp "].iter().any(|begin| line.starts_with(begin)))
}

/// A line that commands should have printed, and have not. Headers, whose values differ, and the result of `hookd check`, which
/// names the folder, are not compared.
fn not_printed(expected: &str, printed: &str) -> Option<String> {
    let is_compared = |line: &&str| !line.is_empty() && !line.contains(": ") && !line.contains("   ");
    let mut lines = expected.lines().filter(is_compared);
    lines.find(|line| !line.contains(" /") && !printed.lines().any(|one| one.trim() == *line)).map(str::to_owned)
}

#[test]
fn commands_in_sentences_exist_with_their_options() {
    let commands: Vec<_> = blocks::spans().into_iter().filter(|(_, span)| span.starts_with("hookd ")).collect();
    assert!(commands.len() > 40, "{}", commands.len());
    let mut problems = Vec::new();
    for (page, command) in commands {
        // `hookd help COMMAND` is clap's own, and has no help.
        let words: Vec<&str> = command
            .split_whitespace()
            .skip(1)
            .filter(|word| *word != "help")
            .filter(|word| !word.contains('…'))
            .collect();
        let is_name =
            |word: &&&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-');
        let names: Vec<&str> = words.iter().take_while(is_name).copied().collect();
        // `hookd --version` names no subcommand. Of the names, the last may be a value: `hookd dialects github`.
        let help = (0..=names.len()).rev().find_map(|number| help(&names[..number]));
        let Some((_, help)) = help.filter(|(number, _)| *number > 0 || names.is_empty()) else {
            problems.push(format!("{page}: hookd has no command `{command}`"));
            continue;
        };
        let options = words.iter().filter(|word| word.starts_with("--"));
        for option in options.map(|option| option.split('=').next().unwrap_or_default()) {
            if !help.contains(option) {
                problems.push(format!("{page}: `{command}` has no option `{option}`"));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The help of a subcommand, with the number of its words; `None` if there is none.
fn help(names: &[&str]) -> Option<(usize, String)> {
    let output = Command::new(binary()).args(names).arg("--help").output().expect("hookd runs");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    // The help of a command whose argument the last word is says nothing of that word.
    let usage = format!("hookd {}", names.join(" "));
    (output.status.success() && help.contains(usage.trim_end())).then_some((names.len(), help))
}
