//! Addresses of repositories as they are shown: without credentials.

/// An address without the password in it, and without the user where that may be a token, as in that of a forge over
/// HTTPS. What is no URL, such as `git@example.org:repo` or a path, remains as it is.
pub fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let at = match rest[..end].rfind('@') {
        // A password with a slash that is not escaped: no host has such a port.
        None if rest[..end].rsplit_once(':').is_some_and(|(host, port)| !is_port(host, port)) => rest.rfind('@'),
        at => at,
    };
    let Some(at) = at else { return address.to_owned() };
    let (user, host) = (&rest[..at], &rest[at + 1..]);
    let user = user.split(':').next().unwrap_or_default();
    if scheme.contains("ssh") && !user.is_empty() {
        format!("{scheme}://{user}@{host}")
    } else {
        format!("{scheme}://{host}")
    }
}

/// Whether what follows the last colon of an authority is a port, or a part of an IPv6 address.
fn is_port(host: &str, port: &str) -> bool {
    host.starts_with('[') || port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn passwords_and_tokens_are_left_out() {
        for (address, shown) in [
            ("https://user:pa@ss@example.org/a@b", "https://example.org/a@b"),
            ("https://ghp_token@example.org:8443/a", "https://example.org:8443/a"),
            ("https://user:pa/ss@example.org/a", "https://example.org/a"),
            ("http://user:pass@[::1]:80/a", "http://[::1]:80/a"),
            ("ssh://git:pass@example.org:2222/~me/a.git", "ssh://git@example.org:2222/~me/a.git"),
            ("svn+ssh://me@example.org/a", "svn+ssh://me@example.org/a"),
            ("https://user:pass@example.org", "https://example.org"),
            ("https://:@example.org?x=@", "https://example.org?x=@"),
        ] {
            assert_eq!(without_credentials(address), shown, "{address}");
        }
    }

    #[test]
    fn all_else_stays() {
        for address in [
            "https://example.org:443/a:b@c",
            "https://[2001:db8::1]/a@b",
            "git@example.org:acme/app.git",
            "/srv/a@b",
            "file:///srv/a@b",
            "git://example.org/a",
            "",
        ] {
            assert_eq!(without_credentials(address), address);
        }
    }
}
