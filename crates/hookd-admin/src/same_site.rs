//! Refuses what a page of another site makes a browser send.
//!
//! Two rules. A page whose own name leads to this machine's address (DNS rebinding) sends that name as `Host`, so a request
//! must name the listener's address, or one of `[admin] hosts`. And a request that changes something must not come from
//! another origin: browsers report that in `Sec-Fetch-Site`, older ones and those on plain HTTP in `Origin`; clients that
//! are no browsers send neither. A header that cannot be read counts as a wrong one.

use std::net::IpAddr;

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};
use hookd_config::Host;
use hookd_http::plain;

use crate::rest;
use crate::state::AppState;

/// Where a browser says that the page comes from which sends the request.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks a request before anything else is done with it.
///
/// # Errors
/// The answer to a request that a page of another site may have caused.
pub(crate) fn check(state: &AppState, request: &ServiceRequest) -> Result<(), Box<HttpResponse>> {
    let host = single(request, &HOST).flatten();
    let names_us = |host: &str| is_ours(state, host);
    let is_direct = host.is_some_and(names_us) && request.uri().authority().is_none_or(|to| names_us(to.as_str()));
    if !is_direct {
        let message = "this name does not belong to the `[admin]` listener of hookd: use its address, or add the name to \
            `hosts` in the section `[admin]` of hookd.toml";
        return Err(Box::new(plain(StatusCode::MISDIRECTED_REQUEST, message.to_owned())));
    }
    if !request.method().is_safe() && is_cross_site(state, request, host.unwrap_or_default()) {
        return Err(Box::new(rest::error(StatusCode::FORBIDDEN, "a page of another site may not do this")));
    }
    Ok(())
}

/// Whether this `NAME[:PORT]` is the listener's own address or one of `[admin] hosts`.
fn is_ours(state: &AppState, host: &str) -> bool {
    let config = state.config();
    let default_port = if config.files.admin_certificate.is_some() { 443 } else { 80 };
    let Some((name, port)) = Host::split(host) else { return false };
    let port = port.unwrap_or(default_port);
    if config.admin.hosts.iter().any(|known| known.covers(name, port)) {
        return true;
    }
    let own = state.address();
    let is_localhost = name.eq_ignore_ascii_case("localhost");
    let ip = name.trim_start_matches('[').trim_end_matches(']').parse().ok().map(|ip: IpAddr| ip.to_canonical());
    // An address is no name that DNS could lead elsewhere. A listener on all addresses does not know its own ones, nor
    // the port that a container is reached by.
    if own.ip().is_unspecified() {
        return is_localhost || ip.is_some();
    }
    let own_ip = own.ip().to_canonical();
    port == own.port() && (ip == Some(own_ip) || (is_localhost && own_ip.is_loopback()))
}

/// Whether a browser reports that a page of another origin sent the request.
fn is_cross_site(state: &AppState, request: &ServiceRequest, host: &str) -> bool {
    match single(request, &SEC_FETCH_SITE) {
        Some(Some("same-origin" | "none")) => return false,
        Some(_) => return true,
        None => {}
    }
    match single(request, &ORIGIN) {
        None => false,
        Some(None) => true,
        Some(Some(origin)) => {
            let Some((_, from)) = origin.split_once("://") else { return true };
            // Behind a proxy `Host` may be the proxy's name for us, and `Origin` that of people.
            let is_named = || {
                let port = if origin.starts_with("https:") { 443 } else { 80 };
                let named = Host::split(from).map(|(name, own)| (name, own.unwrap_or(port)));
                named
                    .is_some_and(|(name, port)| state.config().admin.hosts.iter().any(|known| known.covers(name, port)))
            };
            !from.eq_ignore_ascii_case(host) && !is_named()
        }
    }
}

/// A header: `None` if it is missing, `Some(None)` if it cannot be read or is there twice.
#[expect(clippy::option_option, reason = "missing, unreadable and readable are three cases")]
fn single<'r>(request: &'r ServiceRequest, name: &HeaderName) -> Option<Option<&'r str>> {
    let mut values = request.headers().get_all(name);
    let first = values.next()?;
    Some(if values.next().is_some() { None } else { first.to_str().ok() })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;

    use super::*;
    use crate::site::Site;

    const BASE: &str = "[change_hook_dialects]\nbase = true\n";

    async fn status(admin: &str, host: &[u8]) -> u16 {
        let site = Site::configured(&format!("[admin]\n{admin}\n{BASE}"));
        let host = HeaderValue::from_bytes(host).unwrap();
        site.send(TestRequest::get().uri("/api/v2/dialects").insert_header((HOST, host))).await.status.as_u16()
    }

    #[actix_web::test]
    async fn only_requests_for_the_listener_itself_are_served() {
        for host in ["127.0.0.1:8011", "localhost:8011", "LOCALHOST:8011"] {
            assert_eq!(status("", host.as_bytes()).await, 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8011",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.2:8011",
            "localhost.evil.example:8011",
            "localhost",
            "[::1]:8011",
            "",
            "127.0.0.1:8011.evil.example",
            "a@127.0.0.1:8011",
            "127.0.0.1:8011:8011",
        ] {
            assert_eq!(status("", host.as_bytes()).await, 421, "{host}");
        }
        assert_eq!(status("", b"127.0.0.1:8011\xff").await, 421);
        let named = "hosts = ['hookd.example.org', 'localhost:9011']";
        for host in ["hookd.example.org", "HOOKD.example.org:8443", "localhost:9011", "127.0.0.1:8011"] {
            assert_eq!(status(named, host.as_bytes()).await, 200, "{host}");
        }
        assert_eq!(status(named, b"localhost:9012").await, 421);
    }

    #[actix_web::test]
    async fn a_listener_on_all_addresses_takes_every_address_and_no_name() {
        for listen in ["listen = '0.0.0.0:8011'", "listen = '[::]:8011'"] {
            for host in ["192.0.2.7:8011", "[2001:db8::1]:9011", "localhost:8011"] {
                assert_eq!(status(listen, host.as_bytes()).await, 200, "{listen} {host}");
            }
            assert_eq!(status(listen, b"rebound.evil.example:8011").await, 421, "{listen}");
        }
    }

    #[actix_web::test]
    async fn the_answer_names_the_option() {
        let answer = Site::new().send(TestRequest::get().uri("/").insert_header((HOST, "evil.example:8011"))).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
        assert!(answer.text.contains("`hosts` in the section `[admin]`"), "{}", answer.text);
        assert!(answer.headers.get("content-type").unwrap().to_str().unwrap().starts_with("text/plain"));
        // Probes reveal nothing, and may use any name.
        let probe = Site::new().send(TestRequest::get().uri("/healthz").insert_header((HOST, "pod.example"))).await;
        assert_eq!(probe.status, StatusCode::OK);
    }

    #[actix_web::test]
    async fn a_page_of_another_site_changes_nothing() {
        let site = Site::configured(&format!("[admin]\nhosts = ['hookd.example', 'pages.example:443']\n{BASE}"));
        let reload = || TestRequest::post().uri("/api/v2/reload").insert_header((HOST, "hookd.example:8011"));
        let latin = HeaderValue::from_bytes(b"http://hookd.example:8011\xff").unwrap();
        for origin in [
            "http://evil.example",
            "https://pages.example:8012",
            "null",
            "hookd.example:8011",
            "http://evil.hookd.example",
        ] {
            let answer = site.send(reload().insert_header((ORIGIN, origin))).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}: {}", answer.text);
        }
        assert_eq!(site.send(reload().insert_header((ORIGIN, latin))).await.status, StatusCode::FORBIDDEN);
        for (fetch_site, expected) in [
            ("cross-site", 403),
            ("same-site", 403),
            ("", 403),
            ("Same-Origin", 403),
            ("same-origin", 200),
            ("none", 200),
        ] {
            let answer = site.send(reload().insert_header((SEC_FETCH_SITE, fetch_site))).await;
            assert_eq!(answer.status.as_u16(), expected, "{fetch_site}");
        }
        let contradicting = reload().insert_header((SEC_FETCH_SITE, "cross-site"));
        let contradicting = contradicting.insert_header((ORIGIN, "http://hookd.example:8011"));
        assert_eq!(site.send(contradicting).await.status, StatusCode::FORBIDDEN);
        for origin in ["http://hookd.example:8011", "https://pages.example"] {
            assert_eq!(site.send(reload().insert_header((ORIGIN, origin))).await.status, StatusCode::OK, "{origin}");
        }
        assert_eq!(site.send(reload()).await.status, StatusCode::OK);
    }
}
