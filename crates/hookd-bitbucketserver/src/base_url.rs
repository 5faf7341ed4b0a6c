//! The option `base_url`: addresses and pages of repositories that a payload does not name.

use hookd_core::{Refusal, View};
use serde::Deserialize;

/// The URL of Bitbucket, without a slash at its end.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl(String);

impl TryFrom<String> for BaseUrl {
    type Error = &'static str;

    /// Refuses what is not a plain URL of `http` or `https`. The message does not quote it: people put passwords there.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_plain = rest.is_some_and(|rest| {
            let host = rest.split('/').next().unwrap_or_default();
            !host.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#\\\"<>".contains(&byte))
        });
        if is_plain {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err("is not an http(s) URL, expected one such as `https://code.example.org`")
        }
    }
}

impl BaseUrl {
    /// Where to fetch a repository from, over HTTP.
    pub(crate) fn address(&self, repository: &View<'_>) -> Result<String, Refusal> {
        let (key, slug) = (repository.text("project.key")?, repository.text("slug")?);
        Ok(format!("{}/scm/{}/{slug}.git", self.0, key.to_lowercase()))
    }

    /// The page of a repository, which may be one of a user: its project is `~USER` then.
    pub(crate) fn page(&self, repository: &View<'_>) -> Result<String, Refusal> {
        let (key, slug) = (repository.text("project.key")?, repository.text("slug")?);
        Ok(match key.strip_prefix('~') {
            Some(user) => format!("{}/users/{}/repos/{slug}", self.0, user.to_lowercase()),
            None => format!("{}/projects/{key}/repos/{slug}", self.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_plain_urls_alone() {
        for url in ["https://code.example.org", "http://127.0.0.1:7990/bitbucket/", "https://[::1]/"] {
            assert!(BaseUrl::try_from(url.to_owned()).is_ok(), "{url}");
        }
        for url in [
            "",
            "code.example.org",
            "ssh://code.example.org",
            "https://",
            "https:///x",
            "https://u:p@h",
            "https://h?a",
            "https://h /",
        ] {
            assert!(BaseUrl::try_from(url.to_owned()).is_err(), "{url}");
        }
    }

    #[test]
    fn names_repositories_as_bitbucket_does() {
        let base = BaseUrl::try_from("https://code.example.org/".to_owned()).unwrap();
        for (repository, address, page) in [
            (r#"{"slug": "tea", "project": {"key": "KIT"}}"#, "scm/kit/tea.git", "projects/KIT/repos/tea"),
            (r#"{"slug": "tea", "project": {"key": "~Ada"}}"#, "scm/~ada/tea.git", "users/ada/repos/tea"),
        ] {
            let found = View::read(repository.as_bytes(), |view| Ok((base.address(&view)?, base.page(&view)?)));
            let under = |path: &str| format!("https://code.example.org/{path}");
            assert_eq!(found.unwrap(), (under(address), under(page)));
        }
    }
}
