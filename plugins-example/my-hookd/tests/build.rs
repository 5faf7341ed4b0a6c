//! What this build has: a plugin that is forgotten in `main.rs` would be missing here.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

fn my_hookd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_my-hookd")).args(arguments).output().expect("it runs")
}

fn printed(arguments: &[&str]) -> String {
    let output = my_hookd(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_version_names_the_build_and_all_that_is_in_it() {
    let version = printed(&["-V"]);
    let hookd = version.strip_prefix("my-hookd 0.3.0, hookd ").expect("it names both");
    assert!(hookd.starts_with(|first: char| first.is_ascii_digit()) && version.lines().count() == 1, "{version}");
    let listing = printed(&["--version"]);
    assert_eq!(
        listing.strip_prefix(&version).expect("it begins with the same line").lines().collect::<Vec<_>>(),
        [
            "dialects: base, bitbucket, bitbucketcloud, bitbucketserver, custom_base, gitea, github, gitlab, gitorious, json, poller, quiet_github",
            "sinks: buildbot, exec, file, nats, spool, webhook",
            "pollers: archives, git, hg, svn",
            "codebase functions: by_owner",
            "event classes of github: blah",
            "plugins: archives 0.3.0, custom-base 0.3.0, gitea 0.3.0, github-extras 0.3.0, spool 0.3.0",
        ]
    );
}

#[test]
fn the_options_of_plugins_are_documented_like_all_others() {
    assert!(printed(&["dialects", "quiet_github"]).contains("\n  bots (list of "));
    let schema: Value = serde_json::from_str(&printed(&["schema"])).expect("JSON");
    let schema = schema.to_string();
    for option in
        ["Regular expressions: a change whose author", "The folder that is polled", "The folder, which must be there"]
    {
        assert!(schema.contains(option), "{option}");
    }
    assert!(printed(&["help"]).contains("Usage: my-hookd "));
}

#[test]
fn what_is_missing_in_a_build_is_an_error_that_says_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("hookd.toml");
    let check = |text: &str| {
        fs::write(&config, text).expect("it is writable");
        let output = my_hookd(&["check", "--config", config.to_str().expect("UTF-8")]);
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    let (code, errors) = check("[change_hook_dialects]\nbase = { custom_class = \"custom_bas\" }\n");
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains(":2:25: dialect `base`: "), "{errors}");
    assert!(errors.contains("this build has no dialect `custom_bas`, only `base`, "), "{errors}");
    assert!(
        errors.contains(
            "; did you mean `custom_base`?
"
        ),
        "{errors}"
    );
    let (code, errors) = check("[change_hook_dialects]\nquiet_github = { github = { secret = 5, strictly = true } }\n");
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("dialect `quiet_github`: `github"), "{errors}");
}
