//! The page of a delivery: what came, and what became of it.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_core::{HookRequest, Method};
use hookd_store::{ChangeRecord, DeliveryRecord, Due, RequestHead, Store, StoreError, StoredRequest};
use maud::{Markup, html};

use super::layout::{Frame, bytes, field, maybe, moment, state};
use super::{find, missing, overview, shown, unreadable};
use crate::http::state::{State, blocking};

/// The largest body that is shown.
const LARGEST: usize = 256 << 10;

/// How many changes are shown; the others have their pages, too.
const CHANGES: usize = 200;

/// All that there is of a delivery.
struct Whole {
    delivery: DeliveryRecord,
    changes: Vec<ChangeRecord>,
    due: Option<Due>,
    request: Option<StoredRequest>,
}

pub(super) async fn show(admin: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    let Ok(id) = id.parse() else { return missing("delivery") };
    let store = Arc::clone(admin.store());
    match blocking(move || read(&*store, id)).await {
        Ok(Some(whole)) => shown(&Frame { title: &format!("Delivery {id}"), search: "" }, content(whole)),
        Ok(None) => missing("delivery"),
        Err(error) => unreadable(&error),
    }
}

fn read(store: &dyn Store, id: i64) -> Result<Option<Whole>, StoreError> {
    let Some(delivery) = store.delivery(id)? else { return Ok(None) };
    let ids = &delivery.changeids;
    let changes = find::changes(store, &ids[..ids.len().min(CHANGES)])?;
    let due = match delivery.state {
        hookd_store::State::Pending => store.pending()?.into_iter().find(|due| due.deliveryid == id),
        _ => None,
    };
    Ok(Some(Whole { changes, due, request: store.request(id)?, delivery }))
}

fn content(whole: Whole) -> Markup {
    let Whole { delivery, changes, due, request } = whole;
    html! {
        h2 { "Delivery " (delivery.deliveryid) }
        div.wide {
            table.fields {
                tbody {
                    (field("State", state(delivery.state)))
                    (field("Outcome", overview::outcome(&delivery)))
                    @if let Some(due) = &due { (field("Calls to the API", tries(due))) }
                    (field("Received", moment(delivery.received_at.as_seconds_f64())))
                    (field("Dialect", html! { (delivery.dialect) }))
                    (field("Event", maybe(delivery.event.as_deref())))
                    (field("Forge’s id", maybe(delivery.forge_id.as_deref())))
                    (field("Size", html! { (bytes(delivery.size)) }))
                }
            }
        }
        @if !changes.is_empty() { (table(&changes, delivery.changeids.len())) }
        (sent(request))
    }
}

fn tries(due: &Due) -> Markup {
    let next = due.next_at.as_seconds_f64();
    html! {
        @match due.attempts {
            0 => "under way",
            1 => { "tried once in vain, next time at " (moment(next)) },
            times => { "tried " (times) " times in vain, next time at " (moment(next)) },
        }
    }
}

fn table(changes: &[ChangeRecord], total: usize) -> Markup {
    html! {
        section {
            h2 { "Changes" }
            div.wide {
                table {
                    thead {
                        tr {
                            th scope="col" { "Id" } th scope="col" { "Branch" } th scope="col" { "Revision" }
                            th scope="col" { "Author" } th scope="col" { "Comments" }
                        }
                    }
                    tbody {
                        @for ChangeRecord { changeid, change, .. } in changes {
                            tr {
                                td.number { a href={ "/changes/" (changeid) } { (changeid) } }
                                td { (maybe(change.branch.as_deref())) }
                                td.id { (maybe(change.revision.as_deref())) }
                                td { (maybe(Some(&change.author))) }
                                td { (maybe(change.comments.lines().next())) }
                            }
                        }
                    }
                }
            }
            @if total > changes.len() { p.note { "The first " (changes.len()) " of " (total) "." } }
        }
    }
}

fn sent(request: Option<StoredRequest>) -> Markup {
    html! {
        section {
            h2 { "Request" }
            @match request {
                Some(StoredRequest { head, body }) => {
                    (line_and_headers(&head))
                    (body_of(StoredRequest { head, body }.into_request()))
                },
                None => p { "It is no longer kept." },
            }
        }
    }
}

fn line_and_headers(head: &RequestHead) -> Markup {
    let method = match head.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    html! {
        p { code { (method) " " (head.path) @if !head.query.is_empty() { "?" (head.query) } } }
        details {
            summary { "Headers that were kept (" (head.headers.len()) ")" }
            div.wide { table.fields { tbody { @for (name, value) in &head.headers { (field(name, html! { (value) })) } } } }
        }
    }
}

fn body_of(request: HookRequest) -> Markup {
    let body = request.body();
    let size = bytes(body.len() as u64);
    if body.is_empty() {
        return html! { p { "It had no body." } };
    }
    if body.len() > LARGEST {
        return html! { p { "Its body has " (size) ", which is too much for this page." } };
    }
    let Some((kind, text)) = legible(&request) else {
        return html! { p { "Its body has " (size) " and is not text." } };
    };
    html! { details { summary { "Body (" (size) @if !kind.is_empty() { ", " (kind) } ")" } pre { (text) } } }
}

/// The body as people can read it, and what it is then: JSON, or the JSON that a form has, with a line for each value.
fn legible(request: &HookRequest) -> Option<(String, String)> {
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
