//! Rules of the GitHub dialect.

use serde_json::json;

use super::Rule;
use super::everywhere::is_crash;
use crate::conformance::compare::{Difference, Pair};
use crate::conformance::dialects::SECRET;
use crate::github_api::Api;
use crate::{sha1_signature, sha256_signature};

pub(super) const RULES: &[Rule] = &[
    Rule { id: "strongest-signature-decides", classes: &["github"], explains: strongest_signature_decides },
    Rule { id: "empty-signature-is-invalid", classes: &["github"], explains: empty_signature_is_invalid },
    Rule { id: "repeated-signatures-are-all-valid", classes: &["github"], explains: repeated_signatures_are_all_valid },
    Rule { id: "unused-signature-is-not-read", classes: &["github"], explains: unused_signature_is_not_read },
    Rule { id: "form-payload-is-signed", classes: &["github"], explains: form_payload_is_signed },
    Rule { id: "newline-after-ref", classes: &["github"], explains: newline_after_ref },
    Rule { id: "pull-request-is-answered-first", classes: &["github"], explains: pull_request_is_answered_first },
    Rule { id: "api-answer-without-message", classes: &["github"], explains: api_answer_without_message },
    Rule { id: "api-paths-hold-one-repository", classes: &["github"], explains: api_paths_hold_one_repository },
    Rule { id: "unused-part-may-be-missing", classes: &["github"], explains: unused_part_may_be_missing },
];

const OLD: &str = "X-Hub-Signature";
const NEW: &str = "X-Hub-Signature-256";

/// Buildbot knows SHA-1 alone; where SHA-256 is there, that decides for hookd, whatever the SHA-1 beside it.
fn strongest_signature_decides(pair: &Pair<'_>, difference: Difference) -> bool {
    let right = sha256_signature(SECRET, &pair.case.request.body);
    let sent = signatures(pair, NEW);
    let is_right = sent.iter().all(|value| *value == right.as_bytes());
    let is_reported = pair.hookd.is_refused() && is_about_signatures(&pair.hookd.text);
    // A right one lets hookd go on to whatever else there is to say.
    let goes_on = pair.hookd.status == 202 || pair.hookd.is_refused() && !is_about_signatures(&pair.hookd.text);
    let refuses_old = pair.buildbot.is_refused()
        && (pair.buildbot.text.contains("Request has no required signature")
            || is_about_signatures(&pair.buildbot.text)
            || pair.buildbot.text.contains("codec can't decode"));
    matches!(difference, Difference::Answer | Difference::Message)
        && pair.case.option("secret") == SECRET
        && !sent.is_empty()
        && if is_right { goes_on && refuses_old } else { is_reported }
}

/// An empty header is no signature to Buildbot, and one that is wrong to hookd.
fn empty_signature_is_invalid(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_empty = pair.case.request.last(OLD).is_some_and(|value| value.trim_ascii().is_empty());
    let is_none = pair.buildbot.is_success() || pair.buildbot.is_refused();
    matches!(difference, Difference::Answer | Difference::Message)
        && pair.case.option("secret") == SECRET
        && (is_empty && is_none && signatures(pair, NEW).is_empty())
        && pair.hookd.is_refused_with(&["Wrong signature format: "])
}

/// Of a header that is sent more than once Buildbot looks at the last, and hookd at each.
fn repeated_signatures_are_all_valid(pair: &Pair<'_>, difference: Difference) -> bool {
    let right = sha1_signature(SECRET, &pair.case.request.body);
    let sent = signatures(pair, OLD);
    let has_wrong = sent.len() > 1 && sent.iter().any(|value| *value != right.as_bytes());
    matches!(difference, Difference::Answer | Difference::Message)
        && pair.case.option("secret") == SECRET
        && (signatures(pair, NEW).is_empty() && has_wrong)
        && (pair.hookd.is_refused() && is_about_signatures(&pair.hookd.text))
}

/// The values of a header, as they were sent.
fn signatures<'p>(pair: &'p Pair<'_>, header: &str) -> Vec<&'p [u8]> {
    let sent = pair.case.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(header));
    sent.map(|(_, value)| &**value).collect()
}

fn is_about_signatures(message: &str) -> bool {
    ["Hash mismatch", "Wrong signature format: ", "Unknown hash type: "].iter().any(|known| message.starts_with(known))
}

/// Without a secret, Buildbot still decodes the signature.
fn unused_signature_is_not_read(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_odd = std::str::from_utf8(pair.case.request.last(OLD).unwrap_or_default()).is_err();
    let stumbles = pair.buildbot.is_refused() && pair.buildbot.text.contains("codec can't decode");
    difference == Difference::Answer
        && pair.case.option("secret").is_null()
        && is_odd
        && stumbles
        && pair.hookd.status == 202
}

/// Buildbot takes the payload of a signed form from the query, which is not signed.
fn form_payload_is_signed(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_in_query = pair.case.query().contains("payload=");
    let is_in_body = String::from_utf8_lossy(&pair.case.request.body).contains("payload=");
    let is_refused = pair.hookd.is_refused_with(&["argument `payload` is missing in the form"]);
    difference == Difference::Answer
        && pair.case.option("strict") == true
        && (is_in_query && !is_in_body && pair.buildbot.is_success() && is_refused)
}

/// Python's `$` also matches before a last newline.
fn newline_after_ref(pair: &Pair<'_>, difference: Difference) -> bool {
    let ends_so = pair.case.payload()["ref"].as_str().is_some_and(|name| name.ends_with('\n'));
    difference == Difference::Count && ends_so && pair.hookd.is_ignored()
}

/// hookd answers before it calls the API, and states what it expects; the commit message may still ask to skip it.
fn pull_request_is_answered_first(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_skipped = pair.hookd.delivery["reason"].as_str().is_some_and(|reason| reason.contains("skip pattern"));
    let is_settled = pair.hookd.delivery["state"] == "ignored" && pair.hookd.changes.is_empty();
    difference == Difference::Count
        && (pair.buildbot.is_ignored() && pair.hookd.text == "1 change found" && is_skipped && is_settled)
}

/// An API answer without a message is treated as if the API had answered 404.
fn api_answer_without_message(pair: &Pair<'_>, difference: Difference) -> bool {
    let head = &pair.case.payload()["pull_request"]["head"]["sha"];
    let is_without = *head == Api::SHAPELESS || *head == Api::BROKEN;
    let goes_on = pair.hookd.status == 202 && pair.hookd.delivery["state"] != "refused";
    difference == Difference::Answer && !pair.buildbot.is_success() && is_without && goes_on
}

/// Values of the payload go into the path of an API call that carries a token. hookd makes no call for an invalid
/// repository, revision or number, and escapes the rest. Then Buildbot's call goes astray, or hookd's is not made.
fn api_paths_hold_one_repository(pair: &Pair<'_>, difference: Difference) -> bool {
    let Difference::Field { change, field: "files" } = difference else { return false };
    let (theirs, ours) = pair.field(change, "files");
    let payload = pair.case.payload();
    let name = payload["repository"]["full_name"].as_str().unwrap_or_default();
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('/');
    let is_repository = name.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name));
    let is_revision = payload["pull_request"]["head"]["sha"].as_str().is_some_and(is_name);
    let is_number = payload["number"].is_u64();
    let makes_no_call = *ours == json!([]) && !(is_repository && is_revision && is_number);
    let goes_astray = *theirs == json!([]) && name.contains(['?', '#']);
    makes_no_call || goes_astray
}

/// Buildbot reads parts of a push that it does not use; hookd does without them, and finds all changes.
fn unused_part_may_be_missing(pair: &Pair<'_>, difference: Difference) -> bool {
    let payload = pair.case.payload();
    let is_created = payload["created"] == true;
    let lacks_message = !payload["head_commit"]["message"].is_string();
    let lacks_name = payload["repository"].get("name").is_none();
    let lacks_commits = is_created && payload["commits"].is_null();
    let commits = if is_created { 1 } else { payload["commits"].as_array().map_or(0, Vec::len) };
    difference == Difference::Answer
        && (pair.case.class() == "github" && is_crash(pair))
        && (lacks_message || lacks_name || lacks_commits)
        && (pair.hookd.status == 202 && commits > 0 && pair.hookd.changes.len() == commits)
}
