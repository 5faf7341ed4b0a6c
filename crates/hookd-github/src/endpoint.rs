//! Where GitHub's API is, and whether a URL stays there.

use url::{Origin, Url};

/// The URL of the API.
pub(crate) struct Endpoint {
    /// Without a slash at its end.
    base: String,
    /// Scheme, host and port: who gets a token that is sent to a URL.
    origin: Origin,
}

impl Endpoint {
    /// The endpoint of this URL.
    ///
    /// # Errors
    /// When it is not a plain URL of `http` or `https`. The message does not quote it: people put passwords there.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected a URL such as `https://api.github.com` or `https://github.example.org/api/v3`";
        match plain(text) {
            Some(url) if url.query().is_none() && url.fragment().is_none() => {
                Ok(Self { base: text.trim_end_matches('/').to_owned(), origin: url.origin() })
            }
            Some(_) => Err(format!("has a query or a fragment, {expected}")),
            None => Err(format!("is not an http(s) URL, {expected}")),
        }
    }

    /// What an operator should know about it: GitHub's site for people answers no call.
    pub(crate) fn warning(&self) -> Option<String> {
        let url = Url::parse(&self.base).ok()?;
        let host = url.host_str()?.trim_start_matches("www.");
        (host == "github.com").then(|| {
            "`github_api_endpoint` is GitHub's site, not its API, which is `https://api.github.com`: no call will succeed"
                .to_owned()
        })
    }

    /// The URL of `path`, which starts with a slash and is escaped.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether `url` has the same scheme, host and port.
    pub(crate) fn has_origin_of(&self, url: &str) -> bool {
        plain(url).is_some_and(|url| url.origin() == self.origin)
    }
}

/// The URL in `text`; `None` where it is not one of `http` or `https` without a user, or where its parser had to mend
/// what others read in another way: backslashes, spaces, slashes too few or too many before the host.
fn plain(text: &str) -> Option<Url> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_host_alone = !authority.is_empty() && !authority.contains('@');
    let url = Url::parse(text).ok()?;
    (is_plain && has_host_alone && matches!(url.scheme(), "http" | "https")).then_some(url)
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
            "https:api.github.com",
            "https://@api.github.com",
            "https://[::1",
        ] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
        assert_eq!(Endpoint::parse("http://h/api/v3/").unwrap().url("/repos"), "http://h/api/v3/repos");
    }

    #[test]
    fn warns_of_the_site_for_people() {
        for (url, is_site) in [
            ("https://github.com", true),
            ("https://www.GitHub.com/api/v3", true),
            ("https://api.github.com", false),
            ("https://github.com.example.org/api/v3", false),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().warning().is_some(), is_site, "{url}");
        }
    }

    #[test]
    fn keeps_to_its_origin() {
        let endpoint = Endpoint::parse("https://api.github.com").unwrap();
        for url in ["https://api.github.com/x?page=2", "HTTPS://API.github.com:443/", "https://api.github.com"] {
            assert!(endpoint.has_origin_of(url), "{url}");
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
            "https://user@api.github.com/",
            "https:api.github.com/",
            "https:///api.github.com/",
            "//api.github.com/",
            "/x?page=2",
            "",
        ] {
            assert!(!endpoint.has_origin_of(url), "{url}");
        }
    }
}
