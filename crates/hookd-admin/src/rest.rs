//! The REST API: the parameters, envelope and messages of Buildbot's, for changes, deliveries and what hookd serves.

mod body;
mod envelope;
mod parameters;
mod pollers;
mod replays;
mod replicas;
mod sinks;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use hookd_config::Reloaded;
use hookd_store::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Field, Page, Query, Record, SharedStore, StoreError,
};
use serde_json::{Value as Json, json};

pub(crate) use envelope::error;

use self::parameters::Parameters;
use crate::answers::retry_later;
use crate::state::{AppState, blocking};
use crate::timeline::Known;

/// How many records a collection returns if the request sets no limit.
const DEFAULT_LIMIT: u64 = 1000;

/// How many records a collection returns at most. A larger limit counts as this one, which `meta` then says.
const MAX_LIMIT: u64 = 5000;

/// How many records are skipped at most where they are searched for or sorted, since all of those are held meanwhile.
const MAX_SORTED_OFFSET: u64 = 10_000;

/// How many bytes the records of a collection take; of those beyond, long fields are cut.
const MAX_LIST_BYTES: usize = 8 << 20;

/// Adds the API to its scope.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/changes", web::get().to(changes))
        .route("/changes/{id}", web::get().to(change))
        .route("/changes/{id}/sinks", web::get().to(sinks::of_change))
        .route("/deliveries", web::get().to(deliveries))
        .route("/deliveries/{id}", web::get().to(delivery))
        .route("/deliveries/{id}/body", web::get().to(body::of_delivery))
        .route("/deliveries/{id}/replay", web::get().to(replays::preview))
        .route("/deliveries/{id}/replay", web::post().to(replays::replay))
        .route("/deliveries/{id}/request", web::get().to(replays::request))
        .route("/dialects", web::get().to(dialects))
        .route("/pollers", web::get().to(pollers::pollers))
        .route("/pollers/{name}", web::get().to(pollers::poller))
        .route("/pollers/{name}/forget", web::post().to(pollers::forget))
        .route("/pollers/{name}/poke", web::post().to(pollers::poke))
        .route("/replicas", web::get().to(replicas::replicas))
        .route("/sinks", web::get().to(sinks::sinks))
        .route("/sinks/{name}", web::get().to(sinks::sink))
        .route("/sinks/{name}/dead_letters", web::get().to(sinks::dead_letters))
        .route("/sinks/{name}/{action}", web::post().to(sinks::act))
        .route("/unverified", web::get().to(unverified))
        .route("/reload", web::post().to(reload))
        .default_service(web::to(not_found));
}

async fn changes(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let select = |store: SharedStore, query: Query<ChangeField>| store.reader().changes(&query);
    collection("changes", &state, &request, select, ChangeRecord::to_json).await
}

async fn change(state: web::Data<AppState>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let read = |store: SharedStore, id: i64| Ok(store.reader().change(id)?.as_ref().map(ChangeRecord::to_json));
    single::<ChangeField, _>("changes", &state, &request, &id, read).await
}

async fn deliveries(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let select = |store: SharedStore, query: Query<DeliveryField>| store.reader().deliveries(&query);
    collection("deliveries", &state, &request, select, DeliveryRecord::to_json).await
}

/// One delivery, with the headers that were kept, and what happened to it.
async fn delivery(state: web::Data<AppState>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let read = |store: SharedStore, id: i64| {
        let Some(known) = Known::read(&*store, id)? else { return Ok(None) };
        let mut shown = known.delivery.to_json();
        shown["timeline"] = known.to_json();
        shown["replays"] = json!(known.replays);
        let head = store.reader().request(id)?.map(|stored| stored.head);
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
                "requires_password": dialect.auth.as_ref().is_some_and(|auth| !auth.is_open()),
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
async fn collection<R, S>(
    kind: &'static str,
    state: &AppState,
    request: &HttpRequest,
    select: S,
    to_json: fn(&R) -> Json,
) -> HttpResponse
where
    R: Record + 'static,
    R::Field: Send,
    S: FnOnce(SharedStore, Query<R::Field>) -> Result<Page<R>, StoreError> + Send + 'static,
{
    let parameters = match parameters::parse::<R::Field>(request.query_string()) {
        Ok(parameters) => parameters,
        Err(message) => return envelope::error(StatusCode::BAD_REQUEST, &message),
    };
    let Parameters { query, fields } = parameters;
    if query.offset > MAX_SORTED_OFFSET && !is_by_number(&query) {
        let message = format!("invalid offset: at most {MAX_SORTED_OFFSET} with these filters or this order");
        return envelope::error(StatusCode::BAD_REQUEST, &message);
    }
    let asked = query.limit.unwrap_or(DEFAULT_LIMIT);
    let limit = asked.min(MAX_LIMIT);
    let query = query.limit(limit).most_bytes(MAX_LIST_BYTES);
    let store = Arc::clone(state.store());
    let read = move || {
        let page = select(store, query)?;
        let mut list = envelope::List::new(kind, fields);
        for record in page.rows {
            list.add(to_json(&record), page.cut.contains(&record.number()));
        }
        Ok(list.end(page.total, (limit < asked).then_some(limit)))
    };
    match blocking(read).await {
        Ok(text) => envelope::text(StatusCode::OK, text),
        Err(error) => unavailable(&error),
    }
}

/// Whether records are counted rather than searched for: they are filtered and ordered by nothing but their number.
fn is_by_number<F: Field>(query: &Query<F>) -> bool {
    query.filters.iter().all(|filter| filter.field.is_number())
        && query.order.first().is_none_or(|by| by.field.is_number())
}

/// 503: the store cannot be read, or not now.
fn unavailable(error: &StoreError) -> HttpResponse {
    retry_later(envelope::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))
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
    // As a text it is copied once; elsewhere than where it was read, its memory would stay with that thread for a while.
    let write =
        move || Ok(read(store, number)?.map(|record| envelope::single(kind, record, parameters.fields.as_deref())));
    match blocking(write).await {
        Ok(Some(text)) => envelope::text(StatusCode::OK, text),
        Ok(None) => missing(),
        Err(error) => unavailable(&error),
    }
}
