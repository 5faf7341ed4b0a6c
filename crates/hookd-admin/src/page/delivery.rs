//! The page of a delivery: the request, and its result.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_core::HookRequest;
use hookd_sinks::SinkView;
use hookd_store::{ChangeRecord, Due, RequestHead, Store, StoreError, StoredRequest};
use maud::{Markup, html};

use super::layout::{Frame, bytes, field, moment, optional, state};
use super::{find, found, not_found, outcomes, overview, timeline, unavailable};
use crate::sinks::outcome::{self, AtSink};
use crate::state::{AppState, blocking};
use crate::timeline::Known;

/// The largest body that is shown, in bytes.
const MAX_BODY_BYTES: usize = 256 << 10;

/// How many changes are listed; each of the others has a page.
const MAX_CHANGES: usize = 200;

/// A delivery with everything that is stored with it.
struct Details {
    known: Known,
    /// Each with what became of it at the sinks.
    changes: Vec<(ChangeRecord, Vec<AtSink>)>,
    request: Option<StoredRequest>,
}

pub(super) async fn show(admin: web::Data<AppState>, id: web::Path<String>) -> HttpResponse {
    let Ok(id) = id.parse() else { return not_found("delivery") };
    let (store, sinks) = (Arc::clone(admin.store()), admin.sinks().sinks());
    match blocking(move || read(&*store, &sinks, id)).await {
        Ok(Some(details)) => found(&Frame { title: &format!("Delivery {id}"), search: "" }, content(details)),
        Ok(None) => not_found("delivery"),
        Err(error) => unavailable(&error),
    }
}

fn read(store: &dyn Store, sinks: &[SinkView], id: i64) -> Result<Option<Details>, StoreError> {
    let Some(known) = Known::read(store, id)? else { return Ok(None) };
    let ids = &known.delivery.changeids;
    let mut changes = Vec::new();
    for record in find::changes(store, &ids[..ids.len().min(MAX_CHANGES)])? {
        let at_sinks = outcome::of_change(store, sinks, record.changeid)?;
        changes.push((record, at_sinks));
    }
    Ok(Some(Details { changes, request: store.request(id)?, known }))
}

fn content(details: Details) -> Markup {
    let Details { known, changes, request } = details;
    let Known { delivery, due, .. } = &known;
    html! {
        h2 { "Delivery " (delivery.deliveryid) }
        div.wide {
            table.fields {
                tbody {
                    (field("State", state(delivery.state)))
                    (field("Outcome", overview::outcome(delivery)))
                    @if let Some(due) = due { (field("Calls to the API", attempts(due))) }
                    (field("Received", moment(delivery.received_at)))
                    (field("Dialect", html! { (delivery.dialect) }))
                    (field("Event", optional(delivery.event.as_deref())))
                    (field("Forge’s id", optional(delivery.forge_id.as_deref())))
                    (field("Size", html! { (bytes(delivery.size)) }))
                }
            }
        }
        (timeline::section(&known, &changes))
        @if !changes.is_empty() { (table(&changes, delivery.changeids.len())) }
        (request_section(request))
    }
}

fn attempts(due: &Due) -> Markup {
    html! {
        @match due.attempts {
            0 => "in progress",
            1 => { "1 failed attempt, next at " (moment(due.next_at)) },
            failed => { (failed) " failed attempts, next at " (moment(due.next_at)) },
        }
    }
}

fn table(changes: &[(ChangeRecord, Vec<AtSink>)], total: usize) -> Markup {
    html! {
        section {
            h2 { "Changes" }
            div.wide {
                table {
                    thead {
                        tr {
                            th scope="col" { "Id" } th scope="col" { "Branch" } th scope="col" { "Revision" }
                            th scope="col" { "Author" } th scope="col" { "Comments" } th scope="col" { "Sinks" }
                        }
                    }
                    tbody {
                        @for (ChangeRecord { changeid, change, .. }, at_sinks) in changes {
                            tr {
                                td.number { a href={ "/changes/" (changeid) } { (changeid) } }
                                td { (optional(change.branch.as_deref())) }
                                td.id { (optional(change.revision.as_deref())) }
                                td { (optional(Some(&change.author))) }
                                td { (optional(change.comments.lines().next())) }
                                td { (outcomes::lines(at_sinks)) }
                            }
                        }
                    }
                }
            }
            @if total > changes.len() { p.note { "The first " (changes.len()) " of " (total) "." } }
        }
    }
}

fn request_section(request: Option<StoredRequest>) -> Markup {
    html! {
        section {
            h2 { "Request" }
            @match request {
                Some(StoredRequest { head, body }) => {
                    (line_and_headers(&head))
                    (body_section(StoredRequest { head, body }.into_request()))
                },
                None => p { "There was none, or it is no longer kept." },
            }
        }
    }
}

fn line_and_headers(head: &RequestHead) -> Markup {
    let method = head.method.name();
    html! {
        p { code { (method) " " (head.path) @if !head.query.is_empty() { "?" (head.query) } } }
        details {
            summary { "Headers that were kept (" (head.headers.len()) ")" }
            div.wide { table.fields { tbody { @for (name, value) in &head.headers { (field(name, html! { (value) })) } } } }
        }
    }
}

fn body_section(request: HookRequest) -> Markup {
    let body = request.body();
    let size = bytes(body.len() as u64);
    if body.is_empty() {
        return html! { p { "It has no body." } };
    }
    if body.len() > MAX_BODY_BYTES {
        return html! { p { "Its body has " (size) ", too much to show here." } };
    }
    let Some((kind, text)) = readable(&request) else {
        return html! { p { "Its body has " (size) " and is not text." } };
    };
    html! { details { summary { "Body (" (size) @if !kind.is_empty() { ", " (kind) } ")" } pre { (text) } } }
}

/// The type and the text of a body that people can read. JSON, also in a form, is indented.
fn readable(request: &HookRequest) -> Option<(String, String)> {
    let indented = |json: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(json).ok()?;
        (value.is_object() || value.is_array()).then(|| format!("{value:#}"))
    };
    if let Some(text) = indented(request.body()) {
        return Some((request.content_type(), text));
    }
    let payload = request.argument("payload").ok().flatten();
    if let Some(text) = payload.and_then(|payload| indented(payload.as_bytes())) {
        return Some(("`payload` of the form".to_owned(), text));
    }
    String::from_utf8(request.body().to_vec()).ok().map(|text| (request.content_type(), text))
}
