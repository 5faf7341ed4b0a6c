//! Where requests come from, also behind trusted proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use hookd_config::{Config, Networks, senders};

/// Whether a request comes from an allowed address. `None` allows all.
pub(super) fn is_allowed(allow_from: Option<&Networks>, config: &Config, request: &HttpRequest) -> bool {
    let Some(allowed) = allow_from else { return true };
    let Some(peer) = request.peer_addr() else { return false };
    senders_of(request, peer, config).into_iter().all(|sender| sender.is_some_and(|sender| allowed.contains(sender)))
}

/// The address that a request comes from, for people; the one that a trusted proxy names, if it names one.
pub(super) fn shown_sender(request: &HttpRequest, config: &Config) -> Option<String> {
    let senders = senders_of(request, request.peer_addr()?, config);
    let text = |sender: Option<IpAddr>| sender.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    Some(senders.into_iter().map(text).collect::<Vec<_>>().join(", "))
}

/// The address whose share of what each address may use a request counts for: that of its sender; the proxy's, where the
/// sender is not certain.
pub(super) fn counted_sender(request: &HttpRequest, config: &Config) -> IpAddr {
    let Some(peer) = request.peer_addr() else { return IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let mut senders = senders_of(request, peer, config);
    senders.dedup();
    match senders[..] {
        [Some(sender)] => sender,
        _ => peer.ip(),
    }
}

fn senders_of(request: &HttpRequest, peer: SocketAddr, config: &Config) -> Vec<Option<IpAddr>> {
    let values = |name| request.headers().get_all(name).map(HeaderValue::as_bytes);
    senders(peer, values, &config.server.trusted_proxies)
}
