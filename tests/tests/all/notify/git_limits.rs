//! A push is never held up for long, and never fails: hookd down, hanging or refusing, commands that hang, huge pushes.

use std::time::{Duration, Instant};

use hookd_tests::Home;

use super::{Hanging, Workshop, git_hook, heads, master, nobody, url};

/// Far longer than the three seconds of a hook and far shorter than anything that waits for an answer.
const SOON: Duration = Duration::from_secs(30);

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_push_succeeds_while_hookd_is_down() {
    let shop = Workshop::new();
    let address = nobody();
    shop.git_repositories(&git_hook(address, ""));
    shop.commit_file("a");
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main"]);
    let expected = format!("remote: hookd notify: not sent to {}: ", url(address));
    assert!(pushed.err.contains(&expected), "{}", pushed.err);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_push_is_held_up_for_a_bounded_time_while_hookd_hangs() {
    let (hanging, hookd, shop) = (Hanging::start(), master(), Workshop::new());
    // The default time; and the other master is served whatever this one does.
    let masters = format!("--master {} --master {}", url(hanging.0), url(hookd.public()));
    shop.git_repositories(&format!("exec hookd notify git {masters}"));
    shop.commit_file("a");
    let started = Instant::now();
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert!(pushed.err.contains(&format!("not sent to {}: ", url(hanging.0))), "{}", pushed.err);
    assert_eq!(heads(&hookd).len(), 1, "{}", pushed.err);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_push_is_held_up_for_a_bounded_time_while_git_hangs() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.hook("bin/git", "sleep 600 & sleep 600");
    let hook = format!("PATH='{}':$PATH\nexec hookd notify git --strict", shop.path("bin").display());
    shop.git_repositories(&format!("{hook} --master {} --timeout 1", url(hookd.public())));
    shop.commit_file("a");
    let started = Instant::now();
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert!(pushed.err.contains("not sent: `git rev-parse` took too long and was killed"), "{}", pushed.err);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn exit_codes_say_what_failed_only_where_that_is_asked_for() {
    let (hookd, shop) = (master(), Workshop::new());
    let buildbot = "[change_hook_dialects.base]\ncompat = \"buildbot\"";
    let refusing = Home::serving(buildbot).start();
    shop.git_repositories("cat > push");
    shop.commit_file("a");
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    let push = std::fs::read_to_string(shop.path("server/push")).expect("the hook kept it");
    shop.write("server/nonsense", "main was pushed\n");
    shop.write("server/missing", push.replace(&push[41..81], &"1".repeat(40)));
    let (up, down, refusing) = (url(hookd.public()), url(nobody()), url(refusing.public()));
    for (input, options, code, message) in [
        ("push", vec!["--master", &up], 0, ""),
        ("push", vec!["--master", &down], 1, "not sent to http://"),
        ("push", vec!["--master", &refusing], 3, "refused it: 400 Bad Request: "),
        ("push", vec!["--master", "ftp://x/"], 2, "not sent: master: invalid URL: scheme `ftp`"),
        ("push", vec![], 2, "not sent: nobody to send to: name a `master`"),
        ("nonsense", vec!["--master", &up], 2, "standard input, line 1: `main was pushed`, expected `OLD NEW REF`"),
        ("missing", vec!["--master", &up], 2, "refs/heads/main: there is no commit 1111"),
    ] {
        for strict in [true, false] {
            let mut arguments = vec!["notify", "git", "--timeout", "60"];
            arguments.extend(strict.then_some("--strict"));
            arguments.extend(&options);
            let mut command = shop.command("server", hookd_tests::binary(), &arguments);
            let input = std::fs::File::open(shop.path("server").join(input)).expect("it was written");
            let output = command.stdin(input).output().expect("hookd runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(if strict { code } else { 0 }), "{options:?}: {said}");
            assert!(said.contains(message) && said.is_empty() == message.is_empty(), "{options:?}: {said}");
        }
    }
    let elsewhere = shop.command("", hookd_tests::binary(), &["notify", "git", "--strict", "--timeout", "60"]).output();
    let said = String::from_utf8_lossy(&elsewhere.expect("hookd runs").stderr).into_owned();
    assert!(said.starts_with("hookd notify: not sent: no repository of git here: "), "{said}");
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn of_a_huge_push_the_newest_commits_of_each_branch_are_reported() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), "--max-changes 6"));
    for n in 0..9 {
        shop.commit_file(&format!("{n}"));
    }
    shop.git("client", &["checkout", "--quiet", "-b", "other", "HEAD~3"]);
    let other = shop.commit_file("other");
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main", "other"]);
    assert!(pushed.err.contains("more than 6 changes: only the newest of each ref are reported"), "{}", pushed.err);
    let main: Vec<String> = ["main~2", "main~1", "main"].map(|name| shop.revision(name)).to_vec();
    let reported = heads(&hookd);
    assert_eq!(reported.len(), 6, "{reported:?}");
    let of = |branch: &str| -> Vec<String> {
        reported.iter().filter(|(of, _)| of == branch).map(|(_, revision)| revision.clone()).collect()
    };
    assert_eq!((of("main"), of("other").last()), (main, Some(&other)));
    let changes = hookd.admin().changes();
    let incomplete = changes.iter().filter(|change| change["properties"]["is_incomplete"][0] == true);
    assert_eq!(incomplete.count(), 2);
}
