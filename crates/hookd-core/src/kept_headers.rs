//! Which headers of a request are kept with its delivery, where whoever may look at deliveries sees them.

use std::borrow::Cow;
use std::fmt;

use crate::{Headers, Hook, Keys};

/// What is kept of every request: what a form says depends on the one, and people want to know the other.
const ALWAYS: [&str; 2] = ["Content-Type", "User-Agent"];

/// Words of which a header's name has one, if it carries a credential or a proof: `X-Gitlab-Token`, `X-Hub-Signature-256`.
const SECRET_WORDS: [&str; 16] = [
    "apikey",
    "auth",
    "authentication",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "hmac",
    "passwd",
    "password",
    "secret",
    "signature",
    "signature256",
    "sig",
    "token",
    "tokens",
];

/// Whether a header of this name carries a credential or a proof, and is not kept: `Authorization`, `Cookie`, and all that say
/// in their name that they are a token, a signature or the like.
pub fn carries_secret(header: &str) -> bool {
    let words: Vec<String> = header.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect();
    let is_secret = |word: &String| SECRET_WORDS.contains(&word.as_str());
    words.iter().any(is_secret) || words.windows(2).any(|two| two == ["api", "key"])
}

/// The headers that are kept of the requests of one dialect.
pub struct KeptHeaders {
    names: Vec<&'static str>,
    secrets: Keys,
}

impl KeptHeaders {
    /// Those that a hook [names](Hook::headers), but for values that are one of these secrets, wherever they are sent.
    ///
    /// # Errors
    /// The names of those that [carry a secret](carries_secret).
    pub fn of(hook: &dyn Hook, secrets: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, Vec<&'static str>> {
        let secret: Vec<&str> = hook.headers().iter().copied().filter(|name| carries_secret(name)).collect();
        if !secret.is_empty() {
            return Err(secret);
        }
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        Ok(Self { names: [hook.headers(), &ALWAYS].concat(), secrets: Keys::new(secrets) })
    }

    /// What is kept of these headers, as text. A value that is not UTF-8 is not kept, as no hook can [read](crate::HookRequest::header)
    /// it; in `Content-Type` and `User-Agent`, what is not UTF-8 is replaced by U+FFFD.
    pub fn select(&self, headers: &Headers) -> Headers {
        let is_kept = |(name, value): &(&str, &[u8])| {
            self.names.iter().any(|kept| kept.eq_ignore_ascii_case(name))
                && self.secrets.verify_token(value.trim_ascii()).is_none()
        };
        let mut kept = Headers::default();
        for (name, value) in headers.iter().filter(is_kept) {
            let value = String::from_utf8_lossy(value);
            let is_whole = matches!(value, Cow::Borrowed(_));
            if is_whole || ALWAYS.iter().any(|always| always.eq_ignore_ascii_case(name)) {
                kept.push(name, value.as_bytes());
            }
        }
        kept
    }

    /// Their names.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }
}

impl fmt::Debug for KeptHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeptHeaders").field(&self.names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HookRequest, Outcome, Refusal};

    /// A hook that keeps these headers.
    struct Keeping(&'static [&'static str]);

    impl Hook for Keeping {
        fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
            Ok(Outcome::ignored("a test"))
        }

        fn headers(&self) -> &[&'static str] {
            self.0
        }
    }

    #[test]
    fn names_of_credentials_and_proofs_are_known() {
        for secret in [
            "AUTHORIZATION",
            "Cookie",
            "Proxy-Authorization",
            "Set-Cookie",
            "X-Gitlab-Token",
            "x-hub-signature",
            "X-Hub-Signature-256",
            "X-Gitea-Signature",
            "webhook-signature",
            "X-Auth-Key",
            "X-API-Key",
            "X_Secret",
        ] {
            assert!(carries_secret(secret), "{secret}");
        }
        for plain in [
            "Content-Type",
            "X-GitHub-Event",
            "X-GitHub-Delivery",
            "Idempotency-Key",
            "webhook-id",
            "X-Event-Key",
            "X-Hook-UUID",
            "X-Author",
            "X-Design",
            "X-Api-Version",
        ] {
            assert!(!carries_secret(plain), "{plain}");
        }
    }

    #[test]
    fn a_hook_that_would_keep_secrets_is_refused() {
        let hook = Keeping(&["X-Event", "authorization", "X-Gitlab-Token"]);
        assert_eq!(KeptHeaders::of(&hook, []).unwrap_err(), ["authorization", "X-Gitlab-Token"]);
    }

    #[test]
    fn a_value_that_is_a_secret_is_not_kept_under_any_name() {
        let kept = KeptHeaders::of(&Keeping(&["X-Event"]), [b"s3cret".to_vec(), b"".to_vec()]).unwrap();
        let sent = [
            ("x-event", &b"push"[..]),
            ("X-Event", b" s3cret "),
            ("X-Other", b"1"),
            ("X-Event", b""),
            ("X-Event", b"a\xff"),
        ];
        let headers = sent.into_iter().chain([("User-Agent", &b"s3cret"[..]), ("content-type", b"a/\xffb")]).collect();
        let selected = kept.select(&headers);
        let selected: Vec<_> = selected.iter().collect();
        assert_eq!(selected, [("x-event", &b"push"[..]), ("X-Event", b""), ("content-type", "a/\u{fffd}b".as_bytes())]);
    }
}
