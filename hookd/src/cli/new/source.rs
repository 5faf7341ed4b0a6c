//! Where a new workspace gets hookd from.

use std::path::{Path, PathBuf};

use url::Url;

/// Where hookd comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// This version of it from crates.io.
    Release(&'static str),
    /// A checkout of its repository: an absolute path.
    Checkout(PathBuf),
    /// A Git repository.
    Git(Url),
}

impl Source {
    /// The hookd that runs: the checkout that it was built from while that is there, or else its release.
    pub(super) fn of_this_build() -> Self {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // What cargo itself has fetched is marked so, and may be deleted at any time.
        let is_fetched = built_from.join(".cargo-ok").exists();
        match Self::checkout(&built_from) {
            Ok(checkout) if !is_fetched => checkout,
            _ => Self::Release(env!("CARGO_PKG_VERSION")),
        }
    }

    /// A checkout in this folder.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn checkout(folder: &Path) -> Result<Self, String> {
        let shown = folder.display();
        let is_checkout =
            ["hookd", "crates/hookd-core"].iter().all(|path| folder.join(path).join("Cargo.toml").exists());
        if !is_checkout {
            return Err(format!(
                "`{shown}` is no checkout of hookd: expected the root of its repository, with `crates/hookd-core` in it"
            ));
        }
        let path = folder.canonicalize().map_err(|error| format!("`{shown}`: {error}"))?;
        match path.to_str() {
            Some(_) => Ok(Self::Checkout(path)),
            None => Err(format!("`{shown}` is no path that a Cargo.toml can have: it is not UTF-8")),
        }
    }

    /// The repository at this URL.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn git(url: &str) -> Result<Self, String> {
        let parsed = Url::parse(url);
        parsed.map(Self::Git).map_err(|error| {
            format!(
                "`{}` is no URL of a Git repository, such as `https://git.example.org/hookd.git`: {error}",
                url.escape_debug()
            )
        })
    }

    /// A crate of hookd as a dependency, in TOML.
    pub(super) fn dependency(&self, package: &str) -> String {
        match self {
            Source::Release(version) => quoted(version),
            Source::Git(url) => format!("{{ git = {} }}", quoted(url.as_str())),
            Source::Checkout(root) => {
                let folder = if package == "hookd" { root.join(package) } else { root.join("crates").join(package) };
                format!("{{ path = {} }}", quoted(&folder.to_string_lossy()))
            }
        }
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_toml_whatever_the_path() {
        let odd = Source::Checkout("/with \"quotes\"\\and\nlines".into());
        let manifest = format!("core = {}\nhookd = {}\n", odd.dependency("hookd-core"), odd.dependency("hookd"));
        let manifest: toml::Table = manifest.parse().unwrap();
        assert_eq!(manifest["core"]["path"].as_str(), Some("/with \"quotes\"\\and\nlines/crates/hookd-core"));
        assert_eq!(manifest["hookd"]["path"].as_str(), Some("/with \"quotes\"\\and\nlines/hookd"));
        assert_eq!(Source::Release("0.1.0").dependency("hookd"), "\"0.1.0\"");
    }
}
