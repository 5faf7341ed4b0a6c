//! What a test expects of a dialect, whatever its changes are: tables of cases, options, what refuses a request.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hookd_core::Compat;
use serde_json::{Map, Value};

use crate::payload::mutations_by_place;
use crate::{Case, Forge};

impl Forge {
    /// Translates the request for each case, and compares [summaries](crate::Run::summary). [`cases!`](crate::cases)
    /// is the short form.
    ///
    /// # Panics
    /// When a case is not as expected: the message has all of them.
    #[track_caller]
    pub fn assert_cases(&self, options: Value, cases: &[Case<'_>]) {
        let mut text = String::new();
        for Case { modes, event, patch, expected } in cases {
            let request = self.request(event, patch.clone());
            for mode in modes.iter().filter(|mode| self.modes().contains(mode)) {
                let found = self.hook(*mode, options.clone()).run(&request).summary();
                if found != *expected {
                    writeln!(text, "  {event} with {patch}, {mode:?}:\n    expected {expected}\n    found    {found}")
                        .expect("a String takes all");
                }
            }
        }
        assert!(text.is_empty(), "not as expected:\n{text}");
    }

    /// The fields of an event's payload that refuse it when they are wrong or missing, in whatever way, without `compat`:
    /// those that identify a change, and what they are in. The items of a list count as one: `commits[].id`.
    pub fn refusing_fields(&self, event: &str, options: Value) -> BTreeSet<String> {
        let hook = self.hook(Compat::Off, options);
        let is_refused = |mutated: &Value| hook.run(&self.send(event, mutated)).outcome.is_err();
        let mutations = mutations_by_place(&self.payload(event, Value::Object(Map::new())));
        mutations.into_iter().filter(|(_, mutated)| is_refused(mutated)).map(|(place, _)| path_of(&place)).collect()
    }

    /// Checks that these fields, and no others, refuse an event's payload: see [`Forge::refusing_fields`].
    ///
    /// # Panics
    /// When they are others.
    #[track_caller]
    pub fn assert_refusing_fields(&self, event: &str, options: Value, expected: &[&str]) {
        let found = self.refusing_fields(event, options);
        let expected: BTreeSet<String> = expected.iter().map(|field| (*field).to_owned()).collect();
        let (more, fewer): (Vec<_>, Vec<_>) =
            (found.difference(&expected).collect(), expected.difference(&found).collect());
        assert!(
            more.is_empty() && fewer.is_empty(),
            "{event} is refused over {more:?} as well, and not over {fewer:?}"
        );
    }

    /// Checks which options the dialect has, each with its default; `null` for those without one.
    ///
    /// # Panics
    /// When the options are others, or an option has another default.
    #[track_caller]
    pub fn assert_options(&self, expected: Value) {
        let default = |option: &Value| option.get("default").cloned().unwrap_or_default();
        let found: Map<String, Value> =
            self.schema_of_options().iter().map(|(name, option)| (name.clone(), default(option))).collect();
        assert_eq!(Value::Object(found), expected, "options and their defaults");
    }
}

/// The path of a JSON pointer, without the indices in lists.
fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str("[]");
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(step);
        }
    }
    path
}
