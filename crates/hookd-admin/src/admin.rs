//! The routes of the private listener, and what stands before them: credentials, no requests from pages of other sites,
//! no caches; and log lines of whoever failed to log in, or had something done.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use hookd_config::Access;
use hookd_http::{busy, unauthorized};

use crate::metrics::Exposition;
use crate::state::{AppState, holding_reads};
use crate::{answers, health, page, rest, same_site};

/// The application of the private listener.
pub fn app(
    state: AppState,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    App::new()
        .app_data(web::Data::new(state))
        .wrap(from_fn(bounded))
        .service(web::resource("/healthz").route(web::get().to(health::healthz)).route(web::head().to(health::healthz)))
        .service(web::resource("/readyz").route(web::get().to(health::readyz)).route(web::head().to(health::readyz)))
        .service(
            web::scope("")
                .wrap(from_fn(authenticated))
                .service(web::scope("/api/v2").configure(rest::routes))
                .route("/metrics", web::get().to(metrics))
                .configure(page::routes)
                .default_service(web::to(page::no_such_page)),
        )
}

/// Counts the memory of every answer, and forbids every cache to keep it: all of them are private, and of one moment. Takes
/// `HEAD` for `GET`: actix sends no body for it, whatever the answer has.
async fn bounded(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    // What changes something answers with a few words, and may wait long for the writer.
    let is_made_of_reads = request.method().is_safe();
    let answer = async {
        let (request, answer) = next.call(request).await?.map_into_boxed_body().into_parts();
        Ok::<_, Error>((request, answers::counted(answer)))
    };
    let (request, mut answer) = if is_made_of_reads { holding_reads(answer).await? } else { answer.await? };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(ServiceResponse::new(request, answer))
}

/// Refuses requests that a page of another site made a browser send, and requires the credentials of `[admin]
/// change_hook_auth`.
async fn authenticated(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Err(answer) = same_site::check(&state, &request) {
        return Ok(request.into_response(*answer));
    }
    let peer = request.peer_addr().map(|peer| peer.ip().to_string());
    let mut user = None;
    if let Some(auth) = state.config().files.admin_auth.clone() {
        let headers = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
        let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        match auth.check(headers, address).await {
            Access::Granted(granted) => user = granted,
            // A browser asks without credentials first, and is no intruder.
            Access::Denied if request.headers().contains_key(AUTHORIZATION) => {
                log_failed_login(&state, peer.as_deref());
                return Ok(request.into_response(unauthorized()));
            }
            Access::Denied => return Ok(request.into_response(unauthorized())),
            Access::Busy => return Ok(request.into_response(busy())),
        }
    }
    if !request.method().is_safe() {
        // Before it takes place, since it may take long.
        tracing::info!(peer, user, path = request.path(), "command received on `[admin]`");
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Which credentials were wrong is not logged: a password may be where the user should be.
fn log_failed_login(state: &AppState, peer: Option<&str>) {
    let summary = |more| tracing::warn!(more, "more logins on `[admin]` failed within a second");
    if state.failed_logins().allows(summary) {
        tracing::warn!(peer, "login on `[admin]` failed: the user or the password is wrong");
    }
}

/// What hookd counts, in the text format of Prometheus, or of OpenMetrics for a client that asks for that.
async fn metrics(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let format = Exposition::for_request(&request);
    let encode = move || {
        let (store, sinks, pollers) = (&**state.store(), state.sinks().sinks(), state.pollers().pollers());
        state.metrics().encode(format, store, &sinks, &pollers, state.config_handle())
    };
    let Ok(text) = web::block(encode).await else { return HttpResponse::InternalServerError().finish() };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, format.content_type()))
        .insert_header((VARY, "Accept"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text)
}
