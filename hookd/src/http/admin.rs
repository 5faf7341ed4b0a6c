//! The private listener: the page, the REST API and health.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HOST, HeaderName, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use hookd_store::{CHANGE_FIELDS, DELIVERY_FIELDS};
use hookd_store::{Field, Filter, Operator, Page, Query, SharedStore, StoreError, Value};
use serde_json::{Value as Json, json};

use super::body::is_announced;
use super::connection::Seat;
use super::state::{State, blocking};
use super::{page, plain, rest, unauthorized};

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
        .wrap(from_fn(seated))
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

/// Tells the connection that a request is at work.
async fn seated(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let serving = request.request().conn_data::<Rc<Seat>>().map(Seat::serve);
    let answer = next.call(request).await?.map_into_boxed_body();
    // No request here has a body that is read.
    if let Some(serving) = serving
        && is_announced(answer.request())
    {
        serving.close();
    }
    Ok(answer)
}

/// Lets a request through if it has the credentials that `[admin] change_hook_auth` asks for, and if no page of
/// another site made a browser send it.
async fn authenticated(
    state: web::Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(auth) = state.live().admin_auth.clone()
        && !auth.accept(request.headers()).await
    {
        return Ok(request.into_response(unauthorized()));
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

/// Reads the configuration again.
async fn reload(state: web::Data<State>) -> HttpResponse {
    let active = Arc::clone(state.active());
    match web::block(move || active.reload()).await {
        Ok(Ok(reloaded)) => rest::body(
            StatusCode::OK,
            &json!({ "reloaded": true, "warnings": reloaded.warnings, "after_restart": reloaded.after_restart }),
        ),
        Ok(Err(report)) => rest::body(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "the configuration does not hold", "reloaded": false, "problems": report.problems() }),
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
    let read = |store: SharedStore, query: Query| {
        let page = store.changes(&query)?;
        Ok(Page { rows: page.rows.iter().map(hookd_store::ChangeRecord::to_json).collect(), total: page.total })
    };
    collection("changes", &CHANGE_FIELDS, &state, &request, read).await
}

async fn change(state: web::Data<State>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let read = |store: SharedStore, query: Query| {
        Ok(store.changes(&query)?.rows.first().map(hookd_store::ChangeRecord::to_json))
    };
    single("changes", "changeid", &CHANGE_FIELDS, &state, &request, &id, read).await
}

async fn deliveries(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let read = |store: SharedStore, query: Query| {
        let page = store.deliveries(&query)?;
        Ok(Page { rows: page.rows.iter().map(hookd_store::DeliveryRecord::to_json).collect(), total: page.total })
    };
    collection("deliveries", &DELIVERY_FIELDS, &state, &request, read).await
}

/// One delivery, with the headers that were kept.
async fn delivery(state: web::Data<State>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let read = |store: SharedStore, query: Query| {
        let Some(record) = store.deliveries(&query)?.rows.pop() else { return Ok(None) };
        let mut shown = record.to_json();
        let head = store.request(record.deliveryid)?.map(|stored| stored.head);
        shown["request"] = head.map_or(Json::Null, |head| {
            let headers: serde_json::Map<_, _> =
                head.headers.into_iter().map(|(name, value)| (name, Json::String(value))).collect();
            json!({ "method": head.method, "path": head.path, "query": head.query, "headers": headers })
        });
        Ok(Some(shown))
    };
    single("deliveries", "deliveryid", &DELIVERY_FIELDS, &state, &request, &id, read).await
}

async fn dialects(state: web::Data<State>) -> HttpResponse {
    let records: Vec<Json> = state
        .live()
        .dialects
        .values()
        .map(|dialect| {
            json!({
                "name": dialect.name,
                "class": dialect.class,
                "path": format!("/change_hook/{}", dialect.name),
                "closed": dialect.hook.requires_proof(),
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
async fn collection<R>(
    kind: &'static str,
    fields: &'static [Field],
    state: &State,
    request: &HttpRequest,
    read: R,
) -> HttpResponse
where
    R: FnOnce(SharedStore, Query) -> Result<Page<Json>, StoreError> + Send + 'static,
{
    let mut asked = match rest::read(request.query_string(), fields) {
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

/// Answers with the row of an id.
async fn single<R>(
    kind: &'static str,
    id_field: &str,
    fields: &'static [Field],
    state: &State,
    request: &HttpRequest,
    id: &str,
    read: R,
) -> HttpResponse
where
    R: FnOnce(SharedStore, Query) -> Result<Option<Json>, StoreError> + Send + 'static,
{
    let asked = match rest::read(request.query_string(), fields) {
        Ok(asked) if asked.query.filters.is_empty() => asked,
        Ok(_) => return rest::error(StatusCode::BAD_REQUEST, "this is not a collection"),
        Err(message) => return rest::error(StatusCode::BAD_REQUEST, &message),
    };
    let field = fields.iter().find(|field| field.name == id_field);
    let filter = id.parse().ok().zip(field).map(|(id, field)| Filter {
        field,
        operator: Operator::Eq,
        values: vec![Value::Integer(id)],
    });
    let missing = || rest::error(StatusCode::NOT_FOUND, &format!("not found while getting from {kind}/{id}"));
    let Some(filter) = filter else { return missing() };
    let store = Arc::clone(state.store());
    let query = Query { filters: vec![filter], ..Query::default() };
    match blocking(move || read(store, query)).await {
        Ok(Some(record)) => rest::single(kind, record, asked.fields.as_deref()),
        Ok(None) => missing(),
        Err(error) => rest::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
