//! One store has one hookd, by whatever path it is reached, and nobody else reads its files.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use hookd_tests::{Home, LISTENERS};

use crate::push;

#[test]
fn a_second_hookd_cannot_open_the_store_by_another_path() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true\n").start();
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    let database = hookd.home().path().join("hookd.db");
    for is_hard in [true, false] {
        let other = Home::with_config(&format!("{LISTENERS}\n[change_hook_dialects]\ngithub = true\n"));
        let path = other.path().join("hookd.db");
        if is_hard { fs::hard_link(&database, &path) } else { symlink(&database, &path) }.expect("links work here");
        fs::write(other.path().join("precious"), "precious").expect("the folder is writable");
        symlink("precious", other.path().join("hookd.db.lock")).expect("links work here");
        let refused = other.run(&["serve", "--config", "hookd.toml"]);
        assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
        assert!(refused.stderr.contains("is in use by another hookd"), "{}", refused.stderr);
        assert_eq!(fs::read(other.path().join("precious")).expect("it is there"), b"precious");
    }
    assert_eq!(hookd.send(&push::request("2")).line(), "202 1 change found");
    assert_eq!(hookd.admin().changes().len(), 2);
}

#[test]
fn its_files_are_for_its_user_alone() {
    let shell = ["sh", "-c", "umask 022; exec \"$0\" \"$@\""];
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true\n").within(&shell).start();
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    let backup = hookd.home().run(&["store", "backup", "backup.db"]);
    assert_eq!(backup.code, Some(0), "{backup:?}");
    for name in ["hookd.db", "hookd.db-wal", "hookd.db-shm", "hookd.db.lock", "backup.db"] {
        let mode = fs::metadata(hookd.home().path().join(name)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
