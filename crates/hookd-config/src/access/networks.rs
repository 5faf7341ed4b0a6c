//! `allow_from`: the addresses that requests may come from, and `trusted_proxies`: the proxies whose headers name them.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

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

    /// Whether the address is in the list. An IPv4 address counts as the same in its IPv6 form.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let one = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let wrong = |_| {
            de::Error::custom(format_args!(
                "`{text}` is neither an address nor a network such as `192.0.2.0/24` or `2001:db8::/32`"
            ))
        };
        one.map(Self).map_err(wrong)
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
/// have to be allowed. `None` stands for a header of a trusted proxy that names no address.
///
/// `header` gives the values of the header with that name, in lower case. Headers count only if the peer is a trusted
/// proxy; of a chain of addresses, the last one counts that is not a trusted proxy's.
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
    for (name, split) in [("x-forwarded-for", forwarded_for as fn(&str) -> Vec<String>), ("forwarded", forwarded)] {
        let text = |value: &'h [u8]| std::str::from_utf8(value).ok().filter(|text| text.is_ascii());
        let hops: Vec<String> = header(name).filter_map(text).flat_map(split).collect();
        if !hops.is_empty() {
            senders.push(last_untrusted(&hops, peer, trusted));
        }
    }
    if senders.is_empty() { vec![Some(peer)] } else { senders }
}

/// The last hop that is not a trusted proxy; the first one where all are.
fn last_untrusted(hops: &[String], peer: IpAddr, trusted: &Networks) -> Option<IpAddr> {
    let mut sender = peer;
    for hop in hops.iter().rev() {
        sender = address_of(hop)?;
        if !trusted.contains(sender) {
            break;
        }
    }
    Some(sender)
}

/// An address as proxies write it: with a port or not, an IPv6 address in brackets or not.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn forwarded_for(value: &str) -> Vec<String> {
    value.split(',').map(|hop| hop.trim().to_owned()).collect()
}

/// The `for` of each element of a `Forwarded` header (RFC 7239); empty for an element without it.
fn forwarded(value: &str) -> Vec<String> {
    let hop = |element: &str| {
        let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
        let by_name = |(name, value): (&str, &str)| {
            name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"').to_owned())
        };
        pairs.filter_map(by_name).next().unwrap_or_default()
    };
    value.split(',').map(hop).collect()
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
