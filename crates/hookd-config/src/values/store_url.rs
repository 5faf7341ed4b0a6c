//! The URL of the store: `sqlite:PATH`, or that of a PostgreSQL database.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::postgres_url::PostgresUrl;
use super::string;

const EXPECTED: &str = "`sqlite:PATH` or `postgresql://USER@HOST/DATABASE`";

/// The database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// An SQLite database in this file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
}

impl StoreUrl {
    fn parse(url: &str) -> Result<Self, String> {
        // What follows the scheme may contain a password and is not repeated.
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(format!("bad store URL, expected {EXPECTED}"));
        };
        match scheme {
            "sqlite" => {}
            "postgresql" | "postgres" => return PostgresUrl::parse(rest).map(Self::Postgres),
            other => return Err(format!("this build has no store `{other}`, expected {EXPECTED}")),
        }
        match rest.strip_prefix("//").unwrap_or(rest) {
            "" => Err("the URL names no file, expected `sqlite:PATH`".to_owned()),
            ":memory:" => Err("a store in memory would lose acknowledged deliveries: name a file".to_owned()),
            path if path.contains('?') => Err("parameters after `?` are not supported".to_owned()),
            path => Ok(StoreUrl::Sqlite(path.into())),
        }
    }

    /// The same URL, with a relative path resolved in `folder`.
    pub(crate) fn in_folder(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(folder.join(path)),
            Self::Postgres(url) => Self::Postgres(url),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string::read(deserializer, EXPECTED, Self::parse)
    }
}

impl JsonSchema for StoreUrl {
    fn schema_name() -> Cow<'static, str> {
        "StoreUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "URL",
            "description": "A database: `sqlite:PATH` or `postgresql://USER@HOST/DATABASE`.",
            "type": "string",
            "pattern": "^(sqlite:|postgres(ql)?://)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_a_relative_path_in_the_folder() {
        for (url, path) in [
            ("sqlite:hookd.db", "/etc/hookd/hookd.db"),
            ("sqlite://data/hookd.db", "/etc/hookd/data/hookd.db"),
            ("sqlite:/var/lib/hookd.db", "/var/lib/hookd.db"),
            ("sqlite:///var/lib/hookd.db", "/var/lib/hookd.db"),
        ] {
            let url = StoreUrl::parse(url).unwrap().in_folder(Path::new("/etc/hookd"));
            assert_eq!(url, StoreUrl::Sqlite(path.into()));
            assert_eq!(url.to_string(), format!("sqlite:{path}"));
        }
    }

    #[test]
    fn rejects_other_stores() {
        for (url, message) in [
            ("hookd.db", "bad store URL, expected `sqlite:PATH` or `postgresql://USER@HOST/DATABASE`"),
            (
                "mysql://me:hunter2@db/x",
                "this build has no store `mysql`, expected `sqlite:PATH` or `postgresql://USER@HOST/DATABASE`",
            ),
            ("sqlite:", "the URL names no file, expected `sqlite:PATH`"),
            ("sqlite::memory:", "a store in memory would lose acknowledged deliveries: name a file"),
            ("sqlite:x.db?mode=ro", "parameters after `?` are not supported"),
        ] {
            assert_eq!(StoreUrl::parse(url).unwrap_err(), message);
        }
    }
}
