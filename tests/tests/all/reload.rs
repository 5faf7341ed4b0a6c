//! A changed configuration is applied to new requests; an invalid one is rejected as a whole.

use hookd_tests::{Finished, Home, Hookd, LISTENERS};

use crate::push;

fn reload(hookd: &Hookd, tables: &str) -> Finished {
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{tables}\n"));
    hookd.home().run(&["reload", "--admin", &format!("http://{}", hookd.admin().address())])
}

#[test]
fn a_reload_adds_and_removes_a_dialect() {
    let hookd = Home::serving("[change_hook_dialects]\nbase = true").start();
    let unknown = "400 The dialect specified, 'github', wasn't whitelisted in change_hook";
    assert_eq!(hookd.send(&push::request("1")).line(), unknown);

    let reloaded = reload(&hookd, "[change_hook_dialects]\nbase = true\ngithub = true");
    assert_eq!(reloaded.code, Some(0), "{}", reloaded.stderr);
    assert_eq!(hookd.send(&push::request("2")).line(), "202 1 change found");

    let refused = reload(&hookd, "[change_hook_dialects]\nbase = true\ngithub = false\ngitlab = { scret = 1 }");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("`scret`"), "{}", refused.stderr);
    assert_eq!(hookd.send(&push::request("3")).line(), "202 1 change found");

    let reloaded = reload(&hookd, "[change_hook_dialects]\nbase = true\ngithub = false");
    assert_eq!(reloaded.code, Some(0), "{}", reloaded.stderr);
    assert_eq!(hookd.send(&push::request("4")).line(), unknown);
    assert_eq!(hookd.admin().changes().len(), 2);
}
