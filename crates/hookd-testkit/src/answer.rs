//! Answers of a forge's API, as a test makes them.

use hookd_core::ApiAnswer;

/// 200 with this JSON.
pub fn json(body: impl ToString) -> ApiAnswer {
    ApiAnswer::Answered { status: 200, link: None, body: body.to_string().into() }
}

/// 200 with this JSON, and a `Link` header that names the URL of the next page.
pub fn page(body: impl ToString, next: &str) -> ApiAnswer {
    let link = format!("<{next}>; rel=\"next\", <https://api.example.org/last>; rel=\"last\"");
    ApiAnswer::Answered { status: 200, link: Some(link), body: body.to_string().into() }
}

/// This status with an empty object.
pub fn status(status: u16) -> ApiAnswer {
    ApiAnswer::Answered { status, link: None, body: "{}".into() }
}

/// No answer within the budget, for this reason.
pub fn none(reason: &str) -> ApiAnswer {
    ApiAnswer::GaveUp(reason.to_owned())
}
