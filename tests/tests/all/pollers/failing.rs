//! Repositories that fail or hang: a clear error, and nobody waits for them.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use hookd_tests::http::Request;
use hookd_tests::until;

use super::{Repository, poller, serving, wait_for_baseline, wait_for_changes};

/// How long stopping may take while a repository hangs.
const SOON: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_repository_that_hangs_or_fails_holds_up_neither_the_others_nor_a_stop() {
    let (tea, gone) = (Repository::new(), Repository::new());
    let (hanging, failing) = (tea.table("hanging"), gone.table("failing"));
    let hanging = hanging.replace("branches = true", "branches = [\"main\"]\ngitbin = \"./hangs\"");
    let home = serving(&format!("{}{hanging}{failing}", tea.table("tea")));
    let (program, pid_file) = (home.path().join("hangs"), home.path().join("hanging.pid"));
    home.write("hangs", format!("#!/bin/sh\necho $$ > {}\nexec tail -f /dev/null\n", pid_file.display()));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    let config = std::fs::read_to_string(home.path().join("hookd.toml")).expect("it is there");
    home.write("hookd.toml", config.replace("./hangs", &program.display().to_string()));
    drop(gone);
    let hookd = home.start();
    wait_for_baseline(&hookd, "tea");
    until("it hangs", || (poller(&hookd, "hanging")["state"] == "polling" && pid_file.exists()).then_some(()));
    let failed = until("it has failed", || {
        let failed = poller(&hookd, "failing");
        (failed["failures"] == 1).then_some(failed)
    });
    assert!(failed["error"].as_str().is_some_and(|error| !error.is_empty()), "{failed}");
    assert_eq!(failed["positions"], 0);
    assert!(hookd.log().iter().any(|line| line.contains("the poll failed") && line.contains("failing")));
    assert!(hookd.admin().metric("hookd_poller_failures{poller=\"failing\"}") >= 1.0);

    let revision = tea.commit("new");
    assert_eq!(hookd.send(&Request::post("/change_hook/poller?poller=tea")).line(), "202 no change found");
    assert_eq!(wait_for_changes(&hookd, 1), [revision]);
    let pid = until("its number is written", || {
        let text = std::fs::read_to_string(&pid_file).ok()?;
        text.trim().parse::<u32>().ok()
    });
    let is_running = || std::path::Path::new(&format!("/proc/{pid}")).exists();
    assert!(is_running());
    let began = Instant::now();
    let (status, _home) = hookd.terminate();
    assert!(status.success() && began.elapsed() < SOON, "{status:?} after {:?}", began.elapsed());
    until("what hung is killed", || (!is_running()).then_some(()));
}
