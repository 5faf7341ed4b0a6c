//! Replays in the REST API, and the request of a delivery, whole, to be exported.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookd_core::Arguments;
use hookd_store::{RequestHead, StoredRequest};
use serde_json::{Value as Json, json};

use super::{envelope, unavailable};
use crate::replays::CannotReplay;
use crate::state::{AppState, blocking};

/// The longest name of a request to replay.
const MAX_NAME_BYTES: usize = 100;

/// What would be different if a delivery were replayed.
pub(super) async fn preview(state: web::Data<AppState>, id: web::Path<String>) -> HttpResponse {
    let Ok(deliveryid) = id.parse() else { return missing(&id) };
    let replays = Arc::clone(state.replays());
    answer(replays.preview(deliveryid).await, &id)
}

/// Replays a delivery.
pub(super) async fn replay(state: web::Data<AppState>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let Ok(deliveryid) = id.parse() else { return missing(&id) };
    let name = match name(request.query_string()) {
        Ok(name) => name,
        Err(message) => return envelope::error(StatusCode::BAD_REQUEST, &message),
    };
    let replays = Arc::clone(state.replays());
    // To its end, also if the client goes away: whoever asks again with the same name finds it.
    let replaying = actix_web::rt::spawn(async move { replays.replay(deliveryid, name).await });
    match replaying.await {
        Ok(replayed) => answer(replayed, &id),
        Err(error) => envelope::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The name of the request in a query.
fn name(query: &str) -> Result<String, String> {
    let arguments = Arguments::from_query(query).map_err(|refusal| refusal.message().to_owned())?;
    if let Some(other) = arguments.names().find(|name| *name != b"request") {
        return Err(format!("unrecognized query parameter '{}'", String::from_utf8_lossy(other)));
    }
    let name = arguments.first("request").map_err(|refusal| refusal.message().to_owned())?.unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "expected a `request`: a name of your own for what you ask for, of letters, digits, `-`, `_` and `.`, at most \
         {MAX_NAME_BYTES} of them; what is asked for again with the same name is not replayed twice"
    ))
}

fn answer(result: Result<Json, CannotReplay>, id: &str) -> HttpResponse {
    match result {
        Ok(replay) => envelope::answer(StatusCode::OK, &json!({ "replay": replay })),
        Err(CannotReplay::NoDelivery) => missing(id),
        Err(CannotReplay::Refused(reason)) => envelope::error(StatusCode::CONFLICT, &reason),
        Err(CannotReplay::Unavailable(error)) => unavailable(&error),
    }
}

/// The request of a delivery, with its body.
pub(super) async fn request(state: web::Data<AppState>, id: web::Path<String>) -> HttpResponse {
    let Ok(deliveryid) = id.parse::<i64>() else { return missing(&id) };
    let store = Arc::clone(state.store());
    let read = move || {
        let Some(record) = store.reader().delivery(deliveryid)? else { return Ok(None) };
        // That of a replay is the original's.
        let request = store.reader().request(record.replay_of.unwrap_or(deliveryid))?;
        Ok(Some((record, request)))
    };
    let (record, request) = match blocking(read).await {
        Ok(Some(found)) => found,
        Ok(None) => return missing(&id),
        Err(error) => return unavailable(&error),
    };
    let Some(StoredRequest { head, body }) = request else {
        return envelope::error(StatusCode::CONFLICT, "there was no request, or it is no longer kept");
    };
    let RequestHead { method, path, query, headers } = head;
    let mut shown = json!({
        "deliveryid": deliveryid,
        "dialect": record.dialect,
        "event": record.event,
        "forge_id": record.forge_id,
        "verified": record.origin.proof.is_verified(),
        "method": method.name(),
        "path": path,
        "query": query,
        "headers": headers,
    });
    match std::str::from_utf8(&body) {
        Ok(text) => shown["body"] = json!(text),
        Err(_) => shown["body_base64"] = json!(STANDARD.encode(&body)),
    }
    envelope::answer(StatusCode::OK, &json!({ "request": shown }))
}

fn missing(id: &str) -> HttpResponse {
    envelope::error(StatusCode::NOT_FOUND, &format!("not found while getting from deliveries/{id}"))
}
