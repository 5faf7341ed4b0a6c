//! The public listener.

pub(crate) mod change_hook;
mod judge;

use actix_web::http::header::HeaderName;

/// The header that names the delivery in an answer.
const DELIVERY: HeaderName = HeaderName::from_static("x-hookd-delivery");
