//! The private listener: the page, the REST API and health.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use hookd_config::{Access, Reloaded};
use hookd_http::{RequestGuard, busy, plain, unauthorized};
use hookd_store::{ChangeField, DeliveryField, Field, Page, Query, SharedStore, StoreError};
use serde_json::{Value as Json, json};

use super::state::{State, blocking};
use super::{page, rest};

/// How many rows are given where no limit is asked for.
const LIMIT: u64 = 1000;

/// How long `/readyz` waits for a commit.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// The application of the private listener.
pub(crate) fn app(
    state: State,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    App::new()
        .app_data(web::Data::new(state))
        .wrap(from_fn(guarded))
        .service(web::resource("/healthz").route(web::get().to(healthz)).route(web::head().to(healthz)))
        .service(web::resource("/readyz").route(web::get().to(readyz)).route(web::head().to(readyz)))
        .service(
            web::scope("")
                .wrap(from_fn(authenticated))
                .service(
                    web::scope("/api/v2")
                        .route("/changes", web::get().to(changes))
                        .route("/changes/{id}", web::get().to(change))
                        .route("/deliveries", web::get().to(deliveries))
                        .route("/deliveries/{id}", web::get().to(delivery))
                        .route("/dialects", web::get().to(dialects))
                        .route("/unproven", web::get().to(unproven))
                        .route("/reload", web::post().to(reload))
                        .default_service(web::to(nothing)),
                )
                .route("/metrics", web::get().to(metrics))
                .configure(page::routes)
                .default_service(web::to(page::nothing)),
        )
}

/// Tells the connection while a request is being served.
async fn guarded(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let guard = RequestGuard::new(request.request());
    let answer = next.call(request).await?.map_into_boxed_body();
    // No handler here reads a body.
    guard.end_unread(answer.request());
    Ok(answer)
}

/// Lets a request through if it has the credentials that `[admin] change_hook_auth` asks for, and if no page of
/// another site made a browser send it.
async fn authenticated(
    state: web::Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(auth) = state.config().files.admin_auth.clone() {
        let headers = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
        let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        match auth.check(headers, address).await {
            Access::Granted => {}
            Access::Denied => return Ok(request.into_response(unauthorized())),
            Access::Busy => return Ok(request.into_response(busy())),
        }
    }
    if *request.method() != Method::GET && is_cross_site(&request) {
        let answer = rest::error(StatusCode::FORBIDDEN, "a page of another site may not do this");
        return Ok(request.into_response(answer));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Whether a browser says that a page of another origin sent the request.
fn is_cross_site(request: &ServiceRequest) -> bool {
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_none() || host != text(HOST)
}

/// Reloads the configuration.
async fn reload(state: web::Data<State>) -> HttpResponse {
    let config = Arc::clone(state.config_handle());
    match web::block(move || config.reload()).await {
        Ok(Ok(Reloaded { config, needs_restart })) => rest::body(
            StatusCode::OK,
            &json!({ "reloaded": true, "warnings": config.warnings, "after_restart": needs_restart }),
        ),
        Ok(Err(report)) => rest::body(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "the configuration is invalid", "reloaded": false, "problems": report.problems() }),
        ),
        Err(error) => rest::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The process is alive.
async fn healthz() -> HttpResponse {
    plain(StatusCode::OK, "ok".to_owned())
}

/// What hookd counts, in the text format of OpenMetrics, which Prometheus reads.
async fn metrics(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(state.metrics().encode(&**state.store()))
}

/// A webhook that came now could be committed.
async fn readyz(state: web::Data<State>) -> HttpResponse {
    match tokio::time::timeout(READY_WITHIN, state.store().probe()).await {
        Ok(Ok(())) => plain(StatusCode::OK, "ready".to_owned()),
        Ok(Err(error)) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}")),
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: the store takes too long".to_owned()),
    }
}

async fn changes(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let read = |store: SharedStore, query: Query<ChangeField>| {
        let page = store.changes(&query)?;
        Ok(Page { rows: page.rows.iter().map(hookd_store::ChangeRecord::to_json).collect(), total: page.total })
    };
    collection("changes", &state, &request, read).await
}

async fn change(state: web::Data<State>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let read = |store: SharedStore, id: i64| Ok(store.change(id)?.as_ref().map(hookd_store::ChangeRecord::to_json));
    single::<ChangeField, _>("changes", &state, &request, &id, read).await
}

async fn deliveries(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let read = |store: SharedStore, query: Query<DeliveryField>| {
        let page = store.deliveries(&query)?;
        Ok(Page { rows: page.rows.iter().map(hookd_store::DeliveryRecord::to_json).collect(), total: page.total })
    };
    collection("deliveries", &state, &request, read).await
}

/// One delivery, with the headers that were kept.
async fn delivery(state: web::Data<State>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
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

async fn dialects(state: web::Data<State>) -> HttpResponse {
    let records: Vec<Json> = state
        .config()
        .dialects
        .values()
        .map(|dialect| {
            json!({
                "name": dialect.name,
                "class": dialect.class,
                "path": format!("/change_hook/{}", dialect.name),
                "closed": dialect.hook.is_closed(),
                "deduplicate": dialect.deduplicate,
            })
        })
        .collect();
    let total = records.len() as u64;
    rest::collection("dialects", records, total, None)
}

async fn unproven(state: web::Data<State>) -> HttpResponse {
    let records = state.unproven().to_json();
    let total = records.len() as u64;
    rest::collection("unproven", records, total, None)
}

async fn nothing(request: HttpRequest) -> HttpResponse {
    rest::error(StatusCode::NOT_FOUND, &format!("not found: {}", request.path()))
}

/// Answers with the rows that the parameters ask for.
async fn collection<F, R>(kind: &'static str, state: &State, request: &HttpRequest, read: R) -> HttpResponse
where
    F: Field + Send,
    R: FnOnce(SharedStore, Query<F>) -> Result<Page<Json>, StoreError> + Send + 'static,
{
    let mut asked = match rest::read::<F>(request.query_string()) {
        Ok(asked) => asked,
        Err(message) => return rest::error(StatusCode::BAD_REQUEST, &message),
    };
    asked.query.limit.get_or_insert(LIMIT);
    let store = Arc::clone(state.store());
    match blocking(move || read(store, asked.query)).await {
        Ok(page) => rest::collection(kind, page.rows, page.total, asked.fields.as_deref()),
        Err(error) => rest::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// Answers with the row of a number.
async fn single<F, R>(kind: &'static str, state: &State, request: &HttpRequest, id: &str, read: R) -> HttpResponse
where
    F: Field,
    R: FnOnce(SharedStore, i64) -> Result<Option<Json>, StoreError> + Send + 'static,
{
    let asked = match rest::read::<F>(request.query_string()) {
        Ok(asked) if asked.query.filters.is_empty() => asked,
        Ok(_) => return rest::error(StatusCode::BAD_REQUEST, "this is not a collection"),
        Err(message) => return rest::error(StatusCode::BAD_REQUEST, &message),
    };
    let missing = || rest::error(StatusCode::NOT_FOUND, &format!("not found while getting from {kind}/{id}"));
    let Ok(number) = id.parse() else { return missing() };
    let store = Arc::clone(state.store());
    match blocking(move || read(store, number)).await {
        Ok(Some(record)) => rest::single(kind, record, asked.fields.as_deref()),
        Ok(None) => missing(),
        Err(error) => rest::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
