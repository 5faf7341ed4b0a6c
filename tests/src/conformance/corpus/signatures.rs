//! GitHub's signatures: every state, for a dialect without a secret, with one, and with `strict`.

use super::body::{FORM, github, urlencoded};
use super::sources;
use crate::conformance::Case;
use crate::conformance::dialects::SECRET;
use crate::http::Request;
use crate::{sha1_signature, sha256_signature};

type Header = (&'static str, Vec<u8>);

const OLD: &str = "X-Hub-Signature";
const NEW: &str = "X-Hub-Signature-256";

pub(super) fn cases() -> Vec<Case> {
    let push = sources::buildbot("github", "gitJsonPayload");
    let form = urlencoded(&[("payload", &push)]);
    let requests = |dialect: &str| {
        let post = || Request::post(format!("/change_hook/{dialect}")).header("X-GitHub-Event", "push");
        [
            ("push", github(dialect, "push", push.clone())),
            ("ping", github(dialect, "ping", "{\"zen\": \"x\"}")),
            ("unknown event", github(dialect, "issues", "{}")),
            ("broken JSON", github(dialect, "push", "{")),
            ("no body", github(dialect, "push", "")),
            ("form", post().header("Content-Type", FORM).body(form.clone())),
            ("text", post().header("Content-Type", "text/plain").body(push.clone())),
        ]
    };
    let mut cases = Vec::new();
    for dialect in ["github", "github_secret", "github_strict"] {
        for (name, request) in requests(dialect) {
            for (state, headers) in states(&request.body) {
                let signed =
                    headers.into_iter().fold(request.clone(), |request, (name, value)| request.header(name, value));
                cases.push(Case::new(format!("{dialect} {name}: signature {state}"), signed));
            }
        }
    }
    cases
}

/// Possible signature headers of a body, each with a name.
fn states(body: &[u8]) -> Vec<(&'static str, Vec<Header>)> {
    let right = sha1_signature(SECRET, body);
    let right_256 = sha256_signature(SECRET, body);
    let other = sha1_signature("another secret", body);
    let other_256 = sha256_signature("another secret", body);
    let hex = &right["sha1=".len()..];
    let old = |value: &str| vec![(OLD, value.as_bytes().to_vec())];
    let new = |value: &str| vec![(NEW, value.as_bytes().to_vec())];
    let both = |first: &str, second: &str| [old(first), new(second)].concat();
    vec![
        ("none", vec![]),
        ("right", old(&right)),
        ("of another secret", old(&other)),
        ("empty", old("")),
        ("blank", old(" ")),
        ("without `=`", old("sha1")),
        ("hex alone", old(hex)),
        ("with two `=`", old(&format!("{right}=x"))),
        ("with `==`", old(&format!("sha1=={hex}"))),
        ("without hex", old("sha1=")),
        ("without algorithm", old(&format!("={hex}"))),
        ("in upper case", old(&format!("sha1={}", hex.to_uppercase()))),
        ("with the algorithm in upper case", old(&format!("SHA1={hex}"))),
        ("with blanks around", old(&format!("  {right}  "))),
        ("with a blank inside", old(&format!("sha1= {hex}"))),
        ("cut", old(&right[..right.len() - 2])),
        ("cut to one character", old("s")),
        ("too long", old(&format!("{right}00"))),
        ("not hex", old("sha1=zz")),
        ("not ASCII", old("sha1=\u{fc}")),
        ("not UTF-8", vec![(OLD, b"sha1=\xff".to_vec())]),
        ("md5", old("md5=d41d8cd98f00b204e9800998ecf8427e")),
        ("sha256 in the old header", old(&right_256)),
        ("right, then wrong", [old(&right), old(&other)].concat()),
        ("wrong, then right", [old(&other), old(&right)].concat()),
        ("right and 256 right", both(&right, &right_256)),
        ("right and 256 wrong", both(&right, &other_256)),
        ("right and 256 empty", both(&right, "")),
        ("right and 256 of another kind", both(&right, &right)),
        ("wrong and 256 right", both(&other, &right_256)),
        ("wrong and 256 wrong", both(&other, &other_256)),
        ("256 right alone", new(&right_256)),
        ("256 wrong alone", new(&other_256)),
        ("256 empty alone", new("")),
        ("256 in upper case", new(&right_256.to_uppercase().replace("SHA", "sha"))),
        ("256 right, then wrong", [new(&right_256), new(&other_256)].concat()),
        ("256 wrong, then right", [new(&other_256), new(&right_256)].concat()),
    ]
}
