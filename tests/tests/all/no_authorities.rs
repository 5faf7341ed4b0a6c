//! A system without certificates of authorities, such as a container from scratch: what needs none works, and what does says so.

use hookd_tests::{Finished, Home, Hookd};
use rcgen::CertifiedKey;

use crate::push;

const CONFIG: &str = "[server]\nlisten = '127.0.0.1:0'\ntls = { certificate = 'public.pem', key = 'public.key' }\n\
    [admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\n";

fn without_authorities(home: Home) -> Home {
    home.with_variable("SSL_CERT_FILE", "/nonexistent").with_variable("SSL_CERT_DIR", "/nonexistent")
}

fn send(hookd: &Hookd, url: &str, more: &[&str]) -> Finished {
    hookd.home().run(&[&["send", "-w", "ann", "-r", "r", "-P", "p", "--url", url], more].concat())
}

#[test]
fn hookd_serves_and_sends_without_tls() {
    let hookd = without_authorities(Home::serving("[change_hook_dialects]\ngithub = true\nbase = true")).start();
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    let sent = send(&hookd, &format!("http://{}/change_hook/base", hookd.public()), &[]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    assert_eq!(hookd.admin().changes().len(), 2);
}

#[test]
fn what_must_be_verified_by_the_system_says_what_is_missing_and_what_is_possible() {
    let home = Home::with_config(CONFIG);
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
    home.write("public.pem", cert.pem());
    home.write("public.key", signing_key.serialize_pem());
    home.write(
        "sink.toml",
        "[change_hook_dialects]\nbase = true\n[[sinks]]\ntype = 'webhook'\nname = 'w'\nurl = 'https://127.0.0.1:1/'\n",
    );
    let hookd = without_authorities(home).start();
    let url = format!("https://{}/change_hook/base", hookd.public());
    let refused = send(&hookd, &url, &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in ["this system has no certificates of authorities", "`ca-certificates`"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let sent = send(&hookd, &url, &["--ca", "public.pem"]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    let checked = hookd.home().run(&["check", "--config", "sink.toml"]);
    assert_eq!(checked.code, Some(2), "{}", checked.stderr);
    assert!(checked.stderr.contains("name the certificates of its authority in `ca`"), "{}", checked.stderr);
}
