//! What an operator does with sinks: looks, pauses, skips, and sends dead letters once more.

use hookd_tests::{Finished, Home, Hookd, Receiver, Reply, until};
use serde_json::Value;

use crate::push;

/// A receiver that answers so to revisions that begin so, and takes all others.
fn receiver(refused: &'static [(&'static str, u16)]) -> Receiver {
    let receiver = Receiver::start();
    receiver.answer(move |event| {
        let refused = refused.iter().find(|(beginning, _)| event.field("revision").starts_with(beginning));
        Reply::Status(refused.map_or(200, |(_, status)| *status))
    });
    receiver
}

/// The revisions that it took, repeats included.
fn taken(receiver: &Receiver) -> Vec<String> {
    let seen = receiver.seen();
    let taken = seen.iter().filter(|(_, reply)| *reply == Reply::Status(200));
    taken.map(|(event, _)| event.field("revision").to_owned()).collect()
}

fn home(receiver: &Receiver) -> Home {
    Home::serving(&format!(
        r#"
        [change_hook_dialects]
        github = true

        [[sinks]]
        name = "log"
        type = "file"
        path = "changes.jsonl"

        [[sinks]]
        name = "peer"
        type = "webhook"
        url = "{}"
        proxy = false
        retry_min = "10ms"
        retry_max = "50ms"
        "#,
        receiver.url()
    ))
}

fn push(hookd: &Hookd, revision: &str) {
    assert_eq!(hookd.send(&push::request(revision)).line(), "202 1 change found");
}

fn sinks(hookd: &Hookd, arguments: &[&str]) -> Finished {
    let admin = format!("http://{}", hookd.admin().address());
    hookd.home().run(&[&["sinks", "--admin", &admin], arguments].concat())
}

/// Runs a command that must succeed, and returns what it printed.
fn done(hookd: &Hookd, arguments: &[&str]) -> String {
    let finished = sinks(hookd, arguments);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
    finished.stdout
}

fn peer(hookd: &Hookd) -> Value {
    hookd.admin().list("/api/v2/sinks/peer", "sinks").remove(0)
}

/// The lines of the sink `log`, once there are this many.
fn logged(hookd: &Hookd, lines: usize) -> String {
    until("the file has all changes", || {
        let text = std::fs::read_to_string(hookd.home().path().join("changes.jsonl")).ok()?;
        (text.ends_with('\n') && text.lines().count() == lines).then_some(text)
    })
}

#[test]
fn an_operator_finds_dead_letters_and_sends_them_once_more() {
    let receiver = receiver(&[("bad", 422), ("stuck", 503)]);
    let hookd = home(&receiver).start();
    for revision in ["a", "bad1", "b", "bad2"] {
        push(&hookd, revision);
    }
    until("two changes were given up", || (peer(&hookd)["dead_letters"] == 2).then_some(()));
    assert_eq!(taken(&receiver), ["a", "b"]);
    logged(&hookd, 4);

    let list = done(&hookd, &["list"]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = list.lines().map(words).collect();
    assert_eq!(lines[0], ["NAME", "TYPE", "STATE", "WAITING", "DEAD", "ERROR"]);
    assert_eq!(lines[1], ["log", "file", "idle", "0", "0"]);
    assert_eq!(lines[2], ["peer", "webhook", "idle", "0", "2"]);
    let shown = done(&hookd, &["show", "peer"]);
    assert!(shown.contains("2 changes, from 2 to 4: 422"), "{shown}");
    let json: Value = serde_json::from_str(&done(&hookd, &["show", "peer", "--json"])).unwrap();
    let reason = json["dead_letters"][0]["reason"].as_str().unwrap().to_owned();

    // What keeps the sink busy is given up, and only while it is the first that waits.
    push(&hookd, "stuck");
    push(&hookd, "c");
    until("an attempt has failed", || (peer(&hookd)["head"]["attempts"].as_u64() > Some(0)).then_some(()));
    let other = sinks(&hookd, &["skip", "peer", "--change", "6"]);
    assert_eq!((other.code, other.stderr.as_str()), (Some(1), "error: change 6 is not the first that waits\n"));
    let skipped = done(&hookd, &["skip", "peer", "--change", "5"]);
    assert_eq!(skipped, "change 5 was skipped, and is a dead letter now\n");
    until("the next change has arrived", || (taken(&receiver) == ["a", "b", "c"]).then_some(()));

    receiver.answer(|_| Reply::Status(200));
    assert_eq!(done(&hookd, &["requeue", "peer", "--change", "4"]), "1 change is sent once more\n");
    until("it has arrived", || (taken(&receiver) == ["a", "b", "c", "bad2"]).then_some(()));
    assert_eq!(done(&hookd, &["requeue", "peer", "--reason", &reason]), "1 change is sent once more\n");
    until("it has arrived", || taken(&receiver).contains(&"bad1".to_owned()).then_some(()));
    until("they are no longer dead letters", || (peer(&hookd)["dead_letters"] == 1).then_some(()));
    assert_eq!(done(&hookd, &["requeue", "peer", "--all"]), "1 change is sent once more\n");
    until("it has arrived", || (taken(&receiver) == ["a", "b", "c", "bad2", "bad1", "stuck"]).then_some(()));
    until("no dead letter is left", || (peer(&hookd)["dead_letters"] == 0).then_some(()));
    until("all of it is noted", || (peer(&hookd)["requeued"] == 0).then_some(()));

    let admin = format!("http://{}", hookd.admin().address());
    let why = hookd.home().run(&["why", "bad1", "--admin", &admin]);
    assert_eq!(why.code, Some(0), "{}", why.stderr);
    assert!(why.stdout.contains("change 2, branch main, revision bad1"), "{}", why.stdout);
    assert!(why.stdout.contains("sink peer: delivered: 200"), "{}", why.stdout);
    let why = hookd.home().run(&["why", "nothing", "--admin", &admin]);
    assert_eq!((why.code, why.stdout.as_str()), (Some(1), ""));
    for (arguments, error) in [
        (&["pause", "other"][..], "error: not found while getting from sinks/other\n"),
        (&["requeue", "peer", "--change", "1"], "error: change 1 was delivered\n"),
    ] {
        let failed = sinks(&hookd, arguments);
        assert_eq!((failed.code, failed.stderr.as_str()), (Some(1), error));
    }
    assert_eq!(sinks(&hookd, &["requeue", "peer"]).code, Some(2));
}

#[test]
fn a_sink_stays_paused_until_it_is_resumed() {
    let receiver = receiver(&[]);
    let hookd = home(&receiver).start();
    push(&hookd, "a");
    until("it has arrived", || (taken(&receiver) == ["a"]).then_some(()));
    assert_eq!(done(&hookd, &["pause", "peer"]), "paused\n");
    push(&hookd, "b");
    logged(&hookd, 2);
    let hookd = hookd.kill_9().start();
    push(&hookd, "c");
    logged(&hookd, 3);
    until("it has read what waits", || (peer(&hookd)["lag_changes"] == 2).then_some(()));
    assert_eq!(peer(&hookd)["state"], "paused");
    let waiting = hookd.admin().list("/api/v2/changes/3/sinks", "sinks");
    assert_eq!(waiting[1]["sentence"], "waits behind change 2; the sink is paused");
    assert_eq!(taken(&receiver), ["a"]);
    assert_eq!(done(&hookd, &["resume", "peer"]), "resumed\n");
    until("all have arrived", || (taken(&receiver) == ["a", "b", "c"]).then_some(()));
    let delivered = "hookd_sink_attempts_total{sink=\"peer\",outcome=\"delivered\"}";
    until("both are counted", || (hookd.admin().metric(delivered) >= 2.0).then_some(()));
}

#[test]
fn a_filter_is_tried_before_it_is_used() {
    let receiver = receiver(&[]);
    let hookd = home(&receiver).start();
    push(&hookd, "a");
    until("it has arrived", || (taken(&receiver) == ["a"]).then_some(()));
    let sink = |filter: &str| {
        let url = receiver.url();
        format!("[[sinks]]\nname = \"peer\"\ntype = \"webhook\"\nurl = \"{url}\"\nproxy = false\n{filter}\n")
    };
    hookd.home().write("new.toml", sink("filter = { branch_re = \"^release/\" }"));
    let test = |arguments: &[&str]| done(&hookd, &[&["test", "peer", "--config", "new.toml"], arguments].concat());
    assert!(test(&[]).contains("health  cannot be asked without sending a change"));
    assert!(test(&["--change", "1", "--send"]).contains("filter  drops change 1, option `branch_re`"));
    hookd.home().write("new.toml", sink("filter = { branch = \"main\", dialect = \"github\" }"));
    assert!(test(&["--change", "1"]).contains("filter  takes change 1"));
    // None of these has sent it.
    assert_eq!(taken(&receiver), ["a"]);
    assert!(test(&["--change", "1", "--send"]).contains("sent    delivered: 200"));
    assert_eq!(taken(&receiver), ["a", "a"]);
}
