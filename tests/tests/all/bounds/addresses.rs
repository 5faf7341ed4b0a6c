//! A header of a trusted proxy that cannot be read counts as nobody.

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd};

const FORBIDDEN: &str = "403 requests may not come from this address";
const ACCEPTED: &str = "202 1 change found";

fn start(server: &str) -> Hookd {
    Home::with_config(&format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\nbase = true\n"
    ))
    .start()
}

fn line(hookd: &Hookd, headers: &[(&str, &[u8])]) -> String {
    let request = Request::get("/change_hook?author=a");
    hookd.send(&headers.iter().fold(request, |request, (name, value)| request.header(name, value))).line()
}

#[test]
fn what_a_proxy_sends_and_nobody_can_read_is_refused_even_where_the_proxy_is_allowed() {
    // The worst configuration: the proxy's own address is allowed as well.
    let hookd = start("allow_from = ['127.0.0.1', '192.0.2.0/24', 'fe80::/10']\ntrusted_proxies = '127.0.0.1'");
    assert_eq!(line(&hookd, &[]), ACCEPTED);
    let mut refused = 0;
    for name in ["X-Forwarded-For", "x-forwarded-for"] {
        for value in [
            &b"\xff"[..],
            b"\x80\x81",
            b"192.0.2.1\xff",
            b"192.0.2.1, \xff",
            // What a proxy appends to what the sender sent.
            b"\xff, 198.51.100.1",
            b"192.0.2.1, 198.51.100.1",
            b"",
            b"unknown",
            b"_hidden",
            b"192.0.2.1,",
            b"192.0.2.1:99999",
            b"192.0.2.1:",
            b"[192.0.2.1]",
            b"192.0.2.01",
            b"0xC0000201",
            b"3221225985",
            b"192.0.2.1%eth0",
            b"fe80::1%",
            b"localhost",
            b"127.0.0.1 192.0.2.1",
        ] {
            assert_eq!(line(&hookd, &[(name, value)]), FORBIDDEN, "{name}: {}", value.escape_ascii());
            refused += 1;
        }
    }
    for value in [
        &b"\xff"[..],
        b"for=\xff",
        b"for=unknown",
        b"for=_hidden",
        b"for=\"_hidden\"",
        b"proto=https",
        b"",
        b"for",
        b"for=192.0.2.1;for=192.0.2.1",
        b"for=\"192.0.2.1",
        b"for=198.51.100.1;host=\"x, for=192.0.2.1\"",
        b"for=192.0.2.1;host=\"x, for=198.51.100.1",
        b"for=\"\\127.0.0.1\"",
    ] {
        assert_eq!(line(&hookd, &[("Forwarded", value)]), FORBIDDEN, "{}", value.escape_ascii());
        refused += 1;
    }
    // Several headers are one list, and each of the two names must be readable.
    for headers in [
        &[("X-Forwarded-For", &b"192.0.2.1"[..]), ("X-Forwarded-For", b"\xff")][..],
        &[("X-Forwarded-For", b"192.0.2.1"), ("Forwarded", b"\xff")],
        &[("X-Forwarded-For", b"\xff"), ("Forwarded", b"for=192.0.2.1")],
        &[("Forwarded", b"for=192.0.2.1"), ("Forwarded", b"for=\xff")],
    ] {
        assert_eq!(line(&hookd, headers), FORBIDDEN, "{headers:?}");
        refused += 1;
    }
    for headers in [
        &[("X-Forwarded-For", &b"192.0.2.1"[..])][..],
        &[("X-Forwarded-For", b"192.0.2.1:4711")],
        &[("X-Forwarded-For", b"fe80::1%eth0")],
        &[("X-Forwarded-For", b"[fe80::1%eth0]:443")],
        &[("X-Forwarded-For", b"::ffff:192.0.2.1")],
        &[("X-Forwarded-For", b"\xff, 192.0.2.1")],
        &[("X-Forwarded-For", b"\xff"), ("X-Forwarded-For", b"192.0.2.1")],
        &[("Forwarded", b"for=\"[fe80::1]:_port\";proto=https")],
        &[("Forwarded", b"for=_hidden, for=192.0.2.1;host=\xff")],
    ] {
        assert_eq!(line(&hookd, headers), ACCEPTED, "{headers:?}");
    }
    assert_eq!(hookd.admin().deliveries().len(), 10, "{refused} requests were refused, and left nothing");
}

#[test]
fn networks_are_taken_as_a_dual_stack_listener_logs_them() {
    let hookd = start("allow_from = '::ffff:192.0.2.0/120'\ntrusted_proxies = ['::ffff:127.0.0.1']");
    assert_eq!(line(&hookd, &[("X-Forwarded-For", b"192.0.2.7")]), ACCEPTED);
    assert_eq!(line(&hookd, &[("X-Forwarded-For", b"192.0.3.7")]), FORBIDDEN);
    assert_eq!(line(&hookd, &[]), FORBIDDEN);
}

#[test]
fn of_several_authorization_headers_none_counts() {
    let home = Home::serving("[change_hook_dialects]\nbase = { change_hook_auth = ['anonymous', 'memory:ann:one'] }");
    let hookd = home.start();
    let (right, wrong) = (&b"Basic YW5uOm9uZQ=="[..], &b"Basic YW5uOnR3bw=="[..]);
    let status = |headers: &[&[u8]]| {
        let headers: Vec<_> = headers.iter().map(|value| ("Authorization", *value)).collect();
        line(&hookd, &headers)[..3].to_owned()
    };
    assert_eq!(status(&[right]), "202");
    assert_eq!(status(&[]), "202");
    for refused in [&[wrong][..], &[b"\xff"], &[right, right], &[right, wrong], &[wrong, right], &[right, b"\xff"]] {
        assert_eq!(status(refused), "401", "{refused:?}");
    }
}
