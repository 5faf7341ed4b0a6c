//! `change_hook_auth`: HTTP Basic authentication.
//!
//! Checkers are described as in Twisted's `strcred.makeChecker`, which Buildbot users know. One that accepts is enough.
//! Passwords are compared in constant time, hashes are checked off the event loop and within bounds, and a password that
//! was verified is remembered (as a keyed hash, in memory) for as long as its hash is in the file.

mod credentials;
mod file;
mod hashing;
mod verified;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use credentials::Credentials;
use file::{Format, PasswordFile};
use hashing::Busy;

use crate::reading::suggestion::suggest;

/// A list of checkers, of which one that accepts is enough.
#[derive(Debug)]
pub struct Checkers {
    checkers: Vec<Checker>,
    /// What looks like a mistake, each with the index of its description.
    warnings: Vec<(usize, String)>,
}

/// Whether a request is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its credentials are valid, or none are needed. The user, if there are credentials.
    Granted(Option<String>),
    /// Its credentials are missing or wrong.
    Denied,
    /// Its password was not checked, since too many are being checked at the moment.
    Busy,
}

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
        let (mut checkers, mut warnings, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (index, description) in descriptions.into_iter().enumerate() {
            match Checker::new(description, folder) {
                Ok((checker, found)) => {
                    checkers.push(checker);
                    warnings.extend(found.into_iter().map(|warning| (index, warning)));
                }
                Err(message) => problems.push((index, message)),
            }
        }
        if problems.is_empty() { Ok(Self { checkers, warnings }) } else { Err(problems) }
    }

    /// What looks like a mistake, each with the index of its description. No message contains a password.
    pub(crate) fn warnings(&self) -> &[(usize, String)] {
        &self.warnings
    }

    /// Whether a request without credentials is accepted.
    pub fn is_open(&self) -> bool {
        self.checkers.iter().any(|checker| matches!(checker, Checker::Anonymous))
    }

    /// Whether no request can be accepted as long as the files stay as they are: they name no user.
    pub(crate) fn accepts_nobody(&self) -> bool {
        self.checkers.iter().all(|checker| matches!(checker, Checker::File(file) if file.is_empty()))
    }

    /// Whether a request with these values of its `Authorization` headers is accepted. More than one is wrong: it would
    /// depend on the reader which of them counts. `address` is where the request came from.
    pub async fn check<'h>(&self, mut authorization: impl Iterator<Item = &'h [u8]>, address: IpAddr) -> Access {
        let Some(header) = authorization.next() else {
            return if self.is_open() { Access::Granted(None) } else { Access::Denied };
        };
        let None = authorization.next() else { return Access::Denied };
        let Some(credentials) = Credentials::parse(header) else { return Access::Denied };
        let mut is_busy = false;
        for checker in &self.checkers {
            match checker.accepts(&credentials, address).await {
                Ok(true) => return Access::Granted(Some(credentials.user)),
                Ok(false) => {}
                Err(Busy) => is_busy = true,
            }
        }
        if is_busy { Access::Busy } else { Access::Denied }
    }
}

impl Checker {
    /// The checker of a description, and what looks like a mistake in its file.
    fn new(description: &str, folder: &Path) -> Result<(Self, Vec<String>), String> {
        const KINDS: [&str; 4] = ["anonymous", "file", "htpasswd", "memory"];
        const EXPECTED: &str = "expected `file:PATH`, `htpasswd:PATH`, `memory:user:password` or `anonymous`";
        let alone = |checker| (checker, Vec::new());
        let (kind, rest) = description.split_once(':').unwrap_or((description, ""));
        match kind {
            "anonymous" if description == kind => Ok(alone(Self::Anonymous)),
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
                    .map(|credentials| alone(Self::Memory(credentials)))
                    .ok_or_else(|| "`memory` needs users and passwords: `memory:user:password`".to_owned())
            }
            "file" | "htpasswd" if rest.is_empty() => Err(format!("`{kind}` names no file: `{kind}:PATH`")),
            "file" | "htpasswd" => {
                let format = if kind == "file" { Format::Plain } else { Format::Hashed };
                PasswordFile::open(folder.join(rest), format).map(|(file, warnings)| (Self::File(file), warnings))
            }
            // Neither is repeated: it may be a password, with or without its user.
            kind => Err(format!("unknown kind of checker, {EXPECTED}{}", suggest(kind, KINDS))),
        }
    }

    async fn accepts(&self, given: &Credentials, address: IpAddr) -> Result<bool, Busy> {
        match self {
            Self::Anonymous => Ok(false),
            Self::Memory(known) => Ok(known.iter().fold(false, |found, one| found | one.equals(given))),
            Self::File(file) => file.accepts(given, address).await,
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
        check(checkers, &[header.as_bytes()]).await
    }

    async fn check(checkers: &Checkers, headers: &[&[u8]]) -> bool {
        match checkers.check(headers.iter().copied(), IpAddr::from([192, 0, 2, 1])).await {
            Access::Granted(_) => true,
            Access::Denied => false,
            Access::Busy => panic!("no hash is computed"),
        }
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
        assert!(!check(&checkers, &[]).await);
    }

    #[tokio::test]
    async fn anonymous_accepts_requests_without_credentials() {
        let checkers = checkers(&["anonymous", "memory:ann:one"]);
        assert!(check(&checkers, &[]).await);
        assert!(accepts(&checkers, "ann", "one").await);
        assert!(!accepts(&checkers, "ann", "wrong").await);
    }

    #[tokio::test]
    async fn says_who_was_accepted() {
        let checkers = checkers(&["anonymous", "memory:ann:one"]);
        let address = IpAddr::from([192, 0, 2, 1]);
        let header = format!("Basic {}", STANDARD.encode("ann:one"));
        let named = checkers.check([header.as_bytes()].into_iter(), address).await;
        assert_eq!(named, Access::Granted(Some("ann".to_owned())));
        assert_eq!(checkers.check([].into_iter(), address).await, Access::Granted(None));
    }

    #[tokio::test]
    async fn rejects_broken_headers() {
        let checkers = checkers(&["memory:ann:one"]);
        for broken in [
            &b""[..],
            b"Basic",
            b"Basic ",
            b"Basic !!",
            b"Bearer YW5uOm9uZQ==",
            b"Basic YW5u",
            b"Basic /////w==",
            b"Basic YW5uOm9uZQ==\xff",
            b"\xffBasic YW5uOm9uZQ==",
        ] {
            assert!(!check(&checkers, &[broken]).await, "{}", broken.escape_ascii());
        }
        let right = &b"basic YW5uOm9uZQ=="[..];
        assert!(check(&checkers, &[right]).await);
        // Which of two counts depends on who reads them.
        for two in [[right, right], [right, b"Basic"], [b"\xff", right]] {
            assert!(!check(&checkers, &two).await);
        }
        let open = Checkers::new(["anonymous", "memory:ann:one"], Path::new("/nowhere")).unwrap();
        assert!(!check(&open, &[b"\xff"]).await);
    }

    #[test]
    fn says_what_is_wrong_without_the_password() {
        for (description, message) in [
            ("memory:ann", "`memory` needs users and passwords: `memory:user:password`"),
            ("memory:ann:", "`memory` needs users and passwords: `memory:user:password`"),
            ("file:", "`file` names no file: `file:PATH`"),
            ("pam:hunter2", "unknown kind of checker, expected `file:PATH`"),
            ("hunter2", "unknown kind of checker, expected `file:PATH`"),
            ("hunter2:x", "unknown kind of checker, expected `file:PATH`"),
            ("anonymous:hunter2", "unknown kind of checker, expected `file:PATH`"),
            ("anonymous:", "unknown kind of checker, expected `file:PATH`"),
            ("file:absent", "`/nowhere/absent` cannot be read"),
        ] {
            let problems = Checkers::new([description], Path::new("/nowhere")).unwrap_err();
            assert_eq!(problems.len(), 1);
            assert!(problems[0].1.starts_with(message), "{}", problems[0].1);
            assert!(!problems[0].1.contains("hunter2"), "{}", problems[0].1);
        }
        let problems = Checkers::new(["htpaswd:users"], Path::new("/nowhere")).unwrap_err();
        assert!(problems[0].1.ends_with("; did you mean `htpasswd`?"), "{}", problems[0].1);
    }
}
