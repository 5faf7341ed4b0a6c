//! URLs as options have them: checked when the configuration is read.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use url::Url;

/// How long a value of a query is at least that may be a token. Shorter ones are parts of common words.
const MIN_TOKEN_BYTES: usize = 8;

/// An `http` or `https` URL without credentials.
#[derive(Clone, Debug)]
pub(crate) struct HttpUrl(pub(crate) Url);

/// A URL, or `false` for none.
#[derive(Clone, Debug)]
pub(crate) enum UrlOrFalse {
    False,
    Url(HttpUrl),
}

impl HttpUrl {
    /// Checks a URL. Messages do not repeat it, since what is wrong may be that it has a password.
    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => "it lacks `http://` or `https://`".to_owned(),
            error => format!("it is not a URL: {error}"),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("a URL with `http://` or `https://` is expected".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "credentials in a URL end up in logs: use the options `user` and `password`; those of a proxy \
                        can be in the environment (`HTTPS_PROXY`)"
                    .to_owned(),
            );
        }
        if url.fragment().is_some() {
            return Err("a URL that is sent to has no fragment (`#…`)".to_owned());
        }
        Ok(Self(url))
    }

    /// For people: without the query, which often has a token.
    pub(crate) fn shown(&self) -> String {
        let mut url = self.0.clone();
        let has_query = url.query().is_some();
        url.set_query(None);
        if has_query { format!("{url}?…") } else { url.to_string() }
    }

    /// What must not be shown: the values of the query, each as it stands in the URL and as it is meant.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let raw = self.0.query().unwrap_or_default().split('&');
        let raw = raw.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value).to_owned());
        let meant = self.0.query_pairs().map(|(_, value)| value.into_owned());
        raw.chain(meant).filter(|value| value.len() >= MIN_TOKEN_BYTES).collect()
    }

    /// Host and port, for messages.
    pub(crate) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

struct UrlVisitor {
    takes_false: bool,
}

impl Visitor<'_> for UrlVisitor {
    type Value = UrlOrFalse;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.takes_false { "a URL, or `false` for none" } else { "a URL" })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<UrlOrFalse, E> {
        HttpUrl::parse(text).map(UrlOrFalse::Url).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<UrlOrFalse, E> {
        if self.takes_false && !value {
            Ok(UrlOrFalse::False)
        } else {
            Err(E::invalid_type(de::Unexpected::Bool(value), &self))
        }
    }
}

impl<'de> Deserialize<'de> for HttpUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(UrlVisitor { takes_false: false })? {
            UrlOrFalse::Url(url) => Ok(url),
            UrlOrFalse::False => unreachable!("the visitor takes no `false`"),
        }
    }
}

impl<'de> Deserialize<'de> for UrlOrFalse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UrlVisitor { takes_false: true })
    }
}

impl JsonSchema for HttpUrl {
    fn schema_name() -> Cow<'static, str> {
        "HttpUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "URL",
            "description": "A URL with `http://` or `https://`, without credentials.",
            "type": "string",
            "pattern": "^[hH][tT][tT][pP][sS]?://",
        })
    }
}

impl JsonSchema for UrlOrFalse {
    fn schema_name() -> Cow<'static, str> {
        "UrlOrFalse".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let url = generator.subschema_for::<HttpUrl>();
        json_schema!({
            "title": "URL or `false`",
            "description": "A URL with `http://` or `https://`, without credentials; `false` for none.",
            "anyOf": [url, { "const": false }],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> String {
        HttpUrl::parse(text).unwrap_err()
    }

    #[test]
    fn refuses_what_cannot_be_sent_to_without_repeating_it() {
        assert_eq!(refusal("master:8010/x"), "a URL with `http://` or `https://` is expected");
        assert_eq!(refusal("/change_hook"), "it lacks `http://` or `https://`");
        assert_eq!(refusal("ftp://example.org/"), "a URL with `http://` or `https://` is expected");
        assert_eq!(refusal("http://"), "it is not a URL: empty host");
        for url in ["http://user:pa55@example.org/", "http://user@example.org/", "http://:pa55@example.org/"] {
            let refusal = refusal(url);
            assert!(refusal.contains("`user` and `password`") && !refusal.contains("pa55"), "{refusal}");
        }
        assert!(refusal("http://example.org/#x").contains("fragment"));
    }

    #[test]
    fn shows_no_query() {
        let url = HttpUrl::parse("https://example.org/hook?token=pa55").unwrap();
        assert_eq!(url.shown(), "https://example.org/hook?…");
        assert_eq!(url.authority(), "example.org:443");
    }

    #[test]
    fn hides_what_may_be_a_token() {
        let hidden = |url: &str| HttpUrl::parse(url).unwrap().hidden();
        assert_eq!(hidden("https://example.org/hook?project=tea&sig=pa55%2Bword"), ["pa55%2Bword", "pa55+word"]);
        assert_eq!(hidden("https://example.org/hook?pa55w0rd"), ["pa55w0rd"]);
        assert!(hidden("https://example.org/hook").is_empty());
    }

    #[test]
    fn only_where_it_may_be_left_out_false_is_one() {
        assert!(matches!(serde_json::from_value(json!(false)).unwrap(), UrlOrFalse::False));
        assert!(serde_json::from_value::<UrlOrFalse>(json!(true)).is_err());
        let error = serde_json::from_value::<HttpUrl>(json!(false)).unwrap_err().to_string();
        assert_eq!(error, "invalid type: boolean `false`, expected a URL");
    }
}
