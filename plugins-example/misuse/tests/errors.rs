//! What a build says that registers what it must not.

use std::fs;
use std::process::Command;

#[test]
fn two_dialects_of_one_name_and_a_bad_name_are_refused_whatever_is_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("hookd.toml"), "[change_hook_dialects]\nbase = true\n").expect("it is writable");
    for command in ["check", "serve"] {
        let mut misuse = Command::new(env!("CARGO_BIN_EXE_misuse"));
        let output = misuse.arg(command).current_dir(folder.path()).output().expect("it runs");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("this build has more than one dialect `gitea`"), "{command}: {said}");
        assert!(said.contains("dialect `Tea time` of this build is misnamed: "), "{command}: {said}");
    }
}
