//! TLS, credentials and permissions: what is needed, and what is said where it is not there.

use std::fs;
use std::path::Path;

use hookd_sinks::Verdict;
use hookd_tests::Nats;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use super::kit::{LATER, STREAM, change, deliver, expect, ids, try_build};

/// Writes `NAME-ca.pem` of a new authority, and of its certificate for this name `NAME.pem` (with its key) and `NAME-key.pem`.
fn issue(folder: &Path, name: &str, host: &str) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let write = |suffix: &str, text: String| fs::write(folder.join(format!("{name}{suffix}.pem")), text).unwrap();
    write("-ca", authority.pem());
    write("", format!("{}{}", certificate.pem(), key.serialize_pem()));
    write("-key", key.serialize_pem());
}

/// One attempt with these options.
async fn attempt(server: &Nats, scheme: &str, more: Value) -> hookd_sinks::Attempt {
    let mut options = json!({"url": format!("{scheme}://localhost:{}", server.address().port())});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let sink = try_build(server.folder(), options).unwrap_or_else(|problems| panic!("{problems:?}"));
    sink.deliver(&change(1, "main")).await
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn tls_with_an_authority_of_ones_own_and_certificates_of_clients() {
    let mut server = Nats::start();
    server.add_stream(STREAM, &["hookd.>"], json!({}));
    for (name, host) in [("server", "localhost"), ("client", "hookd"), ("stranger", "localhost")] {
        issue(server.folder(), name, host);
    }
    let file = |name: &str| server.folder().join(name).display().to_string();
    let tls = format!("cert_file: {:?}, key_file: {:?}", file("server.pem"), file("server-key.pem"));
    let verified = format!("tls {{ {tls}, ca_file: {:?}, verify: true }}", file("client-ca.pem"));
    server.kill_9();
    server.configure(&format!("tls {{ {tls} }}"));
    server.start_again();

    let ours = json!({"ca": "server-ca.pem"});
    expect(&attempt(&server, "tls", ours.clone()).await, Verdict::Delivered, "message 1 of the stream `CHANGES`");
    // The server asks for TLS.
    expect(&attempt(&server, "nats", ours.clone()).await, Verdict::Delivered, "message 2");
    expect(
        &attempt(&server, "tls", json!({"ca": "stranger-ca.pem"})).await,
        LATER,
        "is not trusted: name the authority's",
    );
    expect(
        &attempt(&server, "tls", json!({})).await,
        LATER,
        "is not trusted: name the authority's certificate in `ca`",
    );

    server.kill_9();
    server.configure(&verified);
    server.start_again();
    expect(&attempt(&server, "tls", ours).await, LATER, "`client_certificate`");
    let both = json!({"ca": "server-ca.pem", "client_certificate": "client.pem"});
    expect(&attempt(&server, "tls", both).await, Verdict::Delivered, "message 3");

    server.kill_9();
    server.configure("");
    server.start_again();
    expect(&attempt(&server, "tls", json!({"ca": "server-ca.pem"})).await, LATER, "is `tls://` right in `url`?");
    assert_eq!(ids(&server).len(), 3);
}

/// Users of an account: one for the tests, and those of hookd.
fn with_users(users: &str) -> Nats {
    let config = format!("authorization {{ users: [{{user: tests, password: tests}}, {users}] }}");
    let server = Nats::start_with(&config, json!({"user": "tests", "pass": "tests"}));
    server.add_stream(STREAM, &["hookd.>"], json!({}));
    server
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn wrong_credentials_are_named_and_not_shown() {
    let server = with_users("{user: hookd, password: pa55word}");
    let login = |password: &str| json!({"user": "hookd", "password": password});
    let wrong = attempt(&server, "nats", login("s3cret")).await;
    expect(&wrong, Verdict::ThisSink, "does not accept the credentials");
    assert!(wrong.answer.ends_with("check `user` and `password`") && !wrong.answer.contains("s3cret"), "{wrong:?}");
    expect(&attempt(&server, "nats", json!({"token": "s3cret"})).await, Verdict::ThisSink, "check `token`");
    let without = attempt(&server, "nats", json!({})).await;
    expect(&without, Verdict::ThisSink, "wants credentials");
    expect(&attempt(&server, "nats", login("pa55word")).await, Verdict::Delivered, "message 1");
}

/// The example of NATS's own documentation.
const NKEY: (&str, &str) = (
    "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
);

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_key_signs_what_the_server_asks() {
    let server = with_users(&format!("{{nkey: {}}}", NKEY.0));
    expect(&attempt(&server, "nats", json!({"nkey": NKEY.1})).await, Verdict::Delivered, "message 1");
}

/// What the manual says that the user of hookd may do.
const PERMISSIONS: &str = "publish: [\"hookd.>\", \"$JS.API.STREAM.NAMES\", \"$JS.API.STREAM.INFO.CHANGES\", \
    \"$JS.API.STREAM.MSG.GET.CHANGES\", \"$JS.API.CONSUMER.CREATE.CHANGES\"], subscribe: [\"_INBOX.>\"]";

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn the_permissions_of_the_manual_are_enough_and_a_missing_one_is_named() {
    let user = |permissions: &str| format!("{{user: hookd, password: x, permissions: {{ {permissions} }}}}");
    let manual = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sinks.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&manual).contains(&words(PERMISSIONS)), "the manual says something else");

    let login = json!({"user": "hookd", "password": "x", "timeout": "5s"});
    let server = with_users(&user(PERMISSIONS));
    let options = json!({"url": format!("nats://{}", server.address()), "user": "hookd", "password": "x"});
    let sink = try_build(server.folder(), options).unwrap_or_else(|problems| panic!("{problems:?}"));
    let (first, second) = (change(1, "main"), change(2, "main"));
    deliver(&*sink, &first).await;
    deliver(&*sink, &second).await;
    assert!(super::kit::has(&*sink, &first).await && sink.look().await.is_empty());

    for missing in ["hookd.>", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.MSG.GET.CHANGES", "_INBOX.>"] {
        let server = with_users(&user(&PERMISSIONS.replace(missing, "other")));
        let attempt = attempt(&server, "nats", login.clone()).await;
        expect(&attempt, Verdict::ThisSink, "the user lacks a permission that");
        assert!(attempt.answer.contains("Permissions Violation") && !attempt.may_have_arrived, "{attempt:?}");
    }
}
