//! Where GitHub's API is, and whether a URL stays there.

/// The URL of the API, without a slash at its end.
pub(crate) struct Endpoint {
    base: String,
    origin: Origin,
}

/// Scheme, host and port: who gets a token that is sent to a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    is_secure: bool,
    host: String,
    port: u16,
}

impl Endpoint {
    /// The endpoint of this URL.
    ///
    /// # Errors
    /// When it is not a plain URL of `http` or `https`. The message does not quote it: people put passwords there.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let expected = "expected a URL such as `https://api.github.com` or `https://github.example.org/api/v3`";
        match Origin::of(url) {
            Some(origin) if !url.contains(['?', '#']) => {
                Ok(Self { base: url.trim_end_matches('/').to_owned(), origin })
            }
            Some(_) => Err(format!("has a query or a fragment, {expected}")),
            None => Err(format!("is not an http(s) URL, {expected}")),
        }
    }

    /// The URL of `path`, which starts with a slash and is escaped.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether `url` is at the same scheme, host and port.
    pub(crate) fn holds(&self, url: &str) -> bool {
        Origin::of(url).as_ref() == Some(&self.origin)
    }
}

impl Origin {
    /// The origin of `url`; `None` where it is not a URL of `http` or `https` that every parser reads the same way.
    fn of(url: &str) -> Option<Self> {
        // Parsers differ on backslashes, spaces and control characters: none of them is needed in a URL.
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        let port = match port {
            "" if is_secure => 443,
            "" => 80,
            port if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            _ => return None,
        };
        let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let is_ipv6 = |host: &str| {
            let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            inside.is_some_and(|host| host.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte)))
        };
        let is_host = !host.is_empty() && (is_name(host) || is_ipv6(host));
        is_host.then(|| Self { is_secure, host: host.to_ascii_lowercase(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn takes_plain_urls_alone() {
        for url in
            ["https://api.github.com", "http://127.0.0.1:8080/", "HTTPS://ghe.example.org/api/v3/", "http://[::1]:1"]
        {
            assert!(Endpoint::parse(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "api.github.com",
            "ftp://api.github.com",
            "https://",
            "https:///api.github.com",
            "https://user:password@api.github.com",
            "https://api.github.com:port",
            "https://api.github.com:99999",
            "https://api.github.com?x",
            "https://api.github.com/#",
            "https://api github.com",
            "https://api.github.com\\@evil.example.org",
            "https://äpi.github.com",
        ] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
        assert_eq!(Endpoint::parse("http://h/api/v3/").unwrap().url("/repos"), "http://h/api/v3/repos");
    }

    #[test]
    fn keeps_to_its_origin() {
        let endpoint = Endpoint::parse("https://api.github.com").unwrap();
        for url in ["https://api.github.com/x?page=2", "HTTPS://API.github.com:443/", "https://api.github.com"] {
            assert!(endpoint.holds(url), "{url}");
        }
        for url in [
            "http://api.github.com/",
            "https://api.github.com:444/",
            "https://api.github.com.evil.example.org/",
            "https://api.github.com@evil.example.org/",
            "https://evil.example.org/?https://api.github.com/",
            "https://evil.example.org#@api.github.com/",
            "https://api.github.com\\.evil.example.org/",
            "https://api.github.com\t.evil.example.org/",
            "//api.github.com/",
            "/x?page=2",
            "",
        ] {
            assert!(!endpoint.holds(url), "{url}");
        }
    }
}
