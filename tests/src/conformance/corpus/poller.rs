//! The poller dialect: the names of pollers, in every way in which arguments can be sent.

use super::body::{FORM, MULTIPART, multipart, urlencoded};
use crate::conformance::Case;
use crate::conformance::dialects::POLLERS;
use crate::http::Request;

pub(super) fn cases() -> Vec<Case> {
    let [one, two] = POLLERS;
    let choices: [&[&str]; 8] = [&[], &[one], &[two], &[one, two], &["nothing"], &[one, "nothing"], &[""], &[one, one]];
    let mut cases = Vec::new();
    for dialect in ["poller", "poller_allowed"] {
        let path = format!("/change_hook/{dialect}");
        for choice in choices {
            let pairs: Vec<_> = choice.iter().map(|name| ("poller", *name)).collect();
            let query = urlencoded(&pairs);
            let name = |way: &str| format!("{dialect} {way}: {choice:?}");
            cases.push(Case::new(name("GET"), Request::get(format!("{path}?{query}"))));
            cases.push(Case::new(name("query"), Request::post(format!("{path}?{query}"))));
            cases.push(Case::new(name("form"), Request::post(&path).header("Content-Type", FORM).body(query)));
            let parts = Request::post(&path).header("Content-Type", MULTIPART).body(multipart(&pairs));
            cases.push(Case::new(name("multipart"), parts));
        }
    }
    cases
}
