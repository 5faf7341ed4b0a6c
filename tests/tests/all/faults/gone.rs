//! The file is moved or replaced under a running hookd, so that whatever it wrote would be lost.

use std::fs;

use hookd_tests::Home;

use super::{Sender, TABLES, logged_once};

#[test]
fn a_file_that_was_moved_is_503_until_it_is_back() {
    for name in ["hookd.db", "hookd.db-wal"] {
        let hookd = Home::serving(TABLES).start();
        let mut sender = Sender::new();
        assert_eq!(sender.send(&hookd, 0).status, 202);
        let (here, there) = (hookd.home().path().join(name), hookd.home().path().join("elsewhere"));
        fs::rename(&here, &there).expect("the store is there");
        sender.send_in_vain(&hookd, "is not the file that hookd has opened");
        // Another file in its place is not the same.
        fs::copy(&there, &here).expect("the folder is writable");
        sender.send_in_vain(&hookd, "is not the file that hookd has opened");
        fs::rename(&there, &here).expect("it is there");
        sender.send_again(&hookd);
        logged_once(&hookd, "the file was moved, removed or replaced");
        sender.check_after_crash(hookd);
    }
}
