//! JSON as dialects read it.

use fastrand::Rng;
use hookd_core::{Compat, Json as Parsed, Refusal, View};
use serde_json::Value;

use super::dialect_seeds as seeds;
use crate::{Bound, Meter, Scope, Target, mutation};

/// Laws: hookd reads what `serde_json` reads, as the same values, and nothing else, within its limits; every reader of a [`View`] gives a
/// value or says what is wrong on a short line.
pub(super) struct Json;

/// How many values of one text are looked at with all readers.
const MAX_VALUES: usize = 60;

/// The longest text of which values are written out at each place.
const MAX_SHOWN_BYTES: usize = 2 << 10;

impl Target for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let odd = [
            r#"{"a": 1, "a": {"b": [1e400, -0.0, 0.1, 18446744073709551616]}}"#,
            r#"["\ud800", "\ud83e\udd80", "\u0000", "é"]"#,
            "[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]",
            "\u{feff}{}",
            "{\"\": null, \"a.b\": 2026, \"d\": \"2026-02-28T23:59:60+00:00\"}",
            " [1 , 2,\t3\n] ",
        ];
        let payloads = [seeds::github(), seeds::bitbucketserver()].concat().into_iter().map(|message| message.body);
        odd.map(|text| text.as_bytes().to_vec()).into_iter().chain(payloads).collect()
    }

    fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
        let tokens =
            ["[", "]", "{", "}", ",", ":", "\"", "\\u", "\\ud83e", "null", "1e", "-", "0", "[],", "\"a\":", "\u{feff}"];
        if rng.bool()
            && let Some(changed) = mutation::json::mutate(rng, input, other)
        {
            return changed;
        }
        mutation::bytes::mutate(rng, input, other, &tokens)
    }

    fn check(&self, input: &[u8], _: Scope, meter: &mut Meter) {
        let expected = serde_json::from_slice::<Value>(input);
        let found = meter.measure(Bound::SENT, input.len(), || {
            View::read(input, |view| {
                let mut left = MAX_VALUES;
                for compat in [Compat::Off, Compat::Buildbot] {
                    read_all(&view.reading(compat), input.len() <= MAX_SHOWN_BYTES, &mut left);
                }
                Ok(())
            })
        });
        let same =
            View::read(input, |view| Ok(expected.as_ref().is_ok_and(|expected| view.json().to_value() == *expected)));
        match (found, same) {
            (Ok(()), Ok(is_same)) => assert!(is_same, "read otherwise than by serde_json: {expected:?}"),
            (Err(refusal), Err(_)) => {
                let is_beyond_a_limit = refusal.message().contains("the limit for its length");
                assert!(expected.is_err() || is_beyond_a_limit, "refused, but JSON: {refusal}");
                super::assert_line(refusal.message());
            }
            (found, _) => panic!("read in two ways, one of them {found:?}"),
        }
    }
}

/// Reads with every reader at each place.
fn read_all(view: &View<'_>, is_short: bool, left: &mut usize) {
    let keys: Vec<&str> = match view.json() {
        Parsed::Object(members) => members.iter().map(|(key, _)| *key).collect(),
        _ => Vec::new(),
    };
    for key in keys.iter().take(12).chain(&["", "no.such.path"]) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        read_one(view, key);
        if is_short {
            show_one(view, key);
        }
        if let Ok(inner) = view.at(key) {
            read_all(&inner, is_short, left);
        }
    }
    for item in view.items().into_iter().flatten().take(6) {
        if *left > 0 {
            *left -= 1;
            read_all(&item, is_short, left);
        }
    }
}

fn is_fine<T>(result: Result<T, Refusal>) {
    if let Err(refusal) = result {
        super::assert_line(refusal.message());
        assert!(refusal.message().chars().count() <= 300, "a refusal of {} bytes", refusal.message().len());
    }
}

fn show_one(view: &View<'_>, key: &str) {
    is_fine(view.python_str(key));
    is_fine(view.shown(key));
    is_fine(view.shown_or_empty(key));
    is_fine(view.shown_number(key));
    is_fine(view.shown_count(key));
}

fn read_one(view: &View<'_>, key: &str) {
    is_fine(view.text(key));
    is_fine(view.optional_text(key));
    is_fine(view.nullable_text(key));
    is_fine(view.first_text(&[key, "a"]));
    is_fine(view.python_int(key));
    is_fine(view.integer(key));
    is_fine(view.optional_integer(key));
    is_fine(view.count(key));
    is_fine(view.boolean(key));
    is_fine(view.optional_boolean(key));
    is_fine(view.date(key));
    is_fine(view.optional_date(key));
    is_fine(view.git_ref(key));
    is_fine(view.list_or_empty(key));
    is_fine(view.maybe_texts(key));
    is_fine(view.maybe_first(&[key, "a"]));
    is_fine(view.maybe_shown_count(key));
    is_fine(view.maybe_value(key));
    is_fine(view.optional_object(key));
    is_fine(view.maybe(key));
    is_fine(view.identifier(key));
    is_fine(view.person(key, "email"));
    is_fine(view.maybe_date(key));
    is_fine(view.maybe_list(key));
    let _ = view.is_truthy(key);
}
