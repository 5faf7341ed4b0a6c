//! `change_hook_auth`: HTTP Basic authentication.
//!
//! Checkers are described as in Twisted's `strcred.makeChecker`, which Buildbot users know. One that accepts is enough.
//! Passwords are compared in constant time, hashes are checked off the event loop, and a password that was verified is
//! remembered (as a keyed hash, in memory) until its file changes.

mod credentials;
mod file;
mod remembered;

use std::fmt;
use std::path::Path;

use credentials::Credentials;
use file::{Format, PasswordFile};

/// A list of checkers, of which one that accepts is enough.
#[derive(Debug)]
pub struct Checkers(Vec<Checker>);

/// One way to check credentials.
enum Checker {
    /// Accepts requests without credentials.
    Anonymous,
    /// Users and passwords from the configuration.
    Memory(Vec<Credentials>),
    /// Users and passwords, or their hashes, from a file.
    File(PasswordFile),
}

impl Checkers {
    /// The checkers with these descriptions; relative paths start in `folder`.
    ///
    /// # Errors
    /// A message for each wrong description, with its index. No message contains a password.
    pub fn new<'d>(
        descriptions: impl IntoIterator<Item = &'d str>,
        folder: &Path,
    ) -> Result<Self, Vec<(usize, String)>> {
        let mut checkers = Vec::new();
        let mut problems = Vec::new();
        for (index, description) in descriptions.into_iter().enumerate() {
            match Checker::new(description, folder) {
                Ok(checker) => checkers.push(checker),
                Err(message) => problems.push((index, message)),
            }
        }
        if problems.is_empty() { Ok(Self(checkers)) } else { Err(problems) }
    }

    /// Whether a request without credentials is accepted.
    pub fn is_open(&self) -> bool {
        self.0.iter().any(|checker| matches!(checker, Checker::Anonymous))
    }

    /// Whether a request with this `Authorization` header is accepted.
    pub async fn accept(&self, authorization: Option<&[u8]>) -> bool {
        let Some(header) = authorization else { return self.is_open() };
        let Some(credentials) = Credentials::parse(header) else { return false };
        for checker in &self.0 {
            if checker.accepts(&credentials).await {
                return true;
            }
        }
        false
    }
}

impl Checker {
    fn new(description: &str, folder: &Path) -> Result<Self, String> {
        const EXPECTED: &str = "expected `file:PATH`, `htpasswd:PATH`, `memory:user:password` or `anonymous`";
        let (kind, rest) = description.split_once(':').unwrap_or((description, ""));
        match kind {
            "anonymous" if rest.is_empty() => Ok(Self::Anonymous),
            "memory" => {
                let parts: Vec<&str> = rest.split(':').collect();
                let pairs = parts.chunks(2).map(|pair| match pair {
                    [user, password] if !user.is_empty() && !password.is_empty() => {
                        Some(Credentials { user: (*user).to_owned(), password: (*password).to_owned() })
                    }
                    _ => None,
                });
                let credentials: Option<Vec<_>> = pairs.collect();
                credentials
                    .map(Self::Memory)
                    .ok_or_else(|| "`memory` needs users and passwords: `memory:user:password`".to_owned())
            }
            "file" | "htpasswd" if rest.is_empty() => Err(format!("`{kind}` names no file: `{kind}:PATH`")),
            "file" => PasswordFile::open(folder.join(rest), Format::Plain).map(Self::File),
            "htpasswd" => PasswordFile::open(folder.join(rest), Format::Hashed).map(Self::File),
            // What follows the kind may be a password, and is not repeated.
            kind => Err(format!("this build has no checker `{kind}`, {EXPECTED}")),
        }
    }

    async fn accepts(&self, given: &Credentials) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Memory(known) => known.iter().fold(false, |found, one| found | one.equals(given)),
            Self::File(file) => file.accepts(given).await,
        }
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Memory(_) => f.write_str("memory:.."),
            Self::File(file) => write!(f, "{}:{}", file.format().name(), file.path().display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    async fn accepts(checkers: &Checkers, user: &str, password: &str) -> bool {
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        checkers.accept(Some(header.as_bytes())).await
    }

    fn checkers(descriptions: &[&str]) -> Checkers {
        Checkers::new(descriptions.iter().copied(), Path::new("/nowhere")).unwrap()
    }

    #[tokio::test]
    async fn one_checker_that_accepts_is_enough() {
        let checkers = checkers(&["memory:ann:one", "memory:bob:two:cem:three"]);
        for (user, password, is_accepted) in
            [("ann", "one", true), ("bob", "two", true), ("cem", "three", true), ("ann", "two", false), ("", "", false)]
        {
            assert_eq!(accepts(&checkers, user, password).await, is_accepted, "{user}:{password}");
        }
        assert!(!checkers.accept(None).await);
    }

    #[tokio::test]
    async fn anonymous_accepts_requests_without_credentials() {
        let checkers = checkers(&["anonymous", "memory:ann:one"]);
        assert!(checkers.accept(None).await);
        assert!(accepts(&checkers, "ann", "one").await);
        assert!(!accepts(&checkers, "ann", "wrong").await);
    }

    #[tokio::test]
    async fn rejects_broken_headers() {
        let checkers = checkers(&["memory:ann:one"]);
        for broken in ["", "Basic", "Basic ", "Basic !!", "Bearer YW5uOm9uZQ==", "Basic YW5u", "Basic /////w=="] {
            assert!(!checkers.accept(Some(broken.as_bytes())).await, "{broken}");
        }
        assert!(checkers.accept(Some(b"basic YW5uOm9uZQ==")).await);
    }

    #[test]
    fn says_what_is_wrong_without_the_password() {
        for (description, message) in [
            ("memory:ann", "`memory` needs users and passwords: `memory:user:password`"),
            ("memory:ann:", "`memory` needs users and passwords: `memory:user:password`"),
            ("file:", "`file` names no file: `file:PATH`"),
            ("pam:hunter2", "this build has no checker `pam`, expected `file:PATH`"),
            ("file:absent", "`/nowhere/absent` cannot be read"),
        ] {
            let problems = Checkers::new([description], Path::new("/nowhere")).unwrap_err();
            assert_eq!(problems.len(), 1);
            assert!(problems[0].1.starts_with(message), "{}", problems[0].1);
        }
    }
}
