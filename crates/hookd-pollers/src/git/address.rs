//! The address of a repository: checked, and without the credentials that it may have in it.

use percent_encoding::percent_decode_str;

/// Transports that run no program of the address's choice.
const SCHEMES: [&str; 9] = ["file", "git", "http", "https", "ssh", "git+ssh", "ssh+git", "ftp", "ftps"];

/// The same, as git takes them in `GIT_ALLOW_PROTOCOL`.
pub(crate) const ALLOWED: &str = "file:git:http:https:ssh:ftp:ftps";

/// The address of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The address without credentials: what git is given, what changes have, and what is shown.
    pub(crate) shown: String,
    /// The user and password that were in it. Over ssh a user is part of the address.
    pub(crate) credentials: Option<(String, String)>,
}

impl Address {
    /// The address that an option names.
    ///
    /// # Errors
    /// What is not an address of a repository, or could be taken for an option or a program.
    pub(crate) fn parse(address: &str) -> Result<Self, String> {
        if address.is_empty() || address.chars().any(char::is_control) {
            return Err("expected the address of a repository, without control characters".to_owned());
        }
        if address.starts_with('-') {
            return Err("an address cannot begin with `-`, which git would take for an option".to_owned());
        }
        if let Some((scheme, rest)) = address.split_once("://") {
            let scheme = scheme.to_ascii_lowercase();
            if !SCHEMES.contains(&scheme.as_str()) {
                let known: Vec<String> = SCHEMES.iter().map(|scheme| format!("`{scheme}://`")).collect();
                return Err(format!("unknown transport `{scheme}://`, expected one of {}", known.join(", ")));
            }
            return Ok(Self::of_url(address, &scheme, rest));
        }
        let before_path = address.split('/').next().unwrap_or_default();
        if before_path.contains("::") && !before_path.starts_with('[') && !before_path.contains("@[") {
            return Err("`transport::address` is not supported: it lets the address choose a program".to_owned());
        }
        if !address.starts_with('/') && !before_path.contains(':') {
            return Err("expected a URL, `host:path`, or a path that begins with `/`".to_owned());
        }
        Ok(Self { shown: address.to_owned(), credentials: None })
    }

    fn of_url(address: &str, scheme: &str, rest: &str) -> Self {
        let plain = |shown: &str| Self { shown: shown.to_owned(), credentials: None };
        let shown = crate::address::without_credentials(address);
        if shown == address || scheme == "file" {
            return plain(address);
        }
        let host = shown.split_once("://").map_or("", |(_, host)| host);
        // Over ssh the user stays.
        let host = if scheme.contains("ssh") { host.split_once('@').map_or(host, |(_, host)| host) } else { host };
        let info = rest.strip_suffix(host).and_then(|info| info.strip_suffix('@')).unwrap_or_default();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        Self { shown, credentials: Some((decoded(user), decoded(password))) }
    }

    /// The part of an HTTP address that credentials are for: `https://example.org:8443`.
    pub(crate) fn origin(&self) -> Option<&str> {
        let (scheme, rest) = self.shown.split_once("://")?;
        let scheme_is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let host = rest.find('/').unwrap_or(rest.len());
        scheme_is_http.then(|| &self.shown[..scheme.len() + "://".len() + host])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_taken() {
        for address in [
            "https://example.org/acme/tea.git",
            "http://example.org:8080/tea",
            "ssh://git@example.org:2222/~me/tea.git",
            "git+ssh://git@example.org/tea",
            "git@example.org:acme/tea.git",
            "example.org:~me/tea.git",
            "me@[2001:db8::1]:tea.git",
            "[::1]:tea.git",
            "git://[2001:db8::1]:9418/tea",
            "file:///srv/tea.git",
            "/srv/tea.git",
            "/srv/a@b:c",
        ] {
            let plain = Address { shown: address.to_owned(), credentials: None };
            assert_eq!(Address::parse(address), Ok(plain), "{address}");
        }
    }

    #[test]
    fn credentials_are_taken_out() {
        for (address, shown, user, password) in [
            ("https://me:p%40ss@example.org/tea", "https://example.org/tea", "me", "p@ss"),
            ("https://token@example.org:8443/tea", "https://example.org:8443/tea", "token", ""),
            ("ssh://git:secret@example.org/tea", "ssh://git@example.org/tea", "git", "secret"),
        ] {
            let expected =
                Address { shown: shown.to_owned(), credentials: Some((user.to_owned(), password.to_owned())) };
            assert_eq!(Address::parse(address), Ok(expected), "{address}");
        }
        let origin = |address: &str| Address::parse(address).unwrap().origin().map(str::to_owned);
        assert_eq!(origin("https://me@example.org:8443/a/b").as_deref(), Some("https://example.org:8443"));
        assert_eq!(origin("git@example.org:a"), None);
    }

    #[test]
    fn what_could_run_a_program_is_refused() {
        for (address, cause) in [
            ("", "expected the address"),
            ("--upload-pack=touch /tmp/x", "cannot begin with `-`"),
            ("ext::sh -c touch% /tmp/x", "`transport::address`"),
            ("fd::7", "`transport::address`"),
            ("ext://x", "unknown transport `ext://`"),
            ("https://a\nb/c", "control characters"),
            ("tea.git", "a path that begins with `/`"),
            ("../tea", "a path that begins with `/`"),
        ] {
            let error = Address::parse(address).unwrap_err();
            assert!(error.contains(cause), "{address}: {error}");
        }
    }
}
