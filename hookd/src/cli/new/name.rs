//! The name of a dialect, and what is called after it.

use hookd_core::{Dialect, registry};

/// The longest name: with `hookd-` before it, it is still the name of a crate.
const MAX_BYTES: usize = 50;

/// Crates of hookd, whose names would be those of a dialect's crate.
const CRATES: [&str; 17] = [
    "admin",
    "bench",
    "config",
    "core",
    "fuzz",
    "http",
    "pollers",
    "process",
    "sink-nats",
    "sinks",
    "store",
    "store-postgres",
    "store-sqlite",
    "store-testkit",
    "testkit",
    "tests",
    "tls",
];

/// The name of a dialect that is not there yet.
#[derive(Debug)]
pub(super) struct Name(String);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// What is wrong with it, and what is possible.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if !name.starts_with(|first: char| first.is_ascii_lowercase())
            || !name.bytes().all(is_plain)
            || name.len() > MAX_BYTES
        {
            return Err(format!(
                "`{}` is no name of a dialect: expected a lower-case letter, and behind it lower-case letters, digits and `_`, at most {MAX_BYTES} in all",
                name.escape_debug()
            ));
        }
        if registry::find::<Dialect>(name).is_ok() {
            return Err(format!("this build has a dialect `{name}` already: choose another name"));
        }
        let new = Self(name.to_owned());
        let package = new.package();
        if CRATES.iter().any(|taken| package.strip_prefix("hookd-") == Some(taken)) {
            return Err(format!(
                "hookd itself has a crate `{package}`, as that of the dialect would be called: choose another name"
            ));
        }
        Ok(new)
    }

    /// The dialect: `green_tea`.
    pub(super) fn dialect(&self) -> &str {
        &self.0
    }

    /// Its crate: `hookd-green-tea`.
    pub(super) fn package(&self) -> String {
        format!("hookd-{}", self.0.replace('_', "-"))
    }

    /// Its crate, as Rust names it: `hookd_green_tea`.
    pub(super) fn library(&self) -> String {
        format!("hookd_{}", self.0)
    }

    /// A part of the names of headers: `Green-Tea`.
    pub(super) fn header(&self) -> String {
        let title = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        };
        self.0.split('_').map(title).collect::<Vec<_>>().join("-")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn everything_is_called_after_the_dialect() {
        let name = Name::parse("green_tea_2").unwrap();
        let called = [name.dialect(), &name.package(), &name.library(), &name.header()].map(str::to_owned);
        assert_eq!(called, ["green_tea_2", "hookd-green-tea-2", "hookd_green_tea_2", "Green-Tea-2"]);
    }

    #[test]
    fn no_crate_of_hookd_is_shadowed() {
        let crates = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")).unwrap();
        let names = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: Vec<String> = names.filter_map(|name| name.strip_prefix("hookd-").map(str::to_owned)).collect();
        assert!(names.len() > 15, "{names:?}");
        for name in names {
            assert!(
                Name::parse(&name.replace('-', "_")).is_err(),
                "`hookd new dialect {name}` would write another crate `hookd-{name}`"
            );
        }
    }
}
