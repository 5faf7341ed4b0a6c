//! Gitorious: a form with a payload.

use super::body::{FORM, escaped, urlencoded};
use super::{mutations, sources};
use crate::conformance::Case;
use crate::http::Request;

pub(super) fn cases() -> Vec<Case> {
    let form = |payload: &str| {
        Request::post("/change_hook/gitorious").header("Content-Type", FORM).body(urlencoded(&[("payload", payload)]))
    };
    let text = sources::buildbot("gitorious", "gitJsonPayload");
    let query = Request::post(format!("/change_hook/gitorious?payload={}", escaped(&text)));
    let mut cases = vec![
        Case::new("gitorious: Buildbot's gitJsonPayload", form(&text)),
        Case::new("gitorious: in the query", query),
        Case::new("gitorious: as JSON", Request::post("/change_hook/gitorious").json(text)),
        Case::new("gitorious: nothing", Request::post("/change_hook/gitorious")),
    ];
    for payload in ["", "{", "null", "[]", "5", "{}"] {
        cases.push(Case::new(format!("gitorious: payload {payload:?}"), form(payload)));
    }
    let payload = sources::buildbot_json("gitorious", "gitJsonPayload");
    let walk = mutations::every(&payload).into_iter();
    cases.extend(walk.map(|m| Case::new(format!("gitorious: {}", m.name), form(&m.payload.to_string()))));
    cases
}
