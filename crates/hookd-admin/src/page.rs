//! The pages of the private listener, for whoever asks "why did my build not start?".
//!
//! They are rendered here, without scripts. Invariants: everything that a sender sent is shown as text, since the
//! templates escape every value, and its characters that nobody would see are written out ([`text`]); links lead to `http`
//! and `https`, or are relative, so that the pages work under any path of a proxy ([`root`]); the headers forbid a browser everything that the
//! pages do not need; and only a `POST` changes something, which is refused where another site made a browser send it.

mod banner;
mod change;
mod delivery;
mod filters;
mod find;
mod layout;
mod outcomes;
mod overview;
mod pollers;
mod replicas;
mod root;
mod sink;
mod sinks;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod timeline;
mod unverified;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use hookd_store::StoreError;
use maud::{Markup, html};

use layout::{Frame, framed};
use root::Root;

use crate::answers::retry_later;
use crate::state::AppState;

/// What a browser may do with a page: show it with the style from here, and submit its forms here.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The path of the style sheet, from the first page.
const STYLE_PATH: &str = "style.css";

/// Adds the pages to the private listener.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/", overview::show))
        .service(resource("/deliveries/{id}", delivery::show))
        .service(resource("/changes/{id}", change::show))
        .service(resource("/sinks", sinks::show))
        .service(resource("/sinks/{name}", sink::show))
        .service(web::resource("/sinks/{name}/{action}").route(web::post().to(sink::act)))
        .service(resource("/pollers", pollers::show))
        .service(web::resource("/pollers/{name}/forget").route(web::post().to(pollers::forget)))
        .service(web::resource("/pollers/{name}/poke").route(web::post().to(pollers::poke)))
        .service(resource("/replicas", replicas::show))
        .service(resource("/unverified", unverified::show))
        .service(resource("/style.css", style));
}

fn resource<H, A>(path: &str, handler: H) -> Resource
where
    H: Handler<A>,
    A: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler))
}

/// The answer for a path without a page.
pub(super) async fn no_such_page(request: HttpRequest) -> HttpResponse {
    not_found(Root::of(request.path()), "page")
}

async fn style() -> HttpResponse {
    answer(StatusCode::OK, "text/css; charset=utf-8", include_str!("page/style.css"))
}

/// 200: the page, with a banner while nothing can be stored.
async fn found(admin: &AppState, frame: &Frame<'_>, content: Markup) -> HttpResponse {
    let banner = banner::of(admin.store()).await;
    html_answer(StatusCode::OK, framed(frame, admin.store().reader().is_shared(), &banner, content))
}

/// A page of a few words about an error.
fn error(root: Root, status: StatusCode, title: &str, content: Markup) -> HttpResponse {
    let frame = Frame { root, title, search: "" };
    html_answer(status, framed(&frame, false, &html! {}, html! { h1 { (title) } p { (content) } }))
}

/// 404: there is no such page, sink, delivery or change. The last two may have been there.
fn not_found(root: Root, what: &str) -> HttpResponse {
    let expires = matches!(what, "delivery" | "change");
    let content = html! {
        "There is no such " (what) ". " @if expires { "It may have expired. " } a href=(root.to("")) { "All deliveries" }
    };
    error(root, StatusCode::NOT_FOUND, "Not found", content)
}

/// 400: what is wrong with the request.
fn bad_request(root: Root, message: &str) -> HttpResponse {
    error(root, StatusCode::BAD_REQUEST, "Bad request", text::text(message))
}

/// 409: what a form asked for cannot be done now.
fn conflict(root: Root, message: &str) -> HttpResponse {
    error(root, StatusCode::CONFLICT, "Not done", text::text(message))
}

/// 303: a form was obeyed, and its result is on the page that this link leads to.
fn see(path: &str) -> HttpResponse {
    let mut response = answer(StatusCode::SEE_OTHER, "text/html; charset=utf-8", "");
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    response
}

/// 503: the store cannot be read.
fn unavailable(root: Root, problem: &StoreError) -> HttpResponse {
    retry_later(error(root, StatusCode::SERVICE_UNAVAILABLE, "Not available", text::text(&problem.to_string())))
}

fn html_answer(status: StatusCode, page: Markup) -> HttpResponse {
    answer(status, "text/html; charset=utf-8", page.into_string())
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<String>) -> HttpResponse {
    let mut answer = HttpResponse::with_body(status, body.into()).map_into_boxed_body();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` a browser would say `Origin: null` also for the forms here.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
