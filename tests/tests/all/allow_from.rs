//! `allow_from` and `trusted_proxies`: from which addresses requests may come.

use hookd_tests::http::{Answer, Request};
use hookd_tests::{Home, Hookd};
use serde_json::Value;

const FORBIDDEN: &str = "403 requests may not come from this address";
const TAKEN: &str = "202 1 change found";

/// hookd with these `[server]` options and dialects.
fn start(server: &str, dialects: &str) -> Hookd {
    Home::with_config(&format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\n{dialects}\n"
    ))
    .start()
}

fn to(dialect: &str) -> Request {
    Request::get(format!("/change_hook/{dialect}?author=a"))
}

fn send(hookd: &Hookd, headers: &[(&str, &str)]) -> Answer {
    hookd.send(&headers.iter().fold(to("base"), |request, (name, value)| request.header(name, value)))
}

#[test]
fn the_list_of_the_server_applies_to_dialects_without_one() {
    let dialects = "base = true\nours = { custom_class = 'base', allow_from = ['127.0.0.0/8'] }\n\
        theirs = { custom_class = 'base', allow_from = ['2001:db8::/32', '198.51.100.1'] }";
    let hookd = start("allow_from = ['192.0.2.0/24']", dialects);
    for (dialect, line) in [("base", FORBIDDEN), ("ours", TAKEN), ("theirs", FORBIDDEN)] {
        let answer = hookd.send(&to(dialect));
        assert_eq!(answer.line(), line, "{dialect}");
        assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    }
    // Only a trusted proxy can forward for another address.
    assert_eq!(send(&hookd, &[("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1")]).line(), FORBIDDEN);
    assert_eq!(hookd.admin().deliveries().len(), 1);
}

#[test]
fn without_a_list_requests_may_come_from_anywhere() {
    let hookd = start("", "base = true");
    assert_eq!(send(&hookd, &[]).line(), TAKEN);
}

#[test]
fn a_disallowed_address_is_refused_before_the_password() {
    let hookd = start("", "base = { allow_from = ['192.0.2.1'], change_hook_auth = 'memory:ann:one' }");
    assert_eq!(send(&hookd, &[]).line(), FORBIDDEN);
}

#[test]
fn a_trusted_proxy_reports_the_address_of_the_sender() {
    let options = "allow_from = ['192.0.2.0/24', '2001:db8::/32']\ntrusted_proxies = ['127.0.0.1', '10.0.0.0/8']";
    let hookd = start(options, "base = true");
    for (headers, line) in [
        // The proxy itself is not on the list.
        (&[][..], FORBIDDEN),
        (&[("X-Forwarded-For", "192.0.2.7")], TAKEN),
        (&[("X-Forwarded-For", "198.51.100.1")], FORBIDDEN),
        (&[("Forwarded", "for=192.0.2.7")], TAKEN),
        (&[("Forwarded", "proto=https; For=\"[2001:db8::7]:4711\"")], TAKEN),
        (&[("Forwarded", "for=198.51.100.1")], FORBIDDEN),
        // The last address that is not a trusted proxy counts, whatever the sender put before it.
        (&[("X-Forwarded-For", "198.51.100.1, 192.0.2.7, 10.1.2.3")], TAKEN),
        (&[("X-Forwarded-For", "192.0.2.7, 198.51.100.1")], FORBIDDEN),
        (&[("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "198.51.100.1")], FORBIDDEN),
        (&[("Forwarded", "for=192.0.2.7, for=198.51.100.1")], FORBIDDEN),
        // If the two headers disagree, both addresses must be allowed.
        (&[("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=198.51.100.1")], FORBIDDEN),
        (&[("X-Forwarded-For", "198.51.100.1"), ("Forwarded", "for=192.0.2.7")], FORBIDDEN),
        // A hidden address is not allowed.
        (&[("X-Forwarded-For", "unknown")], FORBIDDEN),
        (&[("X-Forwarded-For", "")], FORBIDDEN),
        (&[("Forwarded", "for=_hidden")], FORBIDDEN),
        (&[("X-Forwarded-For", "192.0.2.7, garbage")], FORBIDDEN),
    ] {
        assert_eq!(send(&hookd, headers).line(), line, "{headers:?}");
    }
    let taken = hookd.admin().deliveries();
    assert_eq!(taken.len(), 4);

    // The list of refused requests shows the address that counted, not the proxy's.
    let answer = hookd.admin().get("/api/v2/unverified");
    let envelope: Value = serde_json::from_slice(&answer.body).expect("the API answers JSON");
    let peers: Vec<_> = envelope["unverified"].as_array().into_iter().flatten().map(|entry| &entry["peer"]).collect();
    assert_eq!(peers.len(), 12);
    for peer in ["127.0.0.1", "198.51.100.1", "192.0.2.7, 198.51.100.1", "unknown"] {
        assert!(peers.contains(&&Value::from(peer)), "{peer}: {peers:?}");
    }
}
