//! The URL of the store: `sqlite:PATH`.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::string;

const EXPECTED: &str = "`sqlite:PATH`";

/// The database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// An SQLite database in this file.
    Sqlite(PathBuf),
}

impl StoreUrl {
    fn parse(url: &str) -> Result<Self, String> {
        // What follows the scheme may contain a password and is not repeated.
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(format!("bad store URL, expected {EXPECTED}"));
        };
        if scheme != "sqlite" {
            return Err(format!("this build has no store `{scheme}`, expected {EXPECTED}"));
        }
        match rest.strip_prefix("//").unwrap_or(rest) {
            "" => Err(format!("the URL names no file, expected {EXPECTED}")),
            ":memory:" => Err("a store in memory would lose acknowledged deliveries: name a file".to_owned()),
            path if path.contains('?') => Err("parameters after `?` are not supported".to_owned()),
            path => Ok(StoreUrl::Sqlite(path.into())),
        }
    }

    /// The same URL, with a relative path resolved in `folder`.
    pub(crate) fn in_folder(self, folder: &Path) -> Self {
        let StoreUrl::Sqlite(path) = self;
        StoreUrl::Sqlite(folder.join(path))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoreUrl::Sqlite(path) = self;
        write!(f, "sqlite:{}", path.display())
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
            "description": "A database: `sqlite:PATH`.",
            "type": "string",
            "pattern": "^sqlite:",
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
            ("hookd.db", "bad store URL, expected `sqlite:PATH`"),
            ("postgres://me:hunter2@db/x", "this build has no store `postgres`, expected `sqlite:PATH`"),
            ("sqlite:", "the URL names no file, expected `sqlite:PATH`"),
            ("sqlite::memory:", "a store in memory would lose acknowledged deliveries: name a file"),
            ("sqlite:x.db?mode=ro", "parameters after `?` are not supported"),
        ] {
            assert_eq!(StoreUrl::parse(url).unwrap_err(), message);
        }
    }
}
