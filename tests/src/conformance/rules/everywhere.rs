//! Rules for every dialect.

use serde_json::Value;

use super::Rule;
use crate::conformance::compare::{Difference, Pair};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "unknown-event-is-202",
        classes: &["github", "bitbucketcloud", "bitbucketserver"],
        explains: unknown_event_is_202,
    },
    Rule { id: "pings-are-202", classes: &["bitbucketserver"], explains: pings_are_202 },
    Rule { id: "other-methods-are-405", classes: &[], explains: other_methods_are_405 },
    Rule { id: "raw-queries-are-accepted", classes: &["base"], explains: raw_queries_are_accepted },
    Rule { id: "all-changes-or-none", classes: &["github"], explains: all_changes_or_none },
    Rule { id: "json-as-in-its-standard", classes: &[], explains: json_as_in_its_standard },
    Rule { id: "integers-of-64-bits", classes: &[], explains: integers_of_64_bits },
    Rule { id: "lists-are-lists", classes: &[], explains: lists_are_lists },
    Rule { id: "odd-dates-are-left-out", classes: &["github"], explains: odd_dates_are_left_out },
    Rule { id: "dates-beyond-python", classes: &["github"], explains: dates_beyond_python },
    Rule { id: "broken-multipart-is-400", classes: &["base"], explains: broken_multipart_is_400 },
    Rule { id: "packed-bodies-are-415", classes: &["base"], explains: packed_bodies_are_415 },
    Rule { id: "empty-multipart-is-no-argument", classes: &["poller"], explains: empty_multipart_is_no_argument },
    Rule { id: "last-content-type-counts", classes: &["base"], explains: last_content_type_counts },
    Rule { id: "author-may-be-null", classes: &["github", "bitbucket"], explains: author_may_be_null },
    Rule { id: "crash-is-400", classes: &[], explains: crash_is_400 },
    Rule { id: "crash-is-no-change", classes: &["github"], explains: crash_is_no_change },
];

/// Forges disable hooks that answer with errors.
fn unknown_event_is_202(pair: &Pair<'_>, difference: Difference) -> bool {
    let says_why = pair.hookd.delivery["state"] == "ignored" && pair.hookd.delivery["reason"].is_string();
    let is_unknown = pair.buildbot.is_refused_with(&["Unknown event: "]);
    difference == Difference::Answer && is_unknown && pair.hookd.is_ignored() && says_why
}

/// A test of the connection needs no proof, and is not stored.
fn pings_are_202(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_ping = pair.case.header("X-Event-Key") == "diagnostics:ping";
    let is_unknown = pair.buildbot.is_refused_with(&["Unknown event: "]);
    difference == Difference::Answer
        && is_ping
        && is_unknown
        && pair.hookd.is_ignored()
        && pair.hookd.delivery.is_null()
}

/// Buildbot accepts every method that Twisted knows; hookd accepts `GET` only if nothing is in the body.
fn other_methods_are_405(pair: &Pair<'_>, difference: Difference) -> bool {
    let method = pair.case.request.method.as_str();
    let is_taken = method == "POST" || method == "GET" && matches!(pair.case.class(), "base" | "poller");
    let is_405 = pair.hookd.status == 405 && pair.hookd.changes.is_empty();
    let is_unknown = pair.case.served().is_none() && pair.hookd.is_refused_with(&["The dialect specified, "]);
    difference == Difference::Answer && !is_taken && (is_405 || is_unknown)
}

/// Twisted refuses a request line with bytes that should have been escaped, and says nothing.
fn raw_queries_are_accepted(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_raw = pair.case.request.target.contains(|c: char| !c.is_ascii() || matches!(c, '"' | '<' | '>'));
    let is_refused = pair.buildbot.status == 400 && pair.buildbot.text.is_empty();
    difference == Difference::Answer && is_raw && is_refused && pair.hookd.is_success()
}

/// Buildbot stored some changes of a request before it failed on another.
fn all_changes_or_none(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_half_done = !pair.buildbot.is_success() && !pair.buildbot.changes.is_empty();
    matches!(difference, Difference::Answer | Difference::Count) && is_half_done && pair.hookd.is_refused()
}

/// Python's `json` accepts more than the standard: NaN, numbers beyond a double, halves of surrogates.
fn json_as_in_its_standard(pair: &Pair<'_>, difference: Difference) -> bool {
    let sent = [pair.case.request.body.clone(), pair.case.argument("properties").unwrap_or_default().into_bytes()];
    let beyond = ["NaN", "Infinity", "1e999", "\\ud800"];
    let is_beyond = sent.iter().any(|sent| beyond.iter().any(|text| String::from_utf8_lossy(sent).contains(text)));
    let is_refused = pair.hookd.is_refused() && pair.hookd.text.contains("broken JSON: ");
    difference == Difference::Answer && pair.buildbot.is_success() && is_beyond && is_refused
}

/// Python's integers have any size; beyond 64 bits hookd's are doubles.
fn integers_of_64_bits(pair: &Pair<'_>, difference: Difference) -> bool {
    let Difference::Field { change, field: "properties" } = difference else { return false };
    let (theirs, ours) = pair.field(change, "properties");
    let rounds = |(name, value): (&String, &Value)| {
        let exact: Option<f64> = value[0].as_str().and_then(|digits| digits.parse().ok());
        *value == ours[name] || exact.is_some_and(|exact| exact.abs() > 1.8e19 && ours[name][0].as_f64() == Some(exact))
    };
    theirs.as_object().is_some_and(|theirs| theirs.iter().all(rounds))
}

/// Python treats a string as a list of its characters, and an object as a list of its keys.
fn lists_are_lists(pair: &Pair<'_>, difference: Difference) -> bool {
    let messages = ["is a text, expected a list", "is an object, expected a list", "is not a JSON list of texts"];
    let is_refused = pair.hookd.is_refused() && messages.iter().any(|message| pair.hookd.text.contains(message));
    difference == Difference::Answer && pair.buildbot.is_success() && is_refused
}

/// `dateutil` guesses at anything that looks like a date, and refuses what does not.
fn odd_dates_are_left_out(pair: &Pair<'_>, difference: Difference) -> bool {
    let reason = pair.hookd.delivery["reason"].as_str().unwrap_or_default();
    let is_left_out = pair.hookd.status == 202 && reason.contains("is not a date of ISO 8601");
    let is_about_it = match difference {
        Difference::Answer => !pair.buildbot.is_success() && pair.buildbot.changes.is_empty(),
        Difference::Field { field, .. } => field == "when_timestamp",
        _ => false,
    };
    is_left_out && is_about_it
}

/// Python's `datetime` has no leap seconds, and no offsets of a day.
fn dates_beyond_python(pair: &Pair<'_>, difference: Difference) -> bool {
    let messages = ["second must be in 0..59", "offset must be a timedelta strictly between"];
    let is_understood = pair.hookd.status == 202 && !pair.hookd.changes.is_empty();
    difference == Difference::Answer && pair.buildbot.is_refused_with(&messages) && is_understood
}

/// Python's multipart parser accepts incomplete bodies.
fn broken_multipart_is_400(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_multipart = pair.case.header("Content-Type").to_ascii_lowercase().starts_with("multipart/form-data");
    let is_refused = pair.hookd.is_refused_with(&["broken multipart body: "]);
    difference == Difference::Answer && pair.buildbot.is_success() && is_multipart && is_refused
}

/// Buildbot reads the bytes as they are, whatever their declared encoding.
fn packed_bodies_are_415(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_packed = !matches!(pair.case.header("Content-Encoding").as_ref(), "" | "identity");
    let is_refused = pair.hookd.status == 415 && pair.hookd.changes.is_empty();
    difference == Difference::Answer && is_packed && is_refused
}

/// A multipart form without parts is well-formed and empty; Twisted refuses it before any hook sees it.
fn empty_multipart_is_no_argument(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_multipart = pair.case.header("Content-Type").to_ascii_lowercase().starts_with("multipart/form-data");
    let is_refused = pair.buildbot.status == 400 && pair.buildbot.text.trim().is_empty();
    let is_empty = !pair.case.request.body.windows(8).any(|part| part.eq_ignore_ascii_case(b"content-"));
    difference == Difference::Answer && is_multipart && is_empty && is_refused && pair.hookd.is_ignored()
}

/// Twisted parses a form by the first of several content types, and gives Buildbot the last.
fn last_content_type_counts(pair: &Pair<'_>, difference: Difference) -> bool {
    let types = pair.case.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
    let Difference::Field { change, field } = difference else { return false };
    let sent = pair.case.argument(field);
    types.count() > 1 && sent.is_some() && pair.field(change, field).1.as_str() == sent.as_deref()
}

/// Buildbot creates a user for each author, and fails if that is null.
fn author_may_be_null(pair: &Pair<'_>, difference: Difference) -> bool {
    let lacks_author = pair.hookd.changes.iter().any(|change| change["author"] == "");
    difference == Difference::Answer && is_crash(pair) && pair.hookd.status == 202 && lacks_author
}

/// Buildbot crashes; hookd reports the problem to the sender.
fn crash_is_400(pair: &Pair<'_>, difference: Difference) -> bool {
    let says_why = !pair.hookd.text.trim().is_empty();
    difference == Difference::Answer && is_crash(pair) && pair.hookd.is_refused() && says_why
}

/// Buildbot crashes on something that would not have been built anyway.
fn crash_is_no_change(pair: &Pair<'_>, difference: Difference) -> bool {
    let says_why = pair.hookd.delivery["state"] == "ignored" && pair.hookd.delivery["reason"].is_string();
    difference == Difference::Answer && is_crash(pair) && pair.hookd.is_ignored() && says_why
}

/// Whether Buildbot failed on the request before it stored anything.
pub(super) fn is_crash(pair: &Pair<'_>) -> bool {
    pair.buildbot.status == 500 && pair.buildbot.changes.is_empty()
}
