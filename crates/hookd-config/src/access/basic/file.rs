//! Files of users: `user:password` lines (`file`), or `user:hash` lines (`htpasswd`: bcrypt, argon2).
//!
//! A file is checked for changes at most once a second, and read again when it has changed. One that is no longer valid
//! or readable accepts nobody, an error is logged, and it is looked at again until it was read.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::credentials::Credentials;
use super::hashing::{self, Busy, HASHES, MAX_BCRYPT_BYTES};
use crate::access::stamp::Stamp;
use crate::io_error::{reason, shown};

/// How often a file is checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What is behind the colon of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The password.
    Plain,
    /// Its hash.
    Hashed,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "file",
            Self::Hashed => "htpasswd",
        }
    }
}

/// A file of users.
pub(super) struct PasswordFile {
    path: PathBuf,
    format: Format,
    read: Mutex<Read>,
    /// Chooses whose hash is computed for a user that is not in the file: always the same for the same name.
    choice: RandomState,
    has_warned: AtomicBool,
}

/// The users as last read.
struct Read {
    users: Arc<[Credentials]>,
    /// What was read; `None` while the file cannot be read.
    stamp: Option<Stamp>,
    problem: Option<String>,
    checked_at: Instant,
}

/// What a file contains.
struct Contents {
    users: Vec<Credentials>,
    stamp: Stamp,
    warnings: Vec<String>,
}

impl PasswordFile {
    /// Reads a file; also returns what looks like a mistake in it.
    ///
    /// # Errors
    /// When it cannot be read or a line is invalid. The message does not show the line.
    pub(super) fn open(path: PathBuf, format: Format) -> Result<(Self, Vec<String>), String> {
        let Contents { users, stamp, warnings } = read(&path, format)?;
        let read = Read { users: users.into(), stamp: Some(stamp), problem: None, checked_at: Instant::now() };
        let (choice, has_warned) = (RandomState::new(), AtomicBool::new(false));
        Ok((Self { path, format, read: Mutex::new(read), choice, has_warned }, warnings))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Whether the file names no user.
    pub(super) fn is_empty(&self) -> bool {
        self.users().is_empty()
    }

    /// Whether these credentials are in the file. `address` is where they came from.
    ///
    /// # Errors
    /// When a hash would have to be computed and too many are being computed already.
    pub(super) async fn accepts(&self, given: &Credentials, address: IpAddr) -> Result<bool, Busy> {
        let users = self.users();
        if self.format == Format::Plain {
            return Ok(users.iter().fold(false, |found, line| found | line.equals(given)));
        }
        let (hashes, is_known) = self.hashes_for(&given.user, &users);
        if is_known && !hashes.iter().any(|hash| hashing::covers(hash, &given.password)) {
            self.warn_of_long_password();
        }
        HASHES.verify(given, hashes, is_known, address).await
    }

    /// The hashes of a user. For one that is not in the file those of another, so that an answer takes as long, and
    /// `false`.
    fn hashes_for(&self, user: &str, users: &[Credentials]) -> (Vec<String>, bool) {
        let of = |user: &str| -> Vec<String> {
            users.iter().filter(|line| line.user == user).map(|line| line.password.clone()).collect()
        };
        let hashes = of(user);
        if !hashes.is_empty() || users.is_empty() {
            return (hashes, true);
        }
        let chosen = usize::try_from(self.choice.hash_one(user) % users.len() as u64).unwrap_or_default();
        (of(&users[chosen].user), false)
    }

    fn warn_of_long_password(&self) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{}: `{}`: a password of more than {MAX_BCRYPT_BYTES} bytes was refused, since bcrypt would not look at \
                 the rest of it: choose a shorter one, or use argon2",
                self.format.name(),
                self.path.display()
            );
        }
    }

    /// The current users of the file.
    fn users(&self) -> Arc<[Credentials]> {
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if last.checked_at.elapsed() >= CHECK_INTERVAL {
            last.checked_at = Instant::now();
            let is_current = match (&last.stamp, Stamp::of(&self.path)) {
                (Some(stamp), Ok(now)) => !stamp.may_differ(&now),
                _ => false,
            };
            if !is_current {
                self.reread(&mut last);
            }
        }
        Arc::clone(&last.users)
    }

    fn reread(&self, last: &mut Read) {
        let name = self.format.name();
        match read(&self.path, self.format) {
            Ok(Contents { users, stamp, warnings }) => {
                let is_mended = last.problem.take().is_some();
                if is_mended || *last.users != *users {
                    tracing::info!("{name}: `{}` was read again", self.path.display());
                    for warning in warnings {
                        tracing::warn!("{name}: {warning}");
                    }
                    last.users = users.into();
                }
                last.stamp = Some(stamp);
            }
            Err(problem) => {
                // Once, not with each look.
                if last.problem.as_ref() != Some(&problem) {
                    tracing::error!("{name}: {problem}; nobody is accepted until it is valid again");
                }
                (last.users, last.stamp, last.problem) = (Arc::default(), None, Some(problem));
            }
        }
    }
}

fn read(path: &Path, format: Format) -> Result<Contents, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {}", shown(path), reason(&error));
    // Before reading: a change in between is then seen by the next check.
    let stamp = Stamp::of(path).map_err(unreadable)?;
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let (mut users, mut warnings) = (Vec::new(), Vec::new());
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => {
            warnings.push(format!("`{}` begins with a byte order mark, which is ignored", path.display()));
            rest
        }
        None => &text,
    };
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let at = |what: &str| format!("`{}` line {number}: {what}", path.display());
        let Some((user, password)) =
            line.split_once(':').filter(|(user, password)| !user.is_empty() && !password.is_empty())
        else {
            return Err(at("expected `user:password`"));
        };
        if format == Format::Hashed && !hashing::is_supported(password) {
            return Err(at("the hash is neither bcrypt (`$2y$…`) nor argon2 (`$argon2id$…`)"));
        }
        for (what, text) in [("user", user), ("password", password)] {
            if text.trim() != text {
                warnings.push(at(&format!("the {what} begins or ends with blanks, which are part of it")));
            }
        }
        users.push(Credentials { user: user.to_owned(), password: password.to_owned() });
    }
    Ok(Contents { users, stamp, warnings })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use argon2::{Argon2, PasswordHasher};

    use super::*;

    fn given(user: &str, password: &str) -> Credentials {
        Credentials { user: user.into(), password: password.into() }
    }

    async fn accepts(file: &PasswordFile, user: &str, password: &str) -> bool {
        file.accepts(&given(user, password), IpAddr::from([192, 0, 2, 1])).await.unwrap()
    }

    /// Makes the file due for a check.
    fn let_time_pass(file: &PasswordFile) {
        file.read.lock().unwrap().checked_at -= CHECK_INTERVAL;
    }

    fn open(path: &Path, format: Format) -> PasswordFile {
        PasswordFile::open(path.to_owned(), format).unwrap().0
    }

    #[tokio::test]
    async fn reads_lines_and_follows_changes_of_the_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("passwd");
        std::fs::write(&path, "# people\nann:one\n\nbob:with:colon\n").unwrap();
        let file = open(&path, Format::Plain);
        assert!(accepts(&file, "ann", "one").await);
        assert!(accepts(&file, "bob", "with:colon").await);
        assert!(!accepts(&file, "bob", "with").await);
        std::fs::write(&path, "ann:another\n").unwrap();
        let_time_pass(&file);
        assert!(!accepts(&file, "ann", "one").await);
        assert!(accepts(&file, "ann", "another").await);
        std::fs::remove_file(&path).unwrap();
        let_time_pass(&file);
        assert!(!accepts(&file, "ann", "another").await);
        std::fs::write(&path, "ann:back\n").unwrap();
        let_time_pass(&file);
        assert!(accepts(&file, "ann", "back").await);
    }

    #[tokio::test]
    async fn a_file_of_the_same_size_and_time_is_another_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("passwd");
        std::fs::write(&path, "ann:one\n").unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        let file = open(&path, Format::Plain);
        std::fs::write(&path, "ann:two\n").unwrap();
        std::fs::File::open(&path).unwrap().set_modified(modified).unwrap();
        let_time_pass(&file);
        assert!(accepts(&file, "ann", "two").await);
        assert!(!accepts(&file, "ann", "one").await);
    }

    #[tokio::test]
    async fn what_was_unreadable_is_looked_at_until_it_was_read() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("passwd");
        std::fs::write(&path, "ann:one\n").unwrap();
        let file = open(&path, Format::Plain);
        // As after an error of the disk: what is there is what was read last, but it was not read.
        {
            let mut read = file.read.lock().unwrap();
            (read.users, read.stamp, read.problem) = (Arc::default(), None, Some("it was unreadable".to_owned()));
        }
        assert!(!accepts(&file, "ann", "one").await);
        let_time_pass(&file);
        assert!(accepts(&file, "ann", "one").await);
        assert_eq!(file.read.lock().unwrap().problem, None);

        // Root reads everything.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        if std::fs::read(&path).is_err() {
            let_time_pass(&file);
            assert!(!accepts(&file, "ann", "one").await);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let_time_pass(&file);
            assert!(accepts(&file, "ann", "one").await);
        }
    }

    #[tokio::test]
    async fn verifies_bcrypt_and_argon2() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("htpasswd");
        let bcrypt = bcrypt::hash("one", 4).unwrap();
        let argon2 = Argon2::default().hash_password(b"two").unwrap();
        std::fs::write(&path, format!("ann:{bcrypt}\nbob:{argon2}\n")).unwrap();
        let file = open(&path, Format::Hashed);
        for _ in 0..2 {
            assert!(accepts(&file, "ann", "one").await);
            assert!(accepts(&file, "bob", "two").await);
            assert!(!accepts(&file, "ann", "two").await);
            // The hash that is computed for one who is not in the file may be that of this password.
            assert!(!accepts(&file, "cem", "one").await);
            assert!(!accepts(&file, "cem", "two").await);
        }
    }

    #[test]
    fn the_work_for_an_unknown_user_is_that_for_a_known_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("htpasswd");
        let hash = |cost| bcrypt::hash("one", cost).unwrap();
        let (first, second, third) = (hash(4), hash(5), hash(6));
        std::fs::write(&path, format!("ann:{first}\nbob:{second}\nann:{third}\n")).unwrap();
        let file = open(&path, Format::Hashed);
        let users = file.users();
        let of_ann = vec![first, third];
        assert_eq!(file.hashes_for("ann", &users), (of_ann.clone(), true));
        assert_eq!(file.hashes_for("bob", &users), (vec![second.clone()], true));
        let mut seen = [false; 2];
        for number in 0..64 {
            let name = format!("nobody{number}");
            let (hashes, is_known) = file.hashes_for(&name, &users);
            assert!(!is_known);
            assert!(hashes == of_ann || hashes == [second.clone()], "{hashes:?}");
            assert_eq!(file.hashes_for(&name, &users).0, hashes, "the same name takes the same time each time");
            seen[usize::from(hashes == of_ann)] = true;
        }
        assert_eq!(seen, [true; 2]);
        assert_eq!(file.hashes_for("ann", &[]), (Vec::new(), true));
    }

    #[test]
    fn names_an_invalid_line_without_showing_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("passwd");
        for (text, format, message) in [
            ("ann:one\nhunter2\n", Format::Plain, "line 2: expected `user:password`"),
            (":hunter2\n", Format::Plain, "line 1: expected `user:password`"),
            ("ann:hunter2\n", Format::Hashed, "line 1: the hash is neither bcrypt (`$2y$…`) nor argon2"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = PasswordFile::open(path.clone(), format).err().unwrap();
            assert!(error.contains(message) && !error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn warns_of_what_is_hardly_meant() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("passwd");
        std::fs::write(&path, "\u{feff}ann:one\r\nbob: hunter2\n cem:three\n").unwrap();
        let (file, warnings) = PasswordFile::open(path.clone(), Format::Plain).unwrap();
        let shown = path.display();
        assert_eq!(
            warnings,
            [
                format!("`{shown}` begins with a byte order mark, which is ignored"),
                format!("`{shown}` line 2: the password begins or ends with blanks, which are part of it"),
                format!("`{shown}` line 3: the user begins or ends with blanks, which are part of it"),
            ]
        );
        assert!(accepts(&file, "ann", "one").await);
        assert!(accepts(&file, "bob", " hunter2").await);
    }
}
