//! A reload that changes a sink: it continues where it was.

use hookd_tests::{Home, Hookd, LISTENERS, Receiver, Reply, until};

use super::{numbers_without, position, revisions, send, stored, tables, wait_for_position, webhook_sink};

fn reload(hookd: &Hookd, tables: &str) {
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{tables}\n"));
    let reloaded = hookd.home().run(&["reload", "--admin", &format!("http://{}", hookd.admin().address())]);
    assert_eq!(reloaded.code, Some(0), "{}", reloaded.stderr);
}

#[test]
fn a_sink_whose_url_changes_continues_where_it_was() {
    let [old, new] = [Receiver::start(), Receiver::start()];
    let hookd = Home::serving(&tables(&webhook_sink(&old.url(), ""))).start();
    send(hookd.public(), 10);
    wait_for_position(&hookd, 10);
    let has_delivered = |count: usize| {
        until(&format!("it has delivered {count} since the start"), || {
            let sinks = hookd.admin().list("/api/v2/sinks", "sinks");
            (sinks[0]["counts"]["delivered"] == count).then_some(())
        });
    };
    has_delivered(10);
    old.answer(|_| Reply::Status(503));
    send(hookd.public(), 10);
    until("the old one is asked", || (old.count() > 10).then_some(()));
    reload(&hookd, &tables(&webhook_sink(&new.url(), "")));
    wait_for_position(&hookd, 20);
    has_delivered(20);
    assert_eq!(revisions(&old.taken()), numbers_without(10, &[]));
    assert_eq!(revisions(&new.taken()), numbers_without(10, &[]));
    let arrived: Vec<String> = old.taken().into_iter().chain(new.taken()).map(|event| event.id).collect();
    let stored: Vec<String> = stored(&hookd).into_iter().map(|(id, _)| id).collect();
    assert_eq!(arrived, stored);
}

#[test]
fn a_sink_that_is_left_out_and_named_again_continues_where_it_was() {
    let receiver = Receiver::start();
    let with = tables(&webhook_sink(&receiver.url(), ""));
    let hookd = Home::serving(&with).start();
    send(hookd.public(), 5);
    wait_for_position(&hookd, 5);
    reload(&hookd, "[change_hook_dialects]\nbase = true");
    send(hookd.public(), 5);
    assert_eq!((position(hookd.home()), receiver.count()), (5, 5));
    reload(&hookd, &with);
    wait_for_position(&hookd, 10);
    assert_eq!(receiver.count(), 10);
}

#[test]
fn a_reload_that_is_rejected_disturbs_no_sink() {
    let receiver = Receiver::start();
    let hookd = Home::serving(&tables(&webhook_sink(&receiver.url(), ""))).start();
    let wrong = tables("type = \"webhook\"\nurl = \"ftp://example.org/\"");
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{wrong}\n"));
    let reloaded = hookd.home().run(&["reload", "--admin", &format!("http://{}", hookd.admin().address())]);
    assert_eq!(reloaded.code, Some(2), "{}", reloaded.stderr);
    send(hookd.public(), 5);
    wait_for_position(&hookd, 5);
    assert_eq!(receiver.count(), 5);
}

#[test]
fn a_sink_that_does_not_end_what_it_began_holds_up_no_other_one_and_stays_visible() {
    let [slow, fast] = [Receiver::start(), Receiver::start()];
    slow.answer(|_| Reply::Hang);
    let sink = |name: &str, url: &str| {
        format!("[[sinks]]\nname = '{name}'\ntype = 'webhook'\nurl = '{url}'\nproxy = false\ntimeout = '10m'\n")
    };
    // Whatever waits for the one that hangs, waits longer than this test.
    let tables = |fast: &Receiver| {
        let sinks = sink("slow", &slow.url()) + &sink("fast", &fast.url());
        format!("[change_hook_dialects]\nbase = true\n{sinks}")
    };
    let listeners = LISTENERS.replacen("[server]", "[server]\nshutdown_timeout = '10m'", 1);
    let hookd = Home::with_config(&format!("{listeners}\n{}", tables(&fast))).start();
    send(hookd.public(), 1);
    until("both are asked", || (slow.count() == 1 && fast.count() == 1).then_some(()));
    let lag = || hookd.admin().metric("hookd_sink_lag_changes{sink=\"slow\"}");
    assert_eq!(lag(), 1.0);

    let other = Receiver::start();
    reload(&hookd, &tables(&other));
    send(hookd.public(), 2);
    until("the other sink goes on", || (other.count() == 2).then_some(()));
    assert_eq!((slow.count(), lag()), (1, 3.0));
    let refused =
        hookd.home().run(&["sinks", "forget", "slow", "--admin", &format!("http://{}", hookd.admin().address())]);
    assert!(refused.stderr.contains("sink `slow` is configured"), "{refused:?}");
}
