//! `hookd check` of `[[pollers]]`: every problem at its place, and no secret in it.

use hookd_tests::Home;

#[test]
fn every_problem_of_a_poller_is_reported_at_its_place_without_secrets() {
    let config = "[change_hook_dialects]\npoller = { allowed = ['other'] }\n\
        [[pollers]]\ntype = 'git'\nrepourl = 'https://me:hunter2@example.org/a'\n\
        [[pollers]]\ntype = 'git'\nrepourl = 'https://you:hunter2@example.org/a'\n\
        [[pollers]]\ntype = 'gti'\nrepourl = 'https://example.org/b'\n\
        [[pollers]]\ntype = 'svn'\nrepourl = 'https://example.org/c'\npoll_intervall = '1h'\nsvnpasswd = 271828\n\
        [[pollers]]\ntype = 'svn'\n";
    let checked = Home::with_config(config).run(&["check"]);
    assert_eq!(checked.code, Some(2), "{checked:?}");
    let lines: Vec<&str> = checked.stderr.lines().collect();
    for part in [
        "hookd.toml:6:1: poller `https://example.org/a`: there is another poller of this name, at hookd.toml:3:1: give one \
         of them another `name`",
        "hookd.toml:10:8: poller: `type`: this build has no poller type `gti`, only `git`, ",
        "hookd.toml:15:1: poller `https://example.org/c`: unknown option `poll_intervall`, expected one of ",
        "hookd.toml:16:13: poller `https://example.org/c`: `svnpasswd`: ",
        "hookd.toml:17:1: poller: option `repourl` is missing",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(part)), "{part}: {}", checked.stderr);
    }
    assert_eq!(lines.len(), 5, "{}", checked.stderr);
    assert!(!checked.stderr.contains("hunter2") && !checked.stderr.contains("271828"), "{}", checked.stderr);
}

#[test]
fn a_valid_poller_is_in_the_summary_and_what_cannot_work_is_a_warning() {
    let config = "[server]\nlisten = '127.0.0.1:0'\n[admin]\nlisten = '127.0.0.1:0'\n\
        [change_hook_dialects]\npoller = { allowed = ['other'] }\n\
        [[pollers]]\ntype = 'git'\nrepourl = 'https://example.org/a'\npoll_interval = '1h'\n";
    let checked = Home::with_config(config).run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("\npoller   https://example.org/a, `git` every 1h\n"), "{checked:?}");
    let warning = "hookd.toml:6:1: dialect `poller`: `allowed` names `other`, and no poller has this name";
    assert!(checked.stderr.contains(warning), "{checked:?}");
}
