//! Which build this is: hookd itself, or a binary of a third party's with hookd as a library.

use std::fmt::Write as _;
use std::sync::OnceLock;

use hookd_core::registry::{self, Named};
use hookd_core::{CodebaseFunction, Dialect, Plugin};
use hookd_github::EventClass;
use hookd_pollers::PollerType;
use hookd_sinks::SinkType;

/// The version of this library, and the commit that it was built from, if that is known: `0.1.0 (8994622)`.
pub(crate) const VERSION: &str = env!("HOOKD_VERSION");

/// The name of the binary without plugins, and of this library.
const HOOKD: &str = "hookd";

/// A build of hookd, as its binary names itself: see [`main!`](crate::main).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The name of the binary.
    pub name: &'static str,
    /// The version of its package.
    pub version: &'static str,
}

static BUILD: OnceLock<Build> = OnceLock::new();

impl Build {
    /// The build that runs, from now on.
    pub(crate) fn set(self) {
        BUILD.get_or_init(|| self);
    }

    /// The build that runs: hookd itself, until another is set.
    pub(crate) fn current() -> Self {
        BUILD.get().copied().unwrap_or(Self { name: HOOKD, version: env!("CARGO_PKG_VERSION") })
    }

    /// Its version in one line, with that of hookd: `0.1.0 (8994622)`, or `2.0.0, hookd 0.1.0 (8994622)`.
    pub(crate) fn line(self) -> String {
        if self.name == HOOKD { VERSION.to_owned() } else { format!("{}, {HOOKD} {VERSION}", self.version) }
    }

    /// The same line, and below it all that is built in, by name; of crates other than hookd's also the versions.
    pub(crate) fn listing(self) -> String {
        let mut listing = self.line();
        let plugins = Plugin::all().iter().map(ToString::to_string).collect();
        for (kind, names) in [
            ("dialects", names::<Dialect>()),
            ("sinks", names::<SinkType>()),
            ("pollers", names::<PollerType>()),
            ("codebase functions", names::<CodebaseFunction>()),
            ("event classes of github", names::<EventClass>()),
            ("plugins", plugins),
        ] {
            if !names.is_empty() {
                write!(listing, "\n{kind}: {}", names.join(", ")).expect("a String takes all");
            }
        }
        listing
    }
}

fn names<T: Named>() -> Vec<String> {
    registry::all::<T>().iter().map(|entry| entry.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_names_itself_and_the_hookd_in_it() {
        let hookd = Build { name: "hookd", version: "0.1.0" };
        assert_eq!(hookd.line(), VERSION);
        let other = Build { name: "my-hookd", version: "2.0.0" };
        assert_eq!(other.line(), format!("2.0.0, hookd {VERSION}"));
    }
}
