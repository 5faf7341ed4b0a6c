//! The spool: what could not be sent is sent later, in order, once.

use std::fs;
use std::thread;

use hookd_tests::{Home, Hookd, LISTENERS, Meddling, Proxy};

use super::{Hanging, Workshop, git_hook, heads, master, names, nobody, url};

/// Commits and pushes; returns the revision and what the hook said.
fn push(shop: &Workshop, file: &str) -> (String, String) {
    let revision = shop.commit_file(file);
    (revision, shop.git("client", &["push", "--quiet", "origin", "main"]).err)
}

fn revisions(hookd: &Hookd) -> Vec<String> {
    heads(hookd).into_iter().map(|(_, revision)| revision).collect()
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn what_was_pushed_while_hookd_was_down_is_sent_before_the_next_push() {
    let (hookd, shop) = (master(), Workshop::new());
    let proxy = Proxy::start(hookd.public());
    proxy.meddle(|_| Meddling::Answer("503 Service Unavailable", "disk full"));
    shop.git_repositories(&git_hook(proxy.address(), "--spool waiting"));
    let (one, said) = push(&shop, "one");
    assert!(said.contains("503 Service Unavailable: disk full; it is kept in the spool"), "{said}");
    let (two, said) = push(&shop, "two");
    assert!(said.contains("; 2 requests are kept in the spool and sent with the next push"), "{said}");
    assert_eq!(names(&shop.path("server/waiting")).len(), 2);
    assert!(revisions(&hookd).is_empty());

    proxy.meddle(|_| Meddling::None);
    let (three, said) = push(&shop, "three");
    assert_eq!((said.as_str(), revisions(&hookd)), ("", vec![one, two, three]));
    assert!(names(&shop.path("server/waiting")).is_empty());
    assert_eq!(hookd.admin().deliveries().len(), 3);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn an_answer_that_got_lost_doubles_nothing() {
    let (hookd, shop) = (master(), Workshop::new());
    let proxy = Proxy::start(hookd.public());
    proxy.meddle(|_| Meddling::LoseAnswer);
    shop.git_repositories(&git_hook(proxy.address(), "--spool waiting"));
    let (one, said) = push(&shop, "one");
    assert!(said.contains("; it is kept in the spool"), "{said}");
    assert_eq!(revisions(&hookd), std::slice::from_ref(&one));

    proxy.meddle(|_| Meddling::None);
    let (two, _) = push(&shop, "two");
    assert_eq!(revisions(&hookd), [one, two]);
    assert_eq!(hookd.admin().deliveries().len(), 2);
}

/// For `cron`: with options of its own, or with those of the repository.
#[test]
#[ignore = "needs git from cargo xtask test"]
fn what_is_left_is_sent_on_request() {
    let config =
        format!("change_hook_auth = [\"memory:ann:s3cret\"]\n{LISTENERS}\n[change_hook_dialects]\nbase = true\n");
    let hookd = Home::with_config(&config).start();
    let proxy = Proxy::start(hookd.public());
    let shop = Workshop::new();
    shop.git_repositories(&git_hook(proxy.address(), "--spool waiting"));
    shop.git("server", &["config", "hookd.user", "ann"]);
    shop.git("server", &["config", "hookd.passwd", "s3cret"]);
    shop.write("password", "s3cret\n");
    let flush = |arguments: &[&str]| {
        let output = shop.command("server", hookd_tests::binary(), arguments).output().expect("hookd runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    proxy.meddle(|_| Meddling::Answer("502 Bad Gateway", "down"));
    let (one, _) = push(&shop, "one");
    let (code, said) = flush(&["notify", "spool", "waiting"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it answered 502 Bad Gateway: down; it is kept in the spool"), "{said}");
    let kept = names(&shop.path("server/waiting"));
    let text = fs::read_to_string(shop.path("server/waiting").join(&kept[0])).expect("it is there");
    assert!(text.contains(&one) && !text.contains("s3cret") && !text.contains("ann\""), "no credentials: {text}");

    proxy.meddle(|_| Meddling::None);
    let (code, said) = flush(&["notify", "spool", "waiting"]);
    assert!(code == Some(1) && said.contains("refused it: 401 Unauthorized"), "{said}");
    let with = ["notify", "spool", "waiting", "--user", "ann", "--password-file", "../password", "--verbose"];
    let (code, said) = flush(&with);
    assert_eq!((code, said), (Some(0), format!("hookd notify: 1 change sent to {}\n", url(proxy.address()))));
    assert_eq!(flush(&with), (Some(0), String::new()));
    let nowhere = (Some(2), "hookd notify: nowhere: no such folder\n".to_owned());
    assert_eq!(flush(&["notify", "spool", "nowhere"]), nowhere);

    proxy.meddle(|_| Meddling::Answer("502 Bad Gateway", "down"));
    let (two, _) = push(&shop, "two");
    proxy.meddle(|_| Meddling::None);
    shop.git("server", &["config", "hookd.master", &url(proxy.address())]);
    shop.git("server", &["config", "hookd.spool", "waiting"]);
    assert_eq!(flush(&["notify", "git", "--flush", "--strict", "--timeout", "60"]), (Some(0), String::new()));
    assert_eq!(revisions(&hookd), [one, two]);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn what_is_refused_for_good_is_put_aside_and_holds_up_nothing() {
    let (hookd, shop) = (master(), Workshop::new());
    let proxy = Proxy::start(hookd.public());
    proxy.meddle(|_| Meddling::Answer("400 Bad Request", "no"));
    shop.git_repositories(&git_hook(proxy.address(), "--spool waiting"));
    let (_, said) = push(&shop, "one");
    assert!(said.contains("refused it: 400 Bad Request: no; the request is kept as "), "{said}");
    proxy.meddle(|_| Meddling::None);
    let (two, said) = push(&shop, "two");
    assert_eq!((said.as_str(), revisions(&hookd)), ("", vec![two]));
    assert_eq!(names(&shop.path("server/waiting")), ["refused"]);
    let refused = names(&shop.path("server/waiting/refused"));
    assert_eq!(refused.len(), 1);

    // Moved back, it is sent again. What is damaged is put aside, too.
    fs::rename(shop.path("server/waiting/refused").join(&refused[0]), shop.path("server/waiting").join(&refused[0]))
        .expect("both are folders of the spool");
    let damaged = format!("{}-damaged.json", &refused[0][..20]);
    shop.write(&format!("server/waiting/{damaged}"), "{");
    push(&shop, "three");
    assert_eq!(revisions(&hookd).len(), 3);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_master_that_is_down_holds_up_no_other() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), &format!("--spool waiting --master {}", url(nobody()))));
    push(&shop, "one");
    push(&shop, "two");
    assert_eq!(revisions(&hookd).len(), 2);
    assert_eq!(names(&shop.path("server/waiting")).len(), 2);
}

/// Pushes at the same time share a spool: nothing is lost or doubled, and none waits for long.
#[test]
#[ignore = "needs git from cargo xtask test"]
fn pushes_at_the_same_time_share_a_spool() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), "--spool waiting"));
    shop.commit_file("start");
    for n in 0..8 {
        shop.git("client", &["branch", &format!("b{n}")]);
    }
    thread::scope(|scope| {
        for n in 0..8 {
            let shop = &shop;
            scope.spawn(move || shop.git("client", &["push", "--quiet", "origin", &format!("b{n}")]));
        }
    });
    let mut branches: Vec<String> = heads(&hookd).into_iter().map(|(branch, _)| branch).collect();
    branches.sort();
    branches.dedup();
    assert_eq!((branches.len(), hookd.admin().deliveries().len()), (8, 8));
    assert!(names(&shop.path("server/waiting")).is_empty());
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_push_is_kept_while_another_hook_waits_for_an_answer() {
    let (hanging, shop) = (Hanging::start(), Workshop::new());
    shop.git_repositories(&format!("exec hookd notify git --master {} --timeout 1 --spool waiting", url(hanging.0)));
    shop.commit_file("start");
    // A hook that has the lock, and waits.
    let lock = shop.path("server/waiting/lock");
    shop.write("server/waiting/lock", "");
    let held = fs::File::open(&lock).expect("it was just made");
    held.lock().expect("nobody else has it");
    let (_, said) = push(&shop, "one");
    assert!(said.contains("another hook is sending from the spool"), "{said}");
    assert_eq!(names(&shop.path("server/waiting")).len(), 1);
}
