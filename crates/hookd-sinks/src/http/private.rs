//! `deny_private`: addresses of networks that are not public are not connected to.
//!
//! A name is judged by the addresses that it resolves to, at each connection, so that one that points inside later does
//! not help.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The networks that are not globally reachable, and those that lead to one: the special-purpose registries of IANA,
/// <https://www.iana.org/assignments/iana-ipv4-special-registry/> and `iana-ipv6-special-registry`, and multicast.
static PRIVATE: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let networks = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ];
    networks.map(|network| network.parse().expect("it is a network")).to_vec()
});

/// Whether an address is not a public one. One that embeds an IPv4 address (mapped, compatible, NAT64, 6to4) is what
/// that is.
pub(crate) fn is_private(address: IpAddr) -> bool {
    let is_listed = |address: IpAddr| PRIVATE.iter().any(|network| network.contains(&address));
    match address {
        IpAddr::V4(_) => is_listed(address),
        IpAddr::V6(v6) => is_listed(address) || embedded(v6).is_some_and(|v4| is_listed(v4.into())),
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, .., g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(v4(g, h)),
        [0x2002, ..] => Some(v4(b, c)).filter(|_| a == 0x2002),
        _ => None,
    }
}

/// Whether the URL names a private address itself, which no resolver sees.
pub(crate) fn names_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Whether the URL leads to this machine itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Why a name was not connected to.
#[derive(Debug)]
pub(crate) struct Denied {
    name: String,
    address: IpAddr,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address } = self;
        write!(f, "`{name}` resolves to {address}, a private address, and `deny_private` is set")
    }
}

impl Error for Denied {}

/// Resolves names as the system does, to their public addresses.
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let resolved = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (private, public): (Vec<SocketAddr>, Vec<_>) = resolved.partition(|address| is_private(address.ip()));
            match private.first() {
                Some(address) if public.is_empty() => {
                    Err(Denied { name: name.as_str().to_owned(), address: address.ip() }.into())
                }
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_private_addresses_from_public_ones() {
        let private = [
            "10.1.2.3",
            "127.0.0.1",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "::7f00:1",
        ];
        for address in private {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn sees_through_other_notations_of_an_address() {
        for url in
            ["http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://[::1]:80/", "http://017700000001/"]
        {
            assert!(names_private(&url.parse().unwrap()), "{url}");
        }
        assert!(!names_private(&"http://localhost/".parse().unwrap()));
    }

    #[tokio::test]
    async fn does_not_resolve_a_name_to_a_private_address() {
        let Err(error) = PublicOnly.resolve("localhost".parse().unwrap()).await else { panic!("it was resolved") };
        assert!(error.downcast_ref::<Denied>().is_some(), "{error}");
    }
}
