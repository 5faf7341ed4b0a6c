//! TLS on both listeners, with certificates that change while hookd runs.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use hookd_tests::{Home, Hookd, until};
use rcgen::{CertifiedKey, KeyPair};

use crate::curl::{Said, curl};
use crate::raw::Raw;

const CONFIG: &str = "[server]\nlisten = '127.0.0.1:0'\ntls = { certificate = 'public.pem', key = 'public.key' }\n\
    [admin]\nlisten = '127.0.0.1:0'\ntls = { certificate = 'admin.pem', key = 'admin.key' }\n\
    [store]\nurl = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\n";

/// A self-signed certificate for the address of the tests.
fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made")
}

/// Writes a certificate and its key, and a copy of the certificate for the clients that trust it.
fn write(home: &Home, name: &str, trusted: &str) {
    let CertifiedKey { cert, signing_key } = certificate();
    home.write(&format!("{name}.key"), signing_key.serialize_pem());
    home.write(&format!("{name}.pem"), cert.pem());
    home.write(trusted, cert.pem());
}

fn start() -> Hookd {
    let home = Home::with_config(CONFIG);
    write(&home, "public", "trusted-public.pem");
    write(&home, "admin", "trusted-admin.pem");
    home.start()
}

/// Sends a change, trusting only that certificate.
fn send(hookd: &Hookd, trusted: &str) -> Said {
    let trusted = hookd.home().path().join(trusted).display().to_string();
    curl(&format!("https://{}/change_hook", hookd.public()), &["--cacert", &trusted, "-d", "author=a"])
}

fn health(hookd: &Hookd, trusted: &str) -> Said {
    let trusted = hookd.home().path().join(trusted).display().to_string();
    curl(&format!("https://{}/healthz", hookd.admin().address()), &["--cacert", &trusted])
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn both_listeners_have_their_own_certificate() {
    let hookd = start();
    let taken = send(&hookd, "trusted-public.pem");
    // HTTP/2 is not offered: its idle connections would delay a shutdown.
    assert_eq!((taken.line().as_str(), taken.version.as_str()), ("202 1 change found", "1.1"));
    assert_eq!(health(&hookd, "trusted-admin.pem").line(), "200 ok");
    // Each certificate is valid for its own listener only.
    assert_eq!(send(&hookd, "trusted-admin.pem").status, None);
    assert_eq!(health(&hookd, "trusted-public.pem").status, None);
    // Without TLS there is no answer from hookd.
    let plain = curl(&format!("http://{}/change_hook", hookd.public()), &["-d", "author=a"]);
    assert_ne!(plain.status, Some(202), "{plain:?}");
    assert_eq!(hookd.terminate().0.code(), Some(0));
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn a_replaced_certificate_is_served_and_a_broken_one_is_not() {
    let hookd = start();
    assert_eq!(send(&hookd, "trusted-public.pem").status, Some(202));
    write(hookd.home(), "public", "second.pem");
    until("the new certificate is served", || send(&hookd, "second.pem").status);
    assert_eq!(send(&hookd, "trusted-public.pem").status, None);
    assert_eq!(health(&hookd, "trusted-admin.pem").status, Some(200), "the other listener keeps its own");

    // Half of a replacement, and then none at all: the previous certificate stays in use, and an error is logged.
    hookd.home().write("public.key", certificate().signing_key.serialize_pem());
    until("the problem with the key is logged", || {
        assert_eq!(send(&hookd, "second.pem").status, Some(202));
        hookd.log().iter().any(|line| line.contains("certificate rejected, keeping the previous one")).then_some(())
    });
    hookd.home().write("public.pem", "no certificate");
    until("the problem with the certificate is logged", || {
        assert_eq!(send(&hookd, "second.pem").status, Some(202));
        hookd.log().iter().any(|line| line.contains("no certificate found")).then_some(())
    });
    write(hookd.home(), "public", "third.pem");
    until("the repaired certificate is served", || send(&hookd, "third.pem").status);
    let log = hookd.log().join("\n");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn the_command_reloads_over_tls_if_the_certificate_is_trusted() {
    let home = Home::with_config(CONFIG);
    write(&home, "public", "trusted-public.pem");
    write(&home, "admin", "trusted-admin.pem");
    let trusted = home.path().join("trusted-admin.pem").display().to_string();
    let hookd = home.with_variable("SSL_CERT_FILE", &trusted).start();
    let address = hookd.admin().address();
    let done = hookd.home().run(&["reload", "--admin", &format!("https://{address}")]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    // The public listener has another certificate, which is not trusted.
    let refused = hookd.home().run(&["reload", "--admin", &format!("https://{}", hookd.public())]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
}

/// Also the certificate of another name, which has expired: it is the one that the configuration names.
#[test]
fn commands_trust_the_certificate_that_the_configuration_names() {
    let home = Home::with_config(CONFIG);
    write(&home, "public", "trusted-public.pem");
    let mut parameters = rcgen::CertificateParams::new(["hooks.example.org".to_owned()]).expect("it is a name");
    parameters.not_before = rcgen::date_time_ymd(2015, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    // As `openssl req -x509` makes them.
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    home.write("admin.pem", parameters.self_signed(&key).expect("a certificate can be made").pem());
    home.write("admin.key", key.serialize_pem());
    let hookd = home.start();
    let url = format!("https://{}", hookd.admin().address());
    for command in [&["reload"][..], &["sinks", "list"]] {
        let done = hookd.home().run(&[command, &["--admin", &url]].concat());
        assert_eq!(done.code, Some(0), "{command:?}: {}", done.stderr);
    }
    // Without that file, nobody vouches for it; the address is named.
    hookd.home().write("other.toml", "[change_hook_dialects]\n");
    let refused = hookd.home().run(&["reload", "--admin", &url, "--config", "other.toml"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in [&format!("cannot reach the running hookd at `{url}`: invalid peer certificate"), "--ca FILE"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
}

#[test]
fn an_authority_may_be_named_on_the_command_line() {
    let home = Home::with_config(CONFIG);
    write(&home, "public", "trusted-public.pem");
    write(&home, "admin", "trusted-admin.pem");
    home.write("other.toml", "[change_hook_dialects]\n");
    let hookd = home.start();
    let url = format!("https://{}", hookd.admin().address());
    for (ca, code, message) in [
        ("trusted-admin.pem", 0, ""),
        ("trusted-public.pem", 1, "invalid peer certificate"),
        ("none.pem", 1, "`none.pem`: cannot be read"),
        ("other.toml", 1, "`other.toml`: no certificate found"),
    ] {
        let done = hookd.home().run(&["reload", "--admin", &url, "--config", "other.toml", "--ca", ca]);
        assert_eq!(done.code, Some(code), "{ca}: {}", done.stderr);
        assert!(done.stderr.contains(message), "{ca}: {}", done.stderr);
    }
}

#[test]
fn a_command_that_reaches_nobody_names_the_address_and_what_to_do() {
    let hookd = start();
    let address = hookd.admin().address();
    let plain = Home::serving("[change_hook_dialects]\nbase = true").start();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it was bound");
    for (url, message) in [
        (format!("http://{address}"), "if its `[admin]` has `tls`, the URL begins with `https://`"),
        (format!("https://{}", plain.admin().address()), "it does not speak TLS"),
        (format!("http://ann:hunter2@{closed}"), "nothing listens there: is hookd running"),
        (format!("http://{}", plain.public()), "what answers there is not its private listener"),
    ] {
        let done = hookd.home().run(&["reload", "--admin", &url]);
        assert_eq!(done.code, Some(1), "{url}: {}", done.stderr);
        let shown = url.replace("ann:hunter2@", "");
        for part in [&format!("cannot reach the running hookd at `{shown}`: "), message] {
            assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
        }
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    }
}

#[test]
fn invalid_files_are_a_problem_of_the_configuration() {
    let good = certificate();
    let other = certificate();
    for (pem, key, said) in [
        (None, Some(good.signing_key.serialize_pem()), "`public.pem` cannot be read"),
        (Some(good.cert.pem()), Some("nothing".to_owned()), "public.key"),
        (Some("nothing".to_owned()), Some(good.signing_key.serialize_pem()), "no certificate found"),
        (Some(good.cert.pem()), Some(other.signing_key.serialize_pem()), "do not belong together"),
    ] {
        let home = Home::with_config(CONFIG);
        write(&home, "admin", "trusted.pem");
        for (name, text) in [("public.pem", pem), ("public.key", key)] {
            if let Some(text) = text {
                home.write(name, text);
            }
        }
        let checked = home.run(&["check"]);
        assert_eq!(checked.code, Some(2), "{said}: {}", checked.stderr);
        let first = checked.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("hookd.toml:3:"), "{}", checked.stderr);
        assert!(first.contains(said.trim_matches('`')) || first.contains("cannot be read"), "{said}: {first}");
        assert!(!checked.stderr.contains("PRIVATE KEY"), "{}", checked.stderr);
    }
}

#[test]
#[ignore = "needs curl from cargo xtask test"]
fn unfinished_handshakes_delay_nobody() {
    let hookd = start();
    let mut stuck: Vec<_> = (0..1000).map(|_| Raw::open(hookd.public())).collect();
    // Some start the handshake.
    for connection in &mut stuck[..500] {
        connection.write("\x16\x03\x01\x02\x00\x01");
    }
    let since = Instant::now();
    assert_eq!(send(&hookd, "trusted-public.pem").line(), "202 1 change found");
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    // hookd closes them.
    for connection in [&mut stuck.swap_remove(999), &mut stuck.swap_remove(0)] {
        connection.closed();
    }
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
}
