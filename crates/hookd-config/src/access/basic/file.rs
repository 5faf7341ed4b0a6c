//! Files of users: `user:password` lines (`file`), or `user:hash` lines (`htpasswd`: bcrypt, argon2).
//!
//! A file is checked for changes at most once a second, and read again when it has changed. One that is no longer valid
//! or readable accepts nobody, and an error is logged.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use argon2::{Argon2, PasswordVerifier};
use tokio::sync::Semaphore;

use super::credentials::Credentials;
use super::remembered::Remembered;
use crate::io_error::reason;

/// How often a file is checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How many hashes of a file are computed at a time. Each takes time and memory on purpose, and any sender can cause one.
const MAX_CONCURRENT_HASHES: usize = 2;

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
    hashing: Arc<Semaphore>,
}

/// The users as last read.
struct Read {
    users: Arc<Users>,
    stamp: Option<Stamp>,
    checked_at: Instant,
}

/// Identifies one state of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// The users of one state of a file, and the passwords verified since.
struct Users {
    lines: Vec<Credentials>,
    remembered: Remembered,
}

impl PasswordFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or a line is invalid. The message does not show the line.
    pub(super) fn open(path: PathBuf, format: Format) -> Result<Self, String> {
        let (users, stamp) = read(&path, format)?;
        let read = Read { users: Arc::new(users), stamp: Some(stamp), checked_at: Instant::now() };
        Ok(Self { path, format, read: Mutex::new(read), hashing: Arc::new(Semaphore::new(MAX_CONCURRENT_HASHES)) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Whether these credentials are in the file.
    pub(super) async fn accepts(&self, given: &Credentials) -> bool {
        let users = self.users();
        match self.format {
            Format::Plain => users.lines.iter().fold(false, |found, line| found | line.equals(given)),
            Format::Hashed if users.remembered.has(given) => true,
            Format::Hashed => {
                let Ok(permit) = Arc::clone(&self.hashing).acquire_owned().await else { return false };
                // Another request may have computed it meanwhile.
                if users.remembered.has(given) {
                    return true;
                }
                let given = given.clone();
                let check = move || {
                    let _permit = permit;
                    let is_valid =
                        users.lines.iter().any(|line| line.user == given.user && verify(&line.password, &given));
                    if is_valid {
                        users.remembered.add(&given);
                    }
                    is_valid
                };
                tokio::task::spawn_blocking(check).await.unwrap_or(false)
            }
        }
    }

    /// The current users of the file.
    fn users(&self) -> Arc<Users> {
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if last.checked_at.elapsed() >= CHECK_INTERVAL {
            last.checked_at = Instant::now();
            let stamp = stamp(&self.path).ok();
            if stamp.is_none() || stamp != last.stamp {
                let (users, stamp) = match read(&self.path, self.format) {
                    Ok((users, stamp)) => (users, Some(stamp)),
                    Err(message) => {
                        tracing::error!(
                            "{}: {message}; nobody is accepted until it is valid again",
                            self.format.name()
                        );
                        (Users { lines: Vec::new(), remembered: Remembered::default() }, stamp)
                    }
                };
                last.users = Arc::new(users);
                last.stamp = stamp;
            }
        }
        Arc::clone(&last.users)
    }
}

fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let metadata = std::fs::metadata(path)?;
    Ok(Stamp { modified: metadata.modified().ok(), length: metadata.len() })
}

fn read(path: &Path, format: Format) -> Result<(Users, Stamp), String> {
    let unreadable = |error: std::io::Error| format!("`{}` cannot be read: {}", path.display(), reason(&error));
    // Before reading: a change in between is then seen by the next check.
    let stamp = stamp(path).map_err(unreadable)?;
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| format!("`{}` line {number}: {what}", path.display());
        let Some((user, password)) =
            line.split_once(':').filter(|(user, password)| !user.is_empty() && !password.is_empty())
        else {
            return Err(wrong("expected `user:password`"));
        };
        if format == Format::Hashed && !is_known_hash(password) {
            return Err(wrong("the hash is neither bcrypt (`$2y$…`) nor argon2 (`$argon2id$…`)"));
        }
        lines.push(Credentials { user: user.to_owned(), password: password.to_owned() });
    }
    Ok((Users { lines, remembered: Remembered::default() }, stamp))
}

fn is_known_hash(hash: &str) -> bool {
    match hash.strip_prefix("$argon2") {
        Some(_) => argon2::password_hash::phc::PasswordHash::new(hash).is_ok(),
        None => hash.parse::<bcrypt::HashParts>().is_ok(),
    }
}

fn verify(hash: &str, given: &Credentials) -> bool {
    if hash.starts_with("$argon2") {
        let parsed = argon2::password_hash::phc::PasswordHash::new(hash);
        parsed.is_ok_and(|parsed| Argon2::default().verify_password(given.password.as_bytes(), &parsed).is_ok())
    } else {
        bcrypt::verify(&given.password, hash).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    fn given(user: &str, password: &str) -> Credentials {
        Credentials { user: user.into(), password: password.into() }
    }

    /// Makes the file due for a check.
    fn let_time_pass(file: &PasswordFile) {
        file.read.lock().unwrap().checked_at -= CHECK_INTERVAL;
    }

    #[tokio::test]
    async fn reads_lines_and_follows_changes_of_the_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("passwd");
        std::fs::write(&path, "# people\nann:one\n\nbob:with:colon\n").unwrap();
        let file = PasswordFile::open(path.clone(), Format::Plain).unwrap();
        assert!(file.accepts(&given("ann", "one")).await);
        assert!(file.accepts(&given("bob", "with:colon")).await);
        assert!(!file.accepts(&given("bob", "with")).await);
        std::fs::write(&path, "ann:another\n").unwrap();
        let_time_pass(&file);
        assert!(!file.accepts(&given("ann", "one")).await);
        assert!(file.accepts(&given("ann", "another")).await);
        std::fs::remove_file(&path).unwrap();
        let_time_pass(&file);
        assert!(!file.accepts(&given("ann", "another")).await);
        std::fs::write(&path, "ann:back\n").unwrap();
        let_time_pass(&file);
        assert!(file.accepts(&given("ann", "back")).await);
    }

    #[tokio::test]
    async fn verifies_bcrypt_and_argon2_and_remembers_valid_passwords() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("htpasswd");
        let bcrypt = bcrypt::hash("one", 4).unwrap();
        let argon2 = Argon2::default().hash_password(b"two").unwrap();
        std::fs::write(&path, format!("ann:{bcrypt}\nbob:{argon2}\n")).unwrap();
        let file = PasswordFile::open(path, Format::Hashed).unwrap();
        for _ in 0..2 {
            assert!(file.accepts(&given("ann", "one")).await);
            assert!(file.accepts(&given("bob", "two")).await);
            assert!(!file.accepts(&given("ann", "two")).await);
            assert!(!file.accepts(&given("cem", "one")).await);
        }
        assert!(file.users().remembered.has(&given("ann", "one")));
        assert!(!file.users().remembered.has(&given("ann", "two")));
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
}
