//! The two listeners. [`change_hook`] is the public one; [`admin`] is private.

pub(crate) mod admin;
mod body;
pub(crate) mod change_hook;
mod rest;
mod unproven;

use std::sync::{Arc, PoisonError, RwLock};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use crate::config::Dialects;

pub(crate) use unproven::Unproven;

/// The header that names the delivery in an answer.
const DELIVERY: HeaderName = HeaderName::from_static("x-hookd-delivery");

/// The dialects that are in force. Who has them keeps them for a whole request, whatever is loaded meanwhile.
pub(crate) struct Active(RwLock<Arc<Dialects>>);

impl Active {
    pub(crate) fn new(dialects: Dialects) -> Self {
        Self(RwLock::new(Arc::new(dialects)))
    }

    pub(crate) fn dialects(&self) -> Arc<Dialects> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An answer of one line of plain text, which no browser takes for something else.
fn plain(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, text).map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
