//! The body of a delivery, byte for byte as it came.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};

use super::{envelope, unavailable};
use crate::state::{AppState, blocking};

/// Whoever sent it chose what is in it, so that no browser may show it: it is a file without a type, to be saved.
pub(super) async fn of_delivery(state: web::Data<AppState>, id: web::Path<String>) -> HttpResponse {
    let missing = |why: &str| envelope::error(StatusCode::NOT_FOUND, why);
    let not_found = format!("not found while getting from deliveries/{id}/body");
    let Ok(number) = id.parse::<i64>() else { return missing(&not_found) };
    let store = Arc::clone(state.store());
    let read = move || match store.reader().delivery(number)? {
        Some(_) => Ok(Some(store.reader().request(number)?.map(|request| request.body))),
        None => Ok(None),
    };
    match blocking(read).await {
        Ok(Some(Some(body))) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/octet-stream"))
            .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"delivery-{number}.body\"")))
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(body),
        Ok(Some(None)) => missing("the delivery came without a body, or it is no longer kept"),
        Ok(None) => missing(&not_found),
        Err(error) => unavailable(&error),
    }
}
