//! Pollers in the REST API: what they are doing, and that one polls now.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use hookd_pollers::PollerView;
use hookd_store::Timestamp;
use serde_json::{Value as Json, json};

use super::envelope;
use crate::state::{AppState, blocking};

pub(super) async fn pollers(state: web::Data<AppState>) -> HttpResponse {
    let engine = Arc::clone(state.pollers());
    match blocking(move || Ok((engine.pollers(), engine.orphans()?))).await {
        Ok((views, orphans)) => {
            let records: Vec<Json> = views.iter().map(to_json).collect();
            let meta = json!({ "total": records.len(), "not_configured": orphans });
            envelope::answer(StatusCode::OK, &json!({ "pollers": records, "meta": meta }))
        }
        Err(error) => super::unavailable(&error),
    }
}

pub(super) async fn poller(state: web::Data<AppState>, name: web::Path<String>) -> HttpResponse {
    let found = state.pollers().pollers().into_iter().find(|view| view.settings.name == *name);
    match found {
        Some(view) => envelope::text(StatusCode::OK, envelope::single("pollers", to_json(&view), None)),
        None => missing(&name),
    }
}

/// Has a poller poll now, or once more if it is polling.
pub(super) async fn poke(state: web::Data<AppState>, name: web::Path<String>) -> HttpResponse {
    if !state.pollers().poke(&name) {
        return missing(&name);
    }
    envelope::answer(StatusCode::OK, &json!({ "result": format!("poller `{name}` polls now") }))
}

/// Forgets a poller that is no longer configured.
pub(super) async fn forget(state: web::Data<AppState>, name: web::Path<String>) -> HttpResponse {
    match state.pollers().forget(&name).await {
        Ok(result) => envelope::answer(StatusCode::OK, &json!({ "result": result })),
        Err(message) => envelope::error(StatusCode::CONFLICT, &message),
    }
}

fn to_json(PollerView { settings, status }: &PollerView) -> Json {
    let every = &settings.every;
    let seconds = |time: Option<Timestamp>| time.map(Timestamp::as_seconds_f64);
    json!({
        "name": settings.name,
        "type": settings.poller_type,
        "repository": settings.poller.repository(),
        "project": every.project,
        "codebase": every.codebase,
        "category": every.category,
        "poll_interval": every.poll_interval.as_secs_f64(),
        "state": status.state.name(),
        "tried_at": seconds(status.tried_at),
        "succeeded_at": seconds(status.succeeded_at),
        "changed_at": seconds(status.changed_at),
        "next_poll_at": seconds(status.next_at),
        "failures": status.failures,
        "error": status.error,
        "positions": status.positions,
    })
}

fn missing(name: &str) -> HttpResponse {
    envelope::error(StatusCode::NOT_FOUND, &format!("not found while getting from pollers/{name}"))
}
