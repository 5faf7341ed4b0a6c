//! The two listeners. [`change_hook`] is the public one; [`admin`] is private.

pub(crate) mod admin;
mod body;
mod budget;
pub(crate) mod change_hook;
pub(crate) mod connection;
mod judge;
pub(crate) mod listener;
mod page;
mod quiet;
mod rest;
mod state;
mod unproven;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};

pub(crate) use budget::Budget;
pub(crate) use state::State;
pub(crate) use unproven::Unproven;

/// The header that names the delivery in an answer.
const DELIVERY: HeaderName = HeaderName::from_static("x-hookd-delivery");

/// An answer of one line of plain text, which no browser takes for something else.
fn plain(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, text).map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An answer that asks for credentials.
fn unauthorized() -> HttpResponse {
    let mut response = plain(StatusCode::UNAUTHORIZED, "credentials are missing or wrong".to_owned());
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="hookd", charset="UTF-8""#));
    response
}
