//! What is published, and what becomes of what is not taken.

use hookd_sinks::{Verdict, document};
use hookd_tests::{Nats, Wire};
use serde_json::{Value, json};

use super::kit::{LATER, STREAM, build, change, deliver, expect, ids, server, sink, try_build};

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_message_is_the_change_as_json_with_its_id() {
    let server = server(json!({}));
    let sink = sink(server.address());
    let change = change(17, "feature/tea.v2");
    deliver(&*sink, &change).await;
    let messages = server.messages(STREAM);
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((message.subject.as_str(), &message.id), ("hookd.feature/tea%2Ev2", &change.hookd_id));
    assert_eq!(message.data, document(&change));
    let data: Value = serde_json::from_slice(&message.data).unwrap();
    assert_eq!((&data["branch"], &data["changeid"]), (&json!("feature/tea.v2"), &json!(17)));
    assert_eq!(sink.destination(), format!("hookd.{{branch}} on nats://{}", server.address()));
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn without_a_stream_the_sink_is_misconfigured_and_says_what_to_do() {
    let server = Nats::start();
    let sink = sink(server.address());
    let attempt = sink.deliver(&change(1, "main")).await;
    expect(&attempt, Verdict::ThisSink, "no stream of JetStream takes `hookd.main`: add one, as with `nats stream add");
    assert!(sink.look().await[0].starts_with("no stream of JetStream takes `hookd.*`: add one"));
    assert!(!sink.is_healthy().await);

    server.add_stream(STREAM, &["hookd.>"], json!({}));
    deliver(&*sink, &change(1, "main")).await;
    assert_eq!((sink.look().await, sink.is_healthy().await), (Vec::new(), true));

    // It is deleted while its last message is known.
    server.call(&format!("STREAM.DELETE.{STREAM}"), json!({}));
    expect(&sink.deliver(&change(2, "main")).await, Verdict::ThisSink, "no stream of JetStream takes `hookd.main`");
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_server_without_jetstream_is_named_as_such() {
    let server =
        Nats::start_with("accounts { A { jetstream: false, users: [{user: ann, password: pa55}] } }", json!({}));
    let options = json!({"url": format!("nats://{}", server.address()), "user": "ann", "password": "pa55"});
    let attempt = build(options).deliver(&change(1, "main")).await;
    expect(&attempt, Verdict::ThisSink, "enable JetStream");
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_change_that_is_too_large_is_its_own_fault() {
    let server = server(json!({ "max_msg_size": 2000 }));
    let sink = sink(server.address());
    let of_size = |changeid, length: usize| {
        let mut change = change(changeid, "main");
        change.change.comments = "x".repeat(length);
        change
    };
    // For the stream, and for the server.
    expect(&sink.deliver(&of_size(1, 3000)).await, Verdict::ThisChange, "too large for the stream");
    expect(&sink.deliver(&of_size(2, 2_000_000)).await, Verdict::ThisChange, "up to 1048576 bytes");
    let mut long = change(3, "main");
    long.change.branch = Some("ü".repeat(1000));
    expect(&sink.deliver(&long).await, Verdict::ThisChange, "its subject would have 6006 bytes");
    let last = change(4, "main");
    deliver(&*sink, &last).await;
    assert_eq!(ids(&server), [last.hookd_id]);
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_stream_that_is_full_takes_changes_later() {
    let server = server(json!({ "max_msgs": 1, "discard": "new" }));
    let sink = sink(server.address());
    let (first, second) = (change(1, "main"), change(2, "main"));
    deliver(&*sink, &first).await;
    expect(&sink.deliver(&second).await, LATER, "is it full? See `max_bytes`, `max_msgs` and `discard`");
    server.call(&format!("STREAM.PURGE.{STREAM}"), json!({}));
    deliver(&*sink, &second).await;
    assert_eq!(ids(&server), [second.hookd_id]);
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_server_that_is_away_is_tried_later_and_others_before() {
    let mut server = server(json!({}));
    let wire = Wire::to(server.address());
    let sink = build(json!({"url": format!("nats://{}", wire.address()), "timeout": "2s"}));
    deliver(&*sink, &change(1, "main")).await;
    server.kill_9();
    expect(&sink.deliver(&change(2, "main")).await, LATER, "");
    server.start_again();
    wire.lead_to(server.address());
    deliver(&*sink, &change(2, "main")).await;
    assert_eq!(ids(&server).len(), 2);

    let refusing = hookd_tests::nats::closed_port();
    let address = server.address();
    let both = json!({"url": [format!("nats://{}", refusing.0), format!("nats://{address}")]});
    deliver(&*build(both), &change(3, "main")).await;
    let attempt = build(json!({"url": format!("nats://{}", refusing.0)})).deliver(&change(4, "main")).await;
    expect(&attempt, LATER, "refused the connection: is it running?");
    let attempt = build(json!({"url": "nats://name.invalid"})).deliver(&change(4, "main")).await;
    expect(&attempt, LATER, "the name `name.invalid` could not be resolved");
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn what_keeps_changes_from_being_kept_is_said_at_start() {
    let server = server(json!({ "storage": "memory", "max_msgs_per_subject": 5 }));
    let warnings = sink(server.address()).look().await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("max_msgs_per_subject = 5") && warnings[1].contains("is in memory"), "{warnings:?}");
    server.update_stream(STREAM, &["hookd.>"], json!({ "storage": "memory", "no_ack": true }));
    assert!(sink(server.address()).look().await[0].contains("acknowledges nothing (`no_ack`)"));
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_domain_has_its_own_api() {
    let mut server = server(json!({}));
    server.kill_9();
    // What comes later in the configuration counts.
    server.configure(&format!("jetstream {{ domain: hub, store_dir: {:?} }}", server.folder().join("store")));
    server.start_again();
    let of = |domain: &str| build(json!({"url": format!("nats://{}", server.address()), "domain": domain}));
    deliver(&*of("hub"), &change(1, "main")).await;
    let attempt = of("other").deliver(&change(2, "main")).await;
    expect(&attempt, Verdict::ThisSink, "nobody answers on `$JS.other.API.STREAM.NAMES`: enable JetStream");
    assert_eq!(ids(&server).len(), 1);
}

#[test]
fn options_that_do_not_go_together_are_problems() {
    let problems = |options: Value| try_build(std::path::Path::new("/"), options).err().unwrap();
    let url = "nats://127.0.0.1";
    assert_eq!(problems(json!({"url": url, "user": "ann"})), ["user: it needs `password`"]);
    assert_eq!(problems(json!({"url": url, "password": "x"})), ["password: it needs `user`"]);
    assert_eq!(
        problems(json!({"url": url, "token": "x", "user": "ann", "password": "x"})),
        ["token: `user` is there too: leave one of them out"]
    );
    let wrong =
        problems(json!({"url": url, "credentials": "s3cret", "subject": "a..b", "timeout": "0s", "domain": "a.b"}));
    assert_eq!(
        wrong,
        [
            "subject: each part between the dots must have something in it",
            "credentials: the secret is not a file of credentials (`.creds`), with a JWT and the seed of its key",
            "timeout: an attempt needs more time than `0s`",
            "domain: a name of letters, digits, `-` and `_` is expected",
        ]
    );
    let files = json!({"url": url, "ca": "/dev/null", "client_certificate": "/nonexistent/client.pem"});
    assert_eq!(
        problems(files),
        [
            "ca: `/dev/null` must have at least one certificate, in PEM",
            "client_certificate: cannot read `/nonexistent/client.pem`: No such file or directory (os error 2)",
        ]
    );
    assert!(problems(json!({"url": url, "nkey": "s3cret"}))[0].starts_with("nkey: the secret is not the seed"));
    let warnings = build(json!({"url": "nats://nats.example.org", "token": "x"})).warnings();
    assert!(warnings[0].contains("the token goes over the network in the clear"), "{warnings:?}");
    assert_eq!(build(json!({"url": "tls://nats.example.org", "token": "x"})).warnings(), [""; 0]);
}
