//! Names of a listener, as browsers send them in `Host`: `NAME` or `NAME:PORT`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::string;

const EXPECTED: &str = "a name as in `Host`, such as `hookd.example.org` or `localhost:9011`";

/// The name of a host, with a port or for all ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// In lower case; an IPv6 address has its brackets.
    name: String,
    /// `None` is every port.
    port: Option<u16>,
}

impl Host {
    /// Whether a request for this name and port is meant.
    pub fn covers(&self, name: &str, port: u16) -> bool {
        self.name.eq_ignore_ascii_case(name) && self.port.is_none_or(|own| own == port)
    }

    /// Splits a `Host` header, or the host of an `Origin`, into its name and its port, if it has one. `None` if it is
    /// neither `NAME` nor `NAME:PORT`.
    pub fn split(text: &str) -> Option<(&str, Option<u16>)> {
        let name_length =
            if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (name, rest) = text.split_at(name_length);
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            return None;
        }
        match rest.strip_prefix(':') {
            None => rest.is_empty().then_some((name, None)),
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some((name, Some(port.parse().ok()?))),
            Some(_) => None,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (name, port) = Self::split(text).ok_or_else(|| format!("bad host `{text}`, expected {EXPECTED}"))?;
        Ok(Self { name: name.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => formatter.write_str(&self.name),
            Some(port) => write!(formatter, "{}:{port}", self.name),
        }
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string::read(deserializer, EXPECTED, Self::parse)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Host {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Host".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "host",
            "description": "A name as in `Host`, such as `hookd.example.org` or `localhost:9011`.",
            "type": "string",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_port_covers_all_ports() {
        let any = Host::parse("Hookd.example.org").unwrap();
        assert!(any.covers("hookd.EXAMPLE.org", 80) && any.covers("hookd.example.org", 8011));
        assert!(!any.covers("evil.hookd.example.org", 80));
        let one = Host::parse("[::1]:9011").unwrap();
        assert!(one.covers("[::1]", 9011) && !one.covers("[::1]", 9012));
        assert_eq!((any.to_string(), one.to_string()), ("hookd.example.org".to_owned(), "[::1]:9011".to_owned()));
    }

    #[test]
    fn rejects_what_no_browser_sends_as_a_host() {
        for wrong in
            ["", "https://hookd.example.org", "a/b", "a b", "a:b", "a:99999", "a:1:2", "[::1", ":80", "user@a", "a:+1"]
        {
            assert_eq!(Host::parse(wrong).unwrap_err(), format!("bad host `{wrong}`, expected {EXPECTED}"), "{wrong}");
        }
    }
}
