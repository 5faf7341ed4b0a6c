//! The option `url`: one server of a NATS system or several, which are tried in their order.

use std::borrow::Cow;
use std::fmt;

use async_nats::ServerAddr;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use url::{Host, Url};

/// Servers, at least one.
#[derive(Clone, Debug)]
pub(crate) struct Servers(pub(crate) Vec<Server>);

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    url: Url,
    pub(crate) address: ServerAddr,
}

/// The port of NATS.
const PORT: u16 = 4222;

impl Server {
    /// Checks a URL. Messages do not repeat it, since what is wrong may be that it has a password.
    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => "it lacks `nats://` or `tls://`".to_owned(),
            error => format!("it is not a URL: {error}"),
        })?;
        if !matches!(url.scheme(), "nats" | "tls") {
            return Err("a URL with `nats://` or `tls://` is expected".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "credentials in a URL end up in logs: use `credentials`, `user` and `password`, `token` or `nkey`"
                    .to_owned(),
            );
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("it names no host".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("the URL of a server ends with its host or port".to_owned());
        }
        let address = ServerAddr::from_url(url.clone()).map_err(|error| error.to_string())?;
        Ok(Self { url, address })
    }

    /// Host and port, for messages.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or_default(), self.url.port().unwrap_or(PORT))
    }

    /// The host.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether the URL asks for TLS.
    pub(crate) fn wants_tls(&self) -> bool {
        self.url.scheme() == "tls"
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        // The host of a scheme that is not one of the web's is a name, whatever it looks like.
        let host = self.host().trim_start_matches('[').trim_end_matches(']');
        match Host::parse(host) {
            Ok(Host::Ipv4(address)) => address.is_loopback(),
            Ok(Host::Domain(name)) => name == "localhost",
            _ => host.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> =
            self.0.iter().map(|server| format!("{}://{}", server.url.scheme(), server.authority())).collect();
        f.write_str(&shown.join(", "))
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Servers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL such as `nats://nats.example.org`, or a list of these")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Servers, E> {
        Ok(Servers(vec![Server::parse(text).map_err(E::custom)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Servers, A::Error> {
        let mut servers = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            servers.push(Server::parse(&text).map_err(de::Error::custom)?);
        }
        if servers.is_empty() {
            return Err(de::Error::custom("at least one server is needed"));
        }
        Ok(Servers(servers))
    }
}

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

impl JsonSchema for Servers {
    fn schema_name() -> Cow<'static, str> {
        "Servers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": "string", "pattern": "^([nN][aA][tT][sS]|[tT][lL][sS])://" });
        json_schema!({
            "title": "URL or list of URLs",
            "description": "A URL with `nats://` or `tls://`, without credentials, or a list of them.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn servers(value: Value) -> Result<Servers, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn takes_one_and_several() {
        let one = servers(json!("nats://127.0.0.1:5222")).unwrap();
        assert_eq!(one.to_string(), "nats://127.0.0.1:5222");
        assert!(one.0[0].is_loopback() && !one.0[0].wants_tls());
        let two = servers(json!(["tls://a.example.org", "tls://[::1]/"])).unwrap();
        assert_eq!(two.to_string(), "tls://a.example.org:4222, tls://[::1]:4222");
        assert!(!two.0[0].is_loopback() && two.0[1].is_loopback() && two.0[1].wants_tls());
    }

    #[test]
    fn says_what_is_wrong_and_no_password() {
        let cases = [
            (json!("nats.example.org"), "it lacks `nats://` or `tls://`"),
            (json!("https://nats.example.org"), "a URL with `nats://` or `tls://` is expected"),
            (json!("nats://ann:pa55@nats.example.org"), "credentials in a URL end up in logs"),
            (json!("nats://"), "it names no host"),
            (json!("nats://nats.example.org/x"), "the URL of a server ends with its host or port"),
            (json!([]), "at least one server is needed"),
            (json!(7), "a URL such as `nats://nats.example.org`, or a list of these"),
        ];
        for (value, words) in cases {
            let wrong = servers(value.clone()).unwrap_err();
            assert!(wrong.contains(words) && !wrong.contains("pa55"), "{value}: {wrong}");
        }
    }
}
