//! What hookd writes, only its owner can read.

use std::os::unix::fs::PermissionsExt as _;

use hookd_tests::Home;
use hookd_tests::http::Request;

#[test]
fn the_store_and_all_that_belongs_to_it_is_private_whatever_the_umask() {
    let home =
        Home::serving("[change_hook_dialects]\nbase = true").within(&["sh", "-c", "umask 000 && exec \"$0\" \"$@\""]);
    let hookd = home.start();
    assert_eq!(hookd.send(&Request::get("/change_hook?author=a")).line(), "202 1 change found");
    let copied = hookd.home().run(&["store", "backup", "copy.db"]);
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    let folder = std::fs::read_dir(hookd.home().path()).expect("it is the test's");
    let mut files: Vec<(String, u32)> = folder
        .map(|entry| {
            let entry = entry.expect("it is the test's");
            let mode = entry.metadata().expect("it is there").permissions().mode() & 0o777;
            (entry.file_name().to_string_lossy().into_owned(), mode)
        })
        .filter(|(name, _)| name != "hookd.toml")
        .collect();
    files.sort();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["copy.db", "hookd.db", "hookd.db-shm", "hookd.db-wal", "hookd.db.lock"]);
    for (name, mode) in files {
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
}
