//! Tables of cases, one a line.

use hookd_core::Compat;
use serde_json::Value;

/// What a request should come to.
pub struct Case<'c> {
    /// The modes in which it does; those that the dialect does not have are left out.
    pub modes: &'static [Compat],
    /// The event.
    pub event: &'c str,
    /// How its payload differs from the fixture: see [`patched`](crate::patched).
    pub patch: Value,
    /// The [summary](crate::Run::summary) of what is expected.
    pub expected: String,
}

/// Checks a table of cases, one a line: the modes (`both`, `off` or `buildbot`), the event, the
/// [patch](crate::patched) of its payload, and the [summary](crate::Run::summary) of what is expected.
///
/// ```ignore
/// cases! { FORGE;
///     both     "push" {}               => "main@bbbb, main@cccc";
///     off      "push" {"commits": []}  => "main@cccc";
///     buildbot "push" {"commits": []}  => "ignored: the push has no commits";
/// }
/// cases! { FORGE, {"skips": []};
///     both "push" {"head_commit.message": "[skip ci]"} => "main@bbbb, main@cccc";
/// }
/// ```
#[macro_export]
macro_rules! cases {
    ($forge:expr; $($cases:tt)+) => { $crate::cases! { $forge, {}; $($cases)+ } };
    ($forge:expr, $options:tt; $($mode:ident $event:tt $patch:tt => $expected:expr;)+) => {
        $forge.assert_cases($crate::json!($options), &[$($crate::Case {
            modes: $crate::__modes!($mode),
            event: $event,
            patch: $crate::json!($patch),
            expected: ($expected).to_string(),
        }),+])
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __modes {
    (both) => {
        &$crate::BOTH
    };
    (off) => {
        &[$crate::BOTH[0]]
    };
    (buildbot) => {
        &[$crate::BOTH[1]]
    };
}
