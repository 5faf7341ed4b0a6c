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
    old.answer(|_| Reply::Status(503));
    send(hookd.public(), 10);
    until("the old one is asked", || (old.count() > 10).then_some(()));
    reload(&hookd, &tables(&webhook_sink(&new.url(), "")));
    wait_for_position(&hookd, 20);
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
