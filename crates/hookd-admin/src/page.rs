//! The page of the private listener, for who asks "why did my build not start?".
//!
//! It is made here and needs no script. What holds in it: all that a sender sent is shown as text, since the templates
//! escape every value; links lead to `http` and `https` only; the headers forbid a browser all that the page does not
//! need; and it changes nothing, so that no other site can make a browser do so.

mod change;
mod delivery;
mod find;
mod layout;
mod overview;
#[cfg(test)]
mod tests;
mod unverified;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use hookd_core::{Arguments, Refusal};
use hookd_store::StoreError;
use maud::{Markup, html};

use layout::{Frame, framed};

/// What a browser may do with the page: show it, with the style from here, and send its search form back here.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where the style is.
const STYLE: &str = "/style.css";

/// Adds the pages to the private listener.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(page("/", overview::show))
        .service(page("/deliveries/{id}", delivery::show))
        .service(page("/changes/{id}", change::show))
        .service(page("/unverified", unverified::show))
        .service(page(STYLE, style));
}

fn page<H, A>(path: &str, handler: H) -> Resource
where
    H: Handler<A>,
    A: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler))
}

/// The answer where there is no page.
pub(super) async fn nothing() -> HttpResponse {
    missing("page")
}

async fn style() -> HttpResponse {
    answer(StatusCode::OK, "text/css; charset=utf-8", include_str!("page/style.css"))
}

/// What was asked for in the query of a page.
#[derive(Debug, Default)]
struct Asked {
    /// What to search for; not blank.
    search: Option<String>,
    /// The delivery before which the page begins.
    before: Option<i64>,
}

impl Asked {
    /// What the query asks for, or what is wrong with it.
    fn of(request: &HttpRequest) -> Result<Self, String> {
        let message = |refusal: Refusal| refusal.message().to_owned();
        let arguments = Arguments::from_query(request.query_string()).map_err(message)?;
        let argument = |name: &str| arguments.first(name).map_err(message);
        let search = argument("q")?.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let before = match argument("before")? {
            Some(text) => Some(text.parse().map_err(|_| "`before` is not the number of a delivery".to_owned())?),
            None => None,
        };
        Ok(Self { search, before })
    }
}

/// A page that was found.
fn shown(frame: &Frame<'_>, content: Markup) -> HttpResponse {
    html_answer(StatusCode::OK, framed(frame, content))
}

/// The page that says that something is not there.
fn missing(what: &str) -> HttpResponse {
    let frame = Frame { title: "Not found", search: "" };
    let content = html! {
        h2 { "Not found" }
        p { "There is no such " (what) " here. It may have been there, and not have been kept. " a href="/" { "All deliveries" } }
    };
    html_answer(StatusCode::NOT_FOUND, framed(&frame, content))
}

/// The page that says what was wrong with the request.
fn refused(message: &str) -> HttpResponse {
    let frame = Frame { title: "Bad request", search: "" };
    html_answer(StatusCode::BAD_REQUEST, framed(&frame, html! { h2 { "Bad request" } p { (message) } }))
}

/// The page that says that the store cannot be read.
fn unreadable(error: &StoreError) -> HttpResponse {
    let frame = Frame { title: "Not available", search: "" };
    let content = html! { h2 { "Not available" } p { (error.to_string()) } };
    html_answer(StatusCode::SERVICE_UNAVAILABLE, framed(&frame, content))
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
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
