//! Which dialect and method a request is for.

use actix_web::http;
use hookd_core::Method;

/// The path under which hooks are.
pub(super) const PREFIX: &str = "/change_hook";

/// The dialect that a path names: its part in `[A-Za-z0-9_]`, as Buildbot reads it; `base` if that is empty. `None` for
/// a path that is no hook's.
pub(super) fn dialect_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PREFIX)?;
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(if end == 0 { "base" } else { &rest[..end] })
}

/// The method of a request, if it is one of these.
pub(super) fn method_of(method: &http::Method, allowed: &[Method]) -> Option<Method> {
    allowed.iter().copied().find(|allowed| allowed.name() == method.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_dialect_as_buildbot_does() {
        for (path, dialect) in [
            ("/change_hook", Some("base")),
            ("/change_hook/", Some("base")),
            ("/change_hook/github", Some("github")),
            ("/change_hook/github/", Some("github")),
            ("/change_hook/github/more/of/it", Some("github")),
            ("/change_hook/git-hub", Some("git")),
            ("/change_hook//github", Some("base")),
            ("/change_hook/%67ithub", Some("base")),
            ("/change_hookgithub", None),
            ("/other", None),
            ("/", None),
        ] {
            assert_eq!(dialect_of(path), dialect, "{path}");
        }
    }

    #[test]
    fn a_method_is_allowed_by_its_exact_name() {
        let both = [Method::Get, Method::Post];
        assert_eq!(method_of(&http::Method::GET, &both), Some(Method::Get));
        assert_eq!(method_of(&http::Method::GET, &[Method::Post]), None);
        assert_eq!(method_of(&http::Method::HEAD, &both), None);
        assert_eq!(method_of(&http::Method::from_bytes(b"post").unwrap(), &both), None);
    }
}
