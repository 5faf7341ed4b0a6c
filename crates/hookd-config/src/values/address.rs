//! Addresses to listen on: `IP:PORT`.

use std::net::SocketAddr;

use serde::{Deserializer, Serializer};

use super::string;

const EXPECTED: &str = "IP:PORT such as `127.0.0.1:8010` or `[::1]:8010`";

/// For `#[serde(with = "address")]`.
pub(crate) fn serialize<S: Serializer>(address: &SocketAddr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

/// For `#[serde(with = "address")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    string::read(deserializer, EXPECTED, parse)
}

fn parse(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("bad address `{text}`, expected {EXPECTED}"))
}

/// Whether two sockets cannot listen on both: the same port on the same address, or on all addresses.
pub(crate) fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    // The system chooses a free port for each 0; `[::]` includes all of IPv4.
    let covers = |all: SocketAddr, one: SocketAddr| all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || covers(a, b) || covers(b, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_ip_and_a_port() {
        assert_eq!(parse("0.0.0.0:80").unwrap(), SocketAddr::from(([0, 0, 0, 0], 80)));
        assert!(parse("[::1]:8010").unwrap().is_ipv6());
        for wrong in ["localhost:8010", ":8010", "127.0.0.1", "127.0.0.1:99999", ""] {
            assert_eq!(
                parse(wrong).unwrap_err(),
                format!("bad address `{wrong}`, expected IP:PORT such as `127.0.0.1:8010` or `[::1]:8010`")
            );
        }
    }

    #[test]
    fn knows_which_addresses_collide() {
        let collide = |a: &str, b: &str| {
            let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(collide(a, b), collide(b, a));
            collide(a, b)
        };
        assert!(collide("127.0.0.1:1", "127.0.0.1:1"));
        assert!(collide("0.0.0.0:1", "127.0.0.1:1"));
        assert!(collide("[::]:1", "127.0.0.1:1"));
        assert!(!collide("0.0.0.0:1", "[::1]:1"));
        assert!(!collide("127.0.0.1:1", "127.0.0.2:1"));
        assert!(!collide("127.0.0.1:1", "127.0.0.1:2"));
        assert!(!collide("127.0.0.1:0", "127.0.0.1:0"));
    }
}
