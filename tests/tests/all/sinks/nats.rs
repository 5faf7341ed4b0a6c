//! Changes become messages of JetStream, each once and in order, whatever is killed.

use hookd_tests::nats::Message;
use hookd_tests::{Home, Hookd, Nats, Wire, until};
use serde_json::{Value, json};

use super::kills::{Load, check_arrived};
use super::{change, logged_once, send, stored, tables, wait_for_position};

const STREAM: &str = "CHANGES";

/// A server with a stream; JetStream recognizes duplicates for the shortest time that it allows.
fn server() -> Nats {
    let server = Nats::start();
    server.add_stream(STREAM, &["hookd.>"], json!({ "duplicate_window": 100_000_000 }));
    server
}

fn home(address: std::net::SocketAddr, more: &str) -> Home {
    let sink = format!("type = \"nats\"\nurl = \"nats://{address}\"\nsubject = \"hookd.{{branch}}\"\n{more}");
    Home::serving(&tables(&sink))
}

fn document(message: &Message) -> Value {
    serde_json::from_slice(&message.data).expect("a message is JSON")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The ids of what has arrived with the branches, in the order of the stream.
fn arrived(server: &Nats) -> Vec<(String, String)> {
    let messages = server.messages(STREAM);
    let pair = |message: &Message| {
        let document = document(message);
        assert_eq!(text(&document["hookd_id"]), message.id);
        (message.id.clone(), text(&document["branch"]))
    };
    messages.iter().map(pair).collect()
}

/// Lines that the client of NATS writes itself, of what the sink reports.
fn noise(hookd: &Hookd) -> Vec<String> {
    let is_noise = |line: &String| {
        ["connected successfully", "event: ", "authorization violation\""].iter().any(|text| line.contains(text))
    };
    hookd.log().into_iter().filter(is_noise).collect()
}

#[test]
#[ignore = "needs NATS from cargo xtask test"]
fn a_webhook_becomes_a_message_in_the_stream() {
    let server = server();
    let hookd = home(server.address(), "").start();
    assert_eq!(hookd.send(&change("release/1.2", "c0ffee")).line(), "202 1 change found");
    let messages = until("the message is there", || Some(server.messages(STREAM)).filter(|all| !all.is_empty()));
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message.subject, "hookd.release/1%2E2");
    let document = document(message);
    assert_eq!((text(&document["revision"]), text(&document["branch"])), ("c0ffee".into(), "release/1.2".into()));
    assert_eq!((message.id.clone(), "release/1.2".to_owned()), stored(&hookd)[0]);
    wait_for_position(&hookd, 1);
    assert_eq!(noise(&hookd), [""; 0]);
}

#[test]
#[ignore = "needs NATS from cargo xtask test"]
fn without_a_stream_check_and_the_start_warn_and_nothing_is_given_up() {
    let server = Nats::start();
    let hookd = home(server.address(), "").start();
    let warning = "no stream of JetStream takes `hookd.*`: add one";
    logged_once(&hookd, warning);
    let checked = hookd.home().run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(
        checked.stderr.contains("warning: ") && checked.stderr.contains(&format!("sink `s`: {warning}")),
        "{}",
        checked.stderr
    );

    send(hookd.public(), 3);
    logged_once(&hookd, "misconfigured, nothing more is sent: no stream of JetStream takes `hookd.main`");
    server.add_stream(STREAM, &["hookd.>"], json!({}));
    wait_for_position(&hookd, 3);
    assert_eq!(arrived(&server), stored(&hookd));
    let checked = hookd.home().run(&["check"]);
    assert!(!checked.stderr.contains("sink `s`"), "{}", checked.stderr);
}

#[test]
#[ignore = "needs NATS from cargo xtask test"]
fn a_server_that_is_away_is_reported_once_and_changes_wait() {
    let mut server = server();
    let wire = Wire::to(server.address());
    let hookd = home(wire.address(), "").start();
    send(hookd.public(), 5);
    wait_for_position(&hookd, 5);
    wire.cut();
    server.kill_9();
    send(hookd.public(), 5);
    logged_once(&hookd, "does not take changes, will retry");
    let checked = hookd.home().run(&["check"]);
    assert!(checked.code == Some(0) && checked.stderr.contains("sink `s`: no connection to"), "{}", checked.stderr);
    server.start_again();
    wire.lead_to(server.address());
    wire.mend();
    wait_for_position(&hookd, 10);
    logged_once(&hookd, "takes changes again");
    assert_eq!(arrived(&server), stored(&hookd));
    assert_eq!(noise(&hookd), [""; 0]);
}

#[test]
#[ignore = "needs NATS from cargo xtask test"]
fn wrong_credentials_are_named_and_not_shown() {
    let users = "authorization { users: [{user: hookd, password: pa55word}] }";
    let server = Nats::start_with(users, json!({"user": "hookd", "pass": "pa55word"}));
    server.add_stream(STREAM, &["hookd.>"], json!({}));
    let hookd = home(server.address(), "user = \"hookd\"\npassword = { env = \"NATS_PASSWORD\" }");
    let hookd = hookd.with_variable("NATS_PASSWORD", "s3cret").start();
    send(hookd.public(), 1);
    logged_once(&hookd, "misconfigured, nothing more is sent");
    let lines = hookd.log().join("\n");
    assert!(
        lines.contains("does not accept the credentials") && lines.contains("check `user` and `password`"),
        "{lines}"
    );
    assert!(!lines.contains("s3cret"), "{lines}");
    assert_eq!(noise(&hookd), [""; 0]);
    let hookd = hookd.kill_9().with_variable("NATS_PASSWORD", "pa55word").start();
    wait_for_position(&hookd, 1);
    assert_eq!(arrived(&server), stored(&hookd));
}

#[test]
#[ignore = "needs NATS from cargo xtask test"]
fn a_system_whose_certificates_cannot_be_read_needs_them_only_for_tls_without_ca() {
    let mut server = server();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let write = |name: &str, text: String| {
        let path = server.folder().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path.display().to_string()
    };
    let (certificate, key) =
        (write("tls.pem", certified.cert.pem()), write("key.pem", certified.signing_key.serialize_pem()));
    let start = |home: Home| home.with_variable("SSL_CERT_FILE", "/").start();
    let hookd = start(home(server.address(), ""));
    send(hookd.public(), 1);
    wait_for_position(&hookd, 1);
    drop(hookd);

    server.kill_9();
    server.configure(&format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}"));
    server.start_again();
    let home = |more: &str| {
        let url = format!("tls://localhost:{}", server.address().port());
        let sink = format!("type = \"nats\"\nurl = \"{url}\"\nsubject = \"hookd.{{branch}}\"\n{more}");
        Home::serving(&tables(&sink))
    };
    let hookd = start(home(&format!("ca = {certificate:?}")));
    send(hookd.public(), 1);
    wait_for_position(&hookd, 1);
    let hookd = start(home(""));
    send(hookd.public(), 1);
    logged_once(&hookd, "will retry: TLS with `localhost");
    assert!(hookd.log().join("\n").contains("name the certificates of its authority in `ca`"));
}

/// Each third time the NATS server is killed as well.
fn kill_9_at_random(order: &str, kills: usize) {
    let mut server = server();
    let wire = Wire::to(server.address());
    let mut load = Load::new();
    let mut hookd = home(wire.address(), &format!("order = {order:?}")).start();
    for round in 0..kills {
        let home = load.send_and_kill(hookd);
        let kills_both = round % 3 == 0;
        if kills_both && load.random(2) == 0 {
            server.kill_9();
            hookd = home.start();
        } else {
            hookd = home.start();
            if kills_both {
                server.kill_9();
            }
        }
        if kills_both {
            server.start_again();
            wire.lead_to(server.address());
        }
    }
    load.send(&hookd, 20);
    load.check(&hookd);
    let stored = stored(&hookd);
    wait_for_position(&hookd, stored.len());
    check_arrived(&arrived(&server), &stored, order);
    println!("acknowledged {}, stored {}, kills {kills}", load.acknowledged(), stored.len());
}

#[test]
#[ignore = "needs NATS from cargo xtask test"]
fn each_change_is_there_once_in_the_order_of_the_log_after_kill_9_at_random() {
    kill_9_at_random("all", 20);
}

#[test]
#[ignore = "needs NATS from cargo xtask test"]
fn each_change_is_there_once_in_the_order_of_its_branch_after_kill_9_at_random() {
    kill_9_at_random("branch", 20);
}
