//! TLS to the server, and its passwords.

use std::net::TcpListener;

use hookd_tests::{Home, Postgres};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{config, revisions};
use crate::push;

/// A server with TLS and passwords on a port of the loopback, and the certificate of the authority that has signed its own.
fn start() -> (Postgres, u16, String) {
    let mut server = Postgres::start();
    server.query("postgres", "ALTER ROLE hookd PASSWORD 'hunter2'");
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = certificate.signed_by(&key, &authority).expect("a certificate");
    server.write("server.crt", &certificate.pem());
    server.write("server.key", &key.serialize_pem());
    server.write("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n");
    server.stop();
    // Another process may take it meanwhile; then the server does not start, and the test fails.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    server.set("ssl=on");
    server.listen_on(port);
    server.start_again();
    (server, port, authority.pem())
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_store_is_copied_with_a_password_from_anywhere_and_under_tls() {
    let (server, port, authority) = start();
    let hookd = Home::with_config(&config("url = \"sqlite:hookd.db\"")).with_variable("PGPASS", "hunter2").start();
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    let (_, home) = hookd.terminate();
    home.write("ca.pem", &authority);
    home.write("password", "hunter2\n");
    home.write("wrong", "hunter3\n");
    let url = |password: &str| format!("postgresql://hookd{password}@localhost:{port}/{}", server.new_database());
    let copy = |url: &str, options: &[&str]| {
        let copied = home.run(&[&["store", "copy", "--from", "sqlite:hookd.db", "--to", url], options].concat());
        assert!(!copied.stderr.contains("hunter") && !copied.stdout.contains("hunter"), "{copied:?}");
        copied
    };
    let tls = ["--sslmode", "verify-full", "--sslrootcert", "ca.pem"];
    for (password, options) in [
        (":hunter2", &[][..]),
        (":hunter2", &["--password-file", "wrong"]),
        ("", &["--password-file", "password"]),
        ("", &["--password-env", "PGPASS"]),
    ] {
        let copied = copy(&url(password), &[&tls, options].concat());
        assert_eq!((copied.code, copied.stderr.as_str()), (Some(0), ""), "{options:?}");
    }
    for (password, options, code, message) in [
        ("", &["--password-file", "wrong"][..], 1, "password authentication failed"),
        ("", &[], 1, "set `password` of `[store]`"),
        ("", &["--password-file", "none"], 2, "error: `--to`: password: "),
        ("", &["--password-env", "NONE"], 2, "error: `--to`: password: "),
    ] {
        let refused = copy(&url(password), &[&tls, options].concat());
        assert_eq!(refused.code, Some(code), "{options:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(message), "{options:?}: {}", refused.stderr);
    }
    let refused = copy(&url(":hunter2"), &["--sslmode", "verify-full"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("certificate"), "{}", refused.stderr);
    // As the configuration says.
    let url = url("");
    let store = "password = { file = \"password\" }\nsslmode = \"verify-full\"\nsslrootcert = \"ca.pem\"";
    home.write("hookd.toml", config(&format!("url = \"{url}\"\n{store}")));
    let copied = copy(&url, &[]);
    assert_eq!((copied.code, copied.stderr.as_str()), (Some(0), ""));
    assert_eq!(revisions(&home.start()), ["1"]);
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn the_certificate_of_the_server_is_verified_and_passwords_come_from_anywhere() {
    let (server, port, authority) = start();
    let database = server.new_database();
    let serve = |store: &str| {
        let home = Home::with_config(&config(store)).with_variable("PGPASS", "hunter2");
        home.write("ca.pem", &authority);
        home.write("password", "hunter2\n");
        home
    };
    let url = |host: &str, password: &str| format!("url = \"postgresql://hookd{password}@{host}:{port}/{database}\"\n");
    let verified = "sslmode = \"verify-full\"\nsslrootcert = \"ca.pem\"\n";
    for store in [
        url("localhost", ":hunter2") + verified,
        url("localhost", "") + verified + "password = { file = \"password\" }",
        url("127.0.0.1", "") + "sslmode = \"require\"\npassword = { env = \"PGPASS\" }",
    ] {
        let hookd = serve(&store).start();
        assert_eq!(hookd.send(&push::request("1").header("X-GitHub-Delivery", "d1")).line(), "202 1 change found");
        assert_eq!(revisions(&hookd), ["1"], "{store}");
        assert!(!hookd.log().join("\n").contains("hunter2"), "{store}");
        assert_eq!(hookd.terminate().0.code(), Some(0));
    }
    let store = url("localhost", ":hunter2") + "sslmode = \"verify-full\"";
    let bare =
        serve(&store).with_variable("SSL_CERT_FILE", "/nonexistent").with_variable("SSL_CERT_DIR", "/nonexistent");
    let refused = bare.run(&["serve", "--config", "hookd.toml"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in ["this system has no certificates of authorities", "`ca-certificates`", "`sslrootcert` of `[store]`"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    for (store, parts) in [
        // The certificate is for another name.
        (url("127.0.0.1", ":hunter2") + verified, &["certificate", "`sslmode` and `sslrootcert`"][..]),
        // The authority is unknown to the system.
        (url("localhost", ":hunter2") + "sslmode = \"verify-full\"", &["certificate", "`sslmode` and `sslrootcert`"]),
        (url("localhost", ":hunter3") + verified, &["password authentication failed", "`password` of `[store]`"]),
        (url("localhost", "") + verified, &["password missing", "set `password` of `[store]`"]),
        (url("localhost", ":hunter2") + "sslmode = \"disable\"", &["no pg_hba.conf entry", "`pg_hba.conf`"]),
    ] {
        let refused = serve(&store).run(&["serve", "--config", "hookd.toml"]);
        assert_eq!(refused.code, Some(1), "{store}: {}", refused.stderr);
        for part in parts {
            assert!(refused.stderr.contains(part), "{store}: {}", refused.stderr);
        }
        assert!(!refused.stderr.contains("hunter"), "{}", refused.stderr);
    }
}
