//! `allow_from`: the addresses that requests may come from, and `trusted_proxies`: the proxies whose headers name them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

/// How many bits come before the IPv4 address in one that is mapped into IPv6.
const MAPPED_PREFIX_BITS: u8 = 96;

/// Addresses and networks: a list of strings such as `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Networks(Vec<Network>);

/// An address or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Network(IpNet);

impl Networks {
    /// Whether the list is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the list contains every address, of IPv4 or of IPv6, so that it keeps out nobody who has one of those.
    pub(crate) fn is_everybody(&self) -> bool {
        let networks: Vec<IpNet> = self.0.iter().map(|network| network.0).collect();
        IpNet::aggregate(&networks).iter().any(|network| network.prefix_len() == 0)
    }

    /// Whether the address is in the list. An IPv4 address counts as the same in its IPv6 form.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }
}

impl Network {
    /// Reads an address or a network. One in IPv4-mapped form, as a dual-stack listener logs addresses
    /// (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2), is the IPv4 one that it stands for: requests are compared in that
    /// form.
    fn parse(text: &str) -> Option<Self> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
        let IpNet::V6(mapped) = network else { return Some(Self(network)) };
        match (mapped.addr().to_ipv4_mapped(), mapped.prefix_len().checked_sub(MAPPED_PREFIX_BITS)) {
            (Some(address), Some(bits)) => Ipv4Net::new(address, bits).ok().map(|network| Self(network.into())),
            _ => Some(Self(network)),
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || {
            de::Error::custom(format_args!(
                "`{text}` is neither an address nor a network such as `192.0.2.0/24` or `2001:db8::/32`"
            ))
        };
        Self::parse(&text).ok_or_else(wrong)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "address or network",
            "description": "An address or a network, such as `192.0.2.1`, `192.0.2.0/24` or `2001:db8::/32`.",
            "type": "string",
            "pattern": "^[0-9A-Fa-f.:]+(/[0-9]+)?$",
        })
    }
}

/// The addresses that a request may have come from: one, unless a trusted proxy sends both headers. Then all of them
/// have to be allowed. `None` stands for nobody: a header of a trusted proxy that hides the address, or cannot be read.
///
/// `header` gives the values of the header with that name, in lower case. Headers count only if the peer is a trusted
/// proxy; of a chain of addresses, the last one counts that is not a trusted proxy's. What cannot be read is never
/// skipped: whoever skipped it would take the proxy, or an address that the sender made up, for the sender.
pub fn senders<'h, V: Iterator<Item = &'h [u8]>>(
    peer: SocketAddr,
    header: impl Fn(&'static str) -> V,
    trusted: &Networks,
) -> Vec<Option<IpAddr>> {
    let peer = peer.ip().to_canonical();
    if !trusted.contains(peer) {
        return vec![Some(peer)];
    }
    let mut senders = Vec::new();
    for (name, split) in [("x-forwarded-for", forwarded_for as fn(&[u8]) -> Vec<Hop>), ("forwarded", forwarded)] {
        let hops: Vec<Hop> = header(name).flat_map(split).collect();
        if !hops.is_empty() {
            senders.push(last_untrusted(&hops, peer, trusted));
        }
    }
    if senders.is_empty() { vec![Some(peer)] } else { senders }
}

/// One step of the way of a request; `None` if its address is hidden or cannot be read.
type Hop = Option<IpAddr>;

/// The last hop that is not a trusted proxy; the first one where all are.
fn last_untrusted(hops: &[Hop], peer: IpAddr, trusted: &Networks) -> Option<IpAddr> {
    let mut sender = peer;
    for hop in hops.iter().rev() {
        sender = (*hop)?;
        if !trusted.contains(sender) {
            break;
        }
    }
    Some(sender)
}

/// An address as proxies write it: with a port or not, an IPv6 address in brackets or not, with the zone of a link-local
/// address or not (Go's standard library writes it).
fn address_of(text: &[u8]) -> Hop {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            // Only IPv6 addresses stand in brackets.
            host.contains(':').then_some(())?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    if port.is_some_and(|port| !is_port(port)) {
        return None;
    }
    let address = match host.split_once('%') {
        Some((address, zone)) if !zone.is_empty() && zone.bytes().all(is_unreserved) => {
            IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)
        }
        _ => host.parse::<IpAddr>().ok()?,
    };
    Some(address.to_canonical())
}

/// A port, or an obfuscated one: `_` and a name (RFC 7239, section 6.2).
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(is_unreserved),
        None => text.len() <= 5 && text.parse::<u16>().is_ok() && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~')
}

fn forwarded_for(value: &[u8]) -> Vec<Hop> {
    value.split(|byte| *byte == b',').map(address_of).collect()
}

/// The hops of a `Forwarded` header (RFC 7239); an element without `for` hides its sender.
///
/// A quoted value that contains `,` or `;` makes the whole header unreadable: no node, host or protocol contains them,
/// but with quotes of his own a sender could make elements of a proxy vanish in one, or appear out of one.
fn forwarded(value: &[u8]) -> Vec<Hop> {
    let hops: Option<Vec<Hop>> = value.split(|byte| *byte == b',').map(element).collect();
    hops.unwrap_or_else(|| vec![None])
}

/// The hop of an element of a `Forwarded` header; `None` if it is malformed.
fn element(element: &[u8]) -> Option<Hop> {
    let mut hop: Option<Hop> = None;
    for pair in element.split(|byte| *byte == b';') {
        let pair = pair.trim_ascii();
        if pair.is_empty() {
            continue;
        }
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair[..equals].trim_ascii_end(), pair[equals + 1..].trim_ascii_start());
        let value = match value {
            [b'"', quoted @ .., b'"'] => quoted,
            bare => bare,
        };
        if value.iter().any(|byte| matches!(byte, b'"' | b'\\')) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"for") && hop.replace(address_of(value)).is_some() {
            return None;
        }
    }
    Some(hop.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        serde_json::from_value(serde_json::json!(texts)).unwrap()
    }

    fn seen(peer: &str, headers: &[(&str, &str)]) -> Vec<Option<String>> {
        let values = |name: &'static str| {
            headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_bytes())
        };
        let peer = SocketAddr::new(peer.parse().unwrap(), 1234);
        let found = senders(peer, values, &networks(&["10.0.0.0/8", "::1"]));
        found.into_iter().map(|address| address.map(|address| address.to_string())).collect()
    }

    fn one(address: &str) -> Vec<Option<String>> {
        vec![Some(address.to_owned())]
    }

    #[test]
    fn headers_count_only_from_trusted_proxies() {
        let header = [("X-Forwarded-For", "192.0.2.1")];
        assert_eq!(seen("203.0.113.9", &header), one("203.0.113.9"));
        assert_eq!(seen("10.1.1.1", &header), one("192.0.2.1"));
        assert_eq!(seen("::ffff:10.1.1.1", &header), one("192.0.2.1"));
        assert_eq!(seen("10.1.1.1", &[]), one("10.1.1.1"));
        assert_eq!(seen("::1", &[("Forwarded", r#"for="[2001:db8::7]:4711";proto=https"#)]), one("2001:db8::7"));
    }

    #[test]
    fn addresses_that_the_sender_put_in_front_do_not_count() {
        assert_eq!(seen("10.1.1.1", &[("X-Forwarded-For", "198.51.100.1, 192.0.2.1, 10.2.2.2")]), one("192.0.2.1"));
        let twice = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "192.0.2.1:99")];
        assert_eq!(seen("10.1.1.1", &twice), one("192.0.2.1"));
        // Headers that disagree: both have to be allowed.
        let both = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=198.51.100.1")];
        assert_eq!(seen("10.1.1.1", &both), [one("192.0.2.1"), one("198.51.100.1")].concat());
    }

    #[test]
    fn a_proxy_that_hides_the_sender_names_no_address() {
        for header in [
            ("X-Forwarded-For", "unknown"),
            ("X-Forwarded-For", ""),
            ("Forwarded", "for=_hidden"),
            ("Forwarded", "proto=https"),
        ] {
            assert_eq!(seen("10.1.1.1", &[header]), [None], "{header:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_nobody() {
        let seen = |name: &str, values: &[&[u8]]| {
            let found = |asked: &'static str| values.iter().copied().filter(move |_| asked == name);
            let peer = SocketAddr::new("10.1.1.1".parse().unwrap(), 1234);
            let found = senders(peer, found, &networks(&["10.0.0.0/8"]));
            assert_eq!(found.len(), 1, "{name}: {values:?}");
            found[0].map(|address| address.to_string())
        };
        for (value, address) in [
            (&b"\xff"[..], None),
            (b"192.0.2.1, \xff", None),
            // What the proxy appended counts, whatever the sender put before it.
            (b"\xff, 192.0.2.1", Some("192.0.2.1")),
            (b"192.0.2.1\xff", None),
            (b"192.0.2.1,", None),
            (b"192.0.2.1:4711", Some("192.0.2.1")),
            (b"192.0.2.1:", None),
            (b"192.0.2.1:99999", None),
            (b"192.0.2.1:+80", None),
            (b"[192.0.2.1]", None),
            (b"[2001:db8::7", None),
            (b"[2001:db8::7]x", None),
            (b"[2001:db8::7]:443", Some("2001:db8::7")),
            (b"2001:db8::7", Some("2001:db8::7")),
            (b"::ffff:192.0.2.1", Some("192.0.2.1")),
            (b"[::ffff:192.0.2.1]:1", Some("192.0.2.1")),
            (b"fe80::1%eth0", Some("fe80::1")),
            (b"[fe80::1%3]:80", Some("fe80::1")),
            (b"fe80::1%", None),
            (b"fe80::1%a b", None),
            (b"192.0.2.1%eth0", None),
            (b"192.0.2.01", None),
            (b"_hidden", None),
            (b"192.0.2.1 198.51.100.1", None),
            (b"\xef\xbc\x91\xef\xbc\x92.0.0.1", None),
        ] {
            let shown = value.escape_ascii();
            assert_eq!(seen("x-forwarded-for", &[value]).as_deref(), address, "{shown}");
        }
        assert_eq!(seen("x-forwarded-for", &[b"192.0.2.1", b"\xff"]), None);
        assert_eq!(seen("x-forwarded-for", &[b"\xff", b"192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        for (value, address) in [
            (&b"for=192.0.2.1;host=\xff"[..], Some("192.0.2.1")),
            (b"for=\xff", None),
            (b"\xff", None),
            (b"for=192.0.2.1;for=198.51.100.1", None),
            (b"for=\"192.0.2.1:_port\"", Some("192.0.2.1")),
            (b"FOR=192.0.2.1;", Some("192.0.2.1")),
            (b"for=\"_obfuscated\"", None),
            (b"for=unknown", None),
            // A host that ends its quotes and begins an element of its own.
            (b"for=198.51.100.1;host=\"x, for=192.0.2.1\"", None),
            (b"for=198.51.100.1;host=\"x\", for=192.0.2.1;by=\"y\"", Some("192.0.2.1")),
            // A quote of the sender that would swallow what the proxy appends.
            (b"for=192.0.2.1;x=\", for=198.51.100.1", None),
            (b"for=\"192.0.2.1", None),
            (b"for=\"\\192.0.2.1\"", None),
        ] {
            let shown = value.escape_ascii();
            assert_eq!(seen("forwarded", &[value]).as_deref(), address, "{shown}");
        }
    }

    #[test]
    fn networks_are_taken_as_a_dual_stack_listener_logs_them() {
        let networks = networks(&["::ffff:127.0.0.1", "::ffff:198.51.100.0/120", "::FFFF:c000:0200/120"]);
        for (address, is_in) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.2", false),
            ("198.51.100.9", true),
            ("198.51.101.9", false),
            ("192.0.2.3", true),
            ("::1", false),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), is_in, "{address}");
        }
        assert_eq!(serde_json::to_value(&networks).unwrap()[1], "198.51.100.0/24");
    }

    #[test]
    fn knows_when_a_list_holds_everybody() {
        for (texts, is_everybody) in [
            (&[][..], false),
            (&["192.0.2.0/24"], false),
            (&["0.0.0.0/0"], true),
            (&["192.0.2.0/24", "::/0"], true),
            (&["0.0.0.0/1", "128.0.0.0/1"], true),
            (&["0.0.0.0/1", "128.0.0.0/2"], false),
            (&["::ffff:0.0.0.0/96"], true),
        ] {
            assert_eq!(networks(texts).is_everybody(), is_everybody, "{texts:?}");
        }
    }

    #[test]
    fn networks_are_addresses_or_prefixes() {
        let networks = networks(&["192.0.2.1", "198.51.100.0/24", "2001:db8::/32"]);
        for (address, is_in) in [
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("198.51.100.77", true),
            ("::ffff:198.51.100.77", true),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), is_in, "{address}");
        }
        for wrong in ["192.0.2.0/33", "example.org", ""] {
            let error = serde_json::from_value::<Networks>(serde_json::json!([wrong])).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{wrong}` is neither an address nor a network")), "{error}");
        }
    }
}
