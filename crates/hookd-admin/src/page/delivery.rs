//! The page of a delivery: the request, and its result.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_core::HookRequest;
use hookd_sinks::SinkView;
use hookd_store::{ChangeRecord, DeliveryRecord, Due, RequestHead, Store, StoreError, StoredRequest, Waiting};
use maud::{Markup, html};

use super::layout::{Frame, bytes, field, optional, state};
use super::root::Root;
use super::text::{lines, text};
use super::time::{exact_moment, moment};
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
    let Ok(id) = id.parse() else { return not_found(Root::RECORD, "delivery") };
    let (store, sinks) = (Arc::clone(admin.store()), admin.sinks().sinks());
    match blocking(move || read(&*store, &sinks, id)).await {
        Ok(Some(details)) => {
            let frame = Frame { root: Root::RECORD, title: &format!("Delivery {id}"), search: "" };
            found(&admin, &frame, content(details)).await
        }
        Ok(None) => not_found(Root::RECORD, "delivery"),
        Err(error) => unavailable(Root::RECORD, &error),
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
    Ok(Some(Details { changes, request: store.reader().request(id)?, known }))
}

fn content(details: Details) -> Markup {
    let Details { known, changes, request } = details;
    let Known { delivery, waiting, .. } = &known;
    let body = request.as_ref().map(|request| request.body.len());
    html! {
        h1 { "Delivery " (delivery.deliveryid) }
        div.wide {
            table.fields {
                tbody {
                    (field("State", state(delivery.state.name())))
                    (field("Outcome", overview::outcome(Root::RECORD, delivery, None)))
                    @if let Some(Waiting { due, about }) = waiting {
                        (field("Calls to the API", attempts(due)))
                        (field("Repository", optional(Some(&about.repository))))
                        (field("Branch", optional(about.branch.as_deref())))
                        (field("Head", optional(about.revision.as_deref())))
                    }
                    (field("Received", exact_moment(delivery.received_at)))
                    @if let Some(poller) = delivery.polled_by() {
                        (field("Polled by", html! { a href=(Root::RECORD.to("pollers")) { (text(poller)) } }))
                    }
                    (field("Dialect", text(&delivery.dialect)))
                    (field("Event", optional(delivery.event.as_deref())))
                    (field("Forge’s id", optional(delivery.forge_id.as_deref())))
                    (field("Size", size(delivery, body)))
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
            1 => { "1 failed attempt, next " (moment(due.next_at)) },
            failed => { (failed) " failed attempts, next " (moment(due.next_at)) },
        }
        @if let Some(error) = &due.error { div.error { (text(error)) } }
    }
}

/// The size of the body, with a link to it as long as it is kept.
fn size(delivery: &DeliveryRecord, kept: Option<usize>) -> Markup {
    html! {
        (bytes(delivery.size))
        @if kept.is_some_and(|length| length > 0) {
            " · "
            a href=(Root::RECORD.to(&format!("api/v2/deliveries/{}/body", delivery.deliveryid))) download {
                "Download the body as it came"
            }
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
                            th.narrow scope="col" { "Id" } th scope="col" { "Branch" } th scope="col" { "Revision" }
                            th scope="col" { "Author" } th scope="col" { "Comments" } th scope="col" { "Sinks" }
                        }
                    }
                    tbody {
                        @for (ChangeRecord { changeid, change, .. }, at_sinks) in changes {
                            tr {
                                td.number data-label="Id" { a href=(Root::RECORD.change(*changeid)) { (changeid) } }
                                td data-label="Branch" { (optional(change.branch.as_deref())) }
                                td.id data-label="Revision" { (optional(change.revision.as_deref())) }
                                td data-label="Author" { (optional(Some(&change.author))) }
                                td data-label="Comments" { (optional(change.comments.lines().next())) }
                                td data-label="Sinks" { (outcomes::lines(Root::RECORD, at_sinks)) }
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
        p { code { (method) " " (text(&head.path)) @if !head.query.is_empty() { "?" (text(&head.query)) } } }
        details {
            summary { "Headers that were kept (" (head.headers.len()) ")" }
            div.wide { table.fields { tbody { @for (name, value) in &head.headers { (field(name, text(value))) } } } }
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
    let Some((kind, shown)) = readable(&request) else {
        return html! { p { "Its body has " (size) " and is not text." } };
    };
    html! { details { summary { "Body (" (size) @if !kind.is_empty() { ", " (text(&kind)) } ")" } pre { (lines(&shown)) } } }
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
