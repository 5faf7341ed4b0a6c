//! Answers that both listeners give.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};

/// An answer of one line of plain text, which no browser takes for something else.
pub fn plain(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, text).map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What is said to a sender whose password was not checked, since too many are being checked at the moment.
pub const BUSY: &str = "too many passwords are being checked: nothing was stored, try again soon";

/// The answer to such a sender.
pub fn busy() -> HttpResponse {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, BUSY.to_owned());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// An answer that asks for credentials.
pub fn unauthorized() -> HttpResponse {
    let mut response = plain(StatusCode::UNAUTHORIZED, "credentials are missing or wrong".to_owned());
    let challenge = HeaderValue::from_static(r#"Basic realm="hookd", charset="UTF-8""#);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
