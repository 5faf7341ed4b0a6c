//! `[store]`: where deliveries and changes are kept, and for how long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hookd_core::{Problem, Secret, SecretSource as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names;
use super::restart::changed;
use crate::reading::reader::{Reader, steps};
use crate::reading::secrets::Secrets;
use crate::values::keep::Keep;
use crate::values::store_url::StoreUrl;

/// Where deliveries and changes are kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Store {
    /// The database: `sqlite:PATH`, a file, where a relative path starts in the folder of this file; or
    /// `postgresql://USER@HOST:PORT/DATABASE`. For a Unix socket: `postgresql://USER@/DATABASE?host=FOLDER`.
    pub url: StoreUrl,

    /// The password for PostgreSQL, if it asks for one: a string, `{ env = "NAME" }` or `{ file = "PATH" }`.
    #[serde(skip_serializing)]
    pub password: Option<Secret>,

    /// How the connection to PostgreSQL is protected: `disable`, not at all; `require`, encrypted, whoever the other side is;
    /// `verify-full`, encrypted, with a certificate for the name of the host from an authority that is trusted. Without it:
    /// `disable` for a Unix socket and this machine itself, else `verify-full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sslmode: Option<SslMode>,

    /// The file with the certificates of the authorities that are trusted, in PEM; without it those that the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sslrootcert: Option<PathBuf>,

    /// How long the requests of deliveries are kept. As long as a request is kept, it can be inspected, and a redelivery
    /// of it is recognised.
    pub keep_payloads: Keep,

    /// How long changes and the records of deliveries are kept.
    pub keep_changes: Keep,
}

/// How the connection to PostgreSQL is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Not at all.
    Disable,
    /// Encrypted, whoever the other side is.
    Require,
    /// Encrypted, with a certificate for the name of the host from an authority that is trusted.
    VerifyFull,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: StoreUrl::Sqlite("hookd.db".into()),
            password: None,
            sslmode: None,
            sslrootcert: None,
            keep_payloads: Keep::For(Duration::from_secs(14 * 24 * 60 * 60)),
            keep_changes: Keep::Forever,
        }
    }
}

/// Reads what the section names outside of itself; `None` if there are problems, which are reported.
pub(crate) fn open(reader: &mut Reader<'_>, store: Store, folder: &Path) -> Option<Store> {
    match store.open(folder) {
        Ok(store) => Some(store),
        Err(problems) => {
            let context = format!("section `{}`", names::STORE);
            reader.report(&context, &steps(&[names::STORE]), &names::may_hold_secret, Vec::new(), problems);
            None
        }
    }
}

/// Warns of what is valid and cannot work as it is meant.
pub(crate) fn check(reader: &mut Reader<'_>, store: &Store) {
    let Keep::For(changes) = store.keep_changes else { return };
    let is_longer = match store.keep_payloads {
        Keep::Forever => true,
        Keep::For(payloads) => payloads > changes,
    };
    let path = steps(&[names::STORE, "keep_payloads"]);
    if is_longer && reader.document().has(&path) {
        let message = format!(
            "section `store`: `keep_payloads` is longer than `keep_changes`, after which a delivery is deleted with its \
             request: {} counts for both",
            store.keep_changes
        );
        reader.warning(reader.document().at_value(&path, message));
    }
}

/// What the URL of a database does not say, as in `[store]`.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// The environment variable with the password.
    pub password_env: Option<String>,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// How the connection is protected.
    pub sslmode: Option<SslMode>,
    /// The file with the certificates of the authorities that are trusted.
    pub sslrootcert: Option<PathBuf>,
}

impl Store {
    /// The store of this URL. Paths are relative to the current folder.
    ///
    /// # Errors
    /// What is wrong with the URL or the rest, a sentence each. None of it is repeated that may be a password.
    pub fn of_url(url: &str, login: &Login) -> Result<Self, Vec<String>> {
        let Login { password_env, password_file, sslmode, sslrootcert } = login;
        let password = match (password_env, password_file) {
            (Some(name), _) => Some(serde_json::json!({ "env": name })),
            (None, file) => file.as_ref().map(|file| serde_json::json!({ "file": file })),
        };
        let password = password.map(serde_json::from_value).transpose();
        let (url, password) = match (serde_json::from_value(url.into()), password) {
            (Ok(url), Ok(password)) => (url, password),
            (url, password) => {
                let errors = [url.err(), password.err()];
                return Err(errors.into_iter().flatten().map(|error: serde_json::Error| error.to_string()).collect());
            }
        };
        let (sslmode, sslrootcert) = (*sslmode, sslrootcert.clone());
        let store = Self { url, password, sslmode, sslrootcert, ..Self::default() };
        store.open(Path::new("")).map_err(|problems| problems.iter().map(Problem::to_string).collect())
    }

    /// The same section, with a relative path resolved in `folder`.
    pub(crate) fn in_folder(self, folder: &Path) -> Self {
        let sslrootcert = self.sslrootcert.map(|path| folder.join(path));
        Self { url: self.url.in_folder(folder), sslrootcert, ..self }
    }

    /// The same section with its password in the URL, and relative paths resolved in `folder`.
    fn open(mut self, folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        match &mut self.url {
            StoreUrl::Sqlite(_) => {
                let given = [
                    ("password", self.password.is_some()),
                    ("sslmode", self.sslmode.is_some()),
                    ("sslrootcert", self.sslrootcert.is_some()),
                ];
                for (option, _) in given.iter().filter(|(_, is_given)| *is_given) {
                    problems.push(Problem::with(option, "it is for PostgreSQL, and `url` names an SQLite database"));
                }
            }
            StoreUrl::Postgres(url) => {
                if let Some(secret) = &self.password {
                    match Secrets::new(folder).read(secret) {
                        Ok(_) if url.password.is_some() => {
                            let message = "a password is in `url` as well: leave one of them out";
                            problems.push(Problem::with(names::PASSWORD, message));
                        }
                        Ok(password) => url.password = Some(password),
                        Err(message) => problems.push(Problem::with(names::PASSWORD, message)),
                    }
                }
                if self.sslrootcert.is_some() && matches!(self.sslmode, Some(SslMode::Disable | SslMode::Require)) {
                    let message = "no certificate is verified with this `sslmode`, expected `verify-full`";
                    problems.push(Problem::with("sslrootcert", message));
                }
            }
        }
        if problems.is_empty() { Ok(self.in_folder(folder)) } else { Err(problems) }
    }

    /// The options that differ in `new` and take effect after a restart only.
    pub(crate) fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let Self { url, password: _, sslmode, sslrootcert, keep_payloads: _, keep_changes: _ } = self;
        let password = |url: &StoreUrl| match url {
            StoreUrl::Sqlite(_) => None,
            StoreUrl::Postgres(url) => url.password.clone(),
        };
        changed([
            ("store.url", url.to_string() != new.url.to_string()),
            ("store.password", password(url) != password(&new.url)),
            ("store.sslmode", *sslmode != new.sslmode),
            ("store.sslrootcert", *sslrootcert != new.sslrootcert),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_its_url_and_a_login() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "hunter2\n").unwrap();
        let login = Login { password_file: Some(file), sslmode: Some(SslMode::Require), ..Login::default() };
        let store = Store::of_url("postgresql://me@db/x", &login).unwrap();
        let StoreUrl::Postgres(url) = &store.url else { panic!("{store:?}") };
        assert_eq!((url.password.as_deref(), store.sslmode), (Some(&b"hunter2"[..]), Some(SslMode::Require)));
        let store = Store::of_url("sqlite:a/hookd.db", &Login::default()).unwrap();
        assert_eq!(store.url, StoreUrl::Sqlite("a/hookd.db".into()));
    }

    #[test]
    fn what_is_wrong_with_a_url_or_a_login_is_said_without_secrets() {
        let none = Login { password_env: Some("HOOKD_NO_SUCH_VARIABLE".to_owned()), ..Login::default() };
        for (url, login, message) in [
            ("mysql://me:hunter2@db/x", &Login::default(), "this build has no store `mysql`, expected `sqlite:PATH`"),
            ("postgresql://me@db/x", &none, "password: "),
            ("postgresql://me:hunter2@db/x", &none, "password: "),
            ("sqlite:x.db", &none, "password: it is for PostgreSQL, and `url` names an SQLite database"),
        ] {
            let problems = Store::of_url(url, login).unwrap_err().join("\n");
            assert!(problems.contains(message) && !problems.contains("hunter2"), "{problems}");
        }
    }
}
