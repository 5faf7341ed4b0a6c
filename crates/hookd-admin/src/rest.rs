//! The REST API: the parameters, envelope and messages of Buildbot's, for changes, deliveries and what hookd serves.

mod envelope;
mod parameters;
mod sinks;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use hookd_config::Reloaded;
use hookd_store::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Field, Page, Query, SharedStore, StoreError,
};
use serde_json::{Value as Json, json};

pub(crate) use envelope::error;

use crate::state::{AppState, blocking};

/// How many records a collection returns if the request sets no limit.
const DEFAULT_LIMIT: u64 = 1000;

/// Adds the API to its scope.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/changes", web::get().to(changes))
        .route("/changes/{id}", web::get().to(change))
        .route("/changes/{id}/sinks", web::get().to(sinks::of_change))
        .route("/deliveries", web::get().to(deliveries))
        .route("/deliveries/{id}", web::get().to(delivery))
        .route("/dialects", web::get().to(dialects))
        .route("/sinks", web::get().to(sinks::sinks))
        .route("/sinks/{name}", web::get().to(sinks::sink))
        .route("/sinks/{name}/dead_letters", web::get().to(sinks::dead_letters))
        .route("/sinks/{name}/{action}", web::post().to(sinks::act))
        .route("/unverified", web::get().to(unverified))
        .route("/reload", web::post().to(reload))
        .default_service(web::to(not_found));
}

async fn changes(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let read = |store: SharedStore, query: Query<ChangeField>| {
        let page = store.changes(&query)?;
        Ok(Page { rows: page.rows.iter().map(ChangeRecord::to_json).collect(), total: page.total })
    };
    collection("changes", &state, &request, read).await
}

async fn change(state: web::Data<AppState>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let read = |store: SharedStore, id: i64| Ok(store.change(id)?.as_ref().map(ChangeRecord::to_json));
    single::<ChangeField, _>("changes", &state, &request, &id, read).await
}

async fn deliveries(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let read = |store: SharedStore, query: Query<DeliveryField>| {
        let page = store.deliveries(&query)?;
        Ok(Page { rows: page.rows.iter().map(DeliveryRecord::to_json).collect(), total: page.total })
    };
    collection("deliveries", &state, &request, read).await
}

/// One delivery, with the headers that were kept.
async fn delivery(state: web::Data<AppState>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let read = |store: SharedStore, id: i64| {
        let Some(record) = store.delivery(id)? else { return Ok(None) };
        let mut shown = record.to_json();
        let head = store.request(record.deliveryid)?.map(|stored| stored.head);
        shown["request"] = head.map_or(Json::Null, |head| {
            let headers: serde_json::Map<_, _> =
                head.headers.into_iter().map(|(name, value)| (name, Json::String(value))).collect();
            json!({ "method": head.method, "path": head.path, "query": head.query, "headers": headers })
        });
        Ok(Some(shown))
    };
    single::<DeliveryField, _>("deliveries", &state, &request, &id, read).await
}

/// The dialects that are served.
async fn dialects(state: web::Data<AppState>) -> HttpResponse {
    let records: Vec<Json> = state
        .config()
        .dialects
        .values()
        .map(|dialect| {
            json!({
                "name": dialect.name,
                "class": dialect.class,
                "path": format!("/change_hook/{}", dialect.name),
                "requires_proof": dialect.hook.requires_proof(),
                "deduplicate": dialect.deduplicate,
            })
        })
        .collect();
    let total = records.len() as u64;
    envelope::collection("dialects", records, total, None)
}

/// The last unverified requests.
async fn unverified(state: web::Data<AppState>) -> HttpResponse {
    let records = state.unverified().to_json();
    let total = records.len() as u64;
    envelope::collection("unverified", records, total, None)
}

/// Reloads the configuration, and reports what it does not accept.
async fn reload(state: web::Data<AppState>) -> HttpResponse {
    let config = Arc::clone(state.config_handle());
    match web::block(move || config.reload()).await {
        Ok(Ok(Reloaded { config, needs_restart })) => envelope::answer(
            StatusCode::OK,
            &json!({ "reloaded": true, "warnings": config.warnings, "after_restart": needs_restart }),
        ),
        Ok(Err(report)) => envelope::answer(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "the configuration is invalid", "reloaded": false, "problems": report.problems() }),
        ),
        Err(error) => envelope::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    envelope::error(StatusCode::NOT_FOUND, &format!("not found: {}", request.path()))
}

/// The records that the parameters select.
async fn collection<F, R>(kind: &'static str, state: &AppState, request: &HttpRequest, read: R) -> HttpResponse
where
    F: Field + Send,
    R: FnOnce(SharedStore, Query<F>) -> Result<Page<Json>, StoreError> + Send + 'static,
{
    let mut parameters = match parameters::parse::<F>(request.query_string()) {
        Ok(parameters) => parameters,
        Err(message) => return envelope::error(StatusCode::BAD_REQUEST, &message),
    };
    parameters.query.limit.get_or_insert(DEFAULT_LIMIT);
    let store = Arc::clone(state.store());
    match blocking(move || read(store, parameters.query)).await {
        Ok(page) => envelope::collection(kind, page.rows, page.total, parameters.fields.as_deref()),
        Err(error) => envelope::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// The record with a number.
async fn single<F, R>(kind: &'static str, state: &AppState, request: &HttpRequest, id: &str, read: R) -> HttpResponse
where
    F: Field,
    R: FnOnce(SharedStore, i64) -> Result<Option<Json>, StoreError> + Send + 'static,
{
    let parameters = match parameters::parse::<F>(request.query_string()) {
        Ok(parameters) if parameters.query.filters.is_empty() => parameters,
        Ok(_) => return envelope::error(StatusCode::BAD_REQUEST, "this is not a collection"),
        Err(message) => return envelope::error(StatusCode::BAD_REQUEST, &message),
    };
    let missing = || envelope::error(StatusCode::NOT_FOUND, &format!("not found while getting from {kind}/{id}"));
    let Ok(number) = id.parse() else { return missing() };
    let store = Arc::clone(state.store());
    match blocking(move || read(store, number)).await {
        Ok(Some(record)) => envelope::single(kind, record, parameters.fields.as_deref()),
        Ok(None) => missing(),
        Err(error) => envelope::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
