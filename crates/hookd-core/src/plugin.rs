//! The crates that a build has beside those of hookd itself: each is named where it registers something.

use std::collections::BTreeSet;
use std::fmt;

/// A crate that registers something, in the version that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Plugin {
    /// The name of the crate.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

inventory::collect!(Plugin);

impl Plugin {
    /// The crate of this name and version. [`register!`](crate::register) makes it.
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version }
    }

    /// Those of this build, sorted, each once however much it registers.
    pub fn all() -> Vec<Self> {
        inventory::iter::<Self>.into_iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl fmt::Display for Plugin {
    /// `hookd-gitea 0.3.0`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Registers a constant descriptor, such as a [`Dialect`](crate::Dialect), and the crate that has it with its version, which
/// `--version` of a build shows.
///
/// ```
/// # use hookd_core::{BuildContext, Change, Dialect, Hook, HookOptions, HookRequest, Outcome, Problem, Refusal};
/// # /// Options of `nightly`.
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Options {}
/// # impl HookOptions for Options {
/// #     fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> { Ok(Box::new(Nightly)) }
/// # }
/// # struct Nightly;
/// # impl Hook for Nightly {
/// #     fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
/// #         Ok(Outcome::Changes(vec![Change::default()]))
/// #     }
/// # }
/// hookd_core::register! { Dialect::new::<Options>("nightly", "A change for each request.") }
///
/// assert!(hookd_core::registry::find::<Dialect>("nightly").is_ok());
/// assert!(hookd_core::Plugin::all().iter().any(|plugin| plugin.name == env!("CARGO_PKG_NAME")));
/// ```
#[macro_export]
macro_rules! register {
    ($descriptor:expr $(,)?) => {
        $crate::inventory::submit! { $descriptor }
        $crate::inventory::submit! {
            $crate::Plugin::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        }
    };
}
