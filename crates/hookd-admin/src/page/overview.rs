//! The first page: deliveries, unverified requests and dialects.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use hookd_config::{Dialects, ServedDialect};
use hookd_core::Change;
use hookd_store::{DeliveryRecord, State};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::find::{self, Listed, Search};
use super::layout::{Frame, changes, moment, none, optional, state};
use super::{bad_request, found, unavailable, unverified};
use crate::state::{AppState, blocking};

/// How many unverified requests are on this page.
const MAX_UNVERIFIED_ROWS: usize = 10;

pub(super) async fn show(admin: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let search = match Search::parse(request.query_string()) {
        Ok(search) => search,
        Err(message) => return bad_request(&message),
    };
    let store = Arc::clone(admin.store());
    let asked = search.clone();
    let listed = match blocking(move || find::list(&*store, &asked)).await {
        Ok(listed) => listed,
        Err(error) => return unavailable(&error),
    };
    // A search and older deliveries are shown alone.
    let is_first = search.text.is_none() && search.before.is_none();
    let content = html! {
        (deliveries(&listed, &search))
        @if is_first {
            (unverified::section(admin.unverified(), MAX_UNVERIFIED_ROWS))
            (dialects(&admin.config().dialects))
        }
    };
    let title = if search.text.is_some() { "Search" } else { "Deliveries" };
    found(&Frame { title, search: search.text.as_deref().unwrap_or_default() }, content)
}

fn deliveries(listed: &Listed, search: &Search) -> Markup {
    html! {
        section {
            h2 {
                "Deliveries"
                @if let Some(text) = &search.text { " that match “" (text) "”" }
            }
            @if listed.rows.is_empty() {
                (empty(search))
            } @else {
                div.wide {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Id" } th scope="col" { "Received" } th scope="col" { "Dialect" }
                                th scope="col" { "Event" } th scope="col" { "State" }
                                th scope="col" { "Changes, or why there are none" } th scope="col" { "Forge’s id" }
                            }
                        }
                        tbody { @for delivery in &listed.rows { (row(delivery, listed)) } }
                    }
                }
            }
            (paging(listed, search))
        }
    }
}

fn row(delivery: &DeliveryRecord, listed: &Listed) -> Markup {
    let first = delivery.changeids.first().and_then(|id| listed.changes.get(id));
    html! {
        tr {
            td.number { a href={ "/deliveries/" (delivery.deliveryid) } { (delivery.deliveryid) } }
            td.when { (moment(delivery.received_at)) }
            td { (delivery.dialect) }
            td { (optional(delivery.event.as_deref())) }
            td { (state(delivery.state)) }
            td { (outcome(delivery)) @if let Some(change) = first { (summary(change)) } }
            td.id { (optional(delivery.forge_id.as_deref())) }
        }
    }
}

/// The result of a delivery, in a few words.
pub(super) fn outcome(delivery: &DeliveryRecord) -> Markup {
    let reason = delivery.reason.as_deref().filter(|reason| !reason.is_empty());
    html! {
        (changes(&delivery.changeids))
        @match reason {
            Some(reason) => {
                @if !delivery.changeids.is_empty() { "; " }
                (reason)
            }
            None if delivery.state == State::Pending => "waits for the forge’s API",
            None if delivery.changeids.is_empty() => (none()),
            None => {}
        }
    }
}

/// What people recognise a change by.
fn summary(change: &Change) -> Markup {
    let branch = change.branch.as_deref().unwrap_or_default();
    let revision: String = change.revision.as_deref().unwrap_or_default().chars().take(12).collect();
    let parts: Vec<&str> = [branch, &revision, &change.author].into_iter().filter(|part| !part.is_empty()).collect();
    html! { @if !parts.is_empty() { div.note { (parts.join(" · ")) } } }
}

fn empty(search: &Search) -> Markup {
    html! {
        @if search.text.is_some() {
            p {
                "Nothing found. Revisions are matched as a whole, reasons in part and by case. Requests that were not "
                "verified are not deliveries: see the " a href="/unverified" { "unverified requests" } "."
            }
        } @else if search.before.is_some() {
            p { "There are no older ones." }
        } @else {
            p { "No webhook has been received yet. Point a webhook of your forge at the path of a dialect below." }
        }
    }
}

fn paging(listed: &Listed, search: &Search) -> Markup {
    let query = |before: Option<i64>| {
        let text = search.text.as_deref().map(|text| format!("q={}", utf8_percent_encode(text, NON_ALPHANUMERIC)));
        let before = before.map(|id| format!("before={id}"));
        format!("/?{}", text.into_iter().chain(before).collect::<Vec<_>>().join("&"))
    };
    html! {
        p.paging {
            @if search.before.is_some() { a href=(query(None)) { "Newest" } }
            @if let Some(older) = listed.older { a href=(query(Some(older))) rel="next" { "Older" } }
        }
    }
}

fn dialects(dialects: &Dialects) -> Markup {
    html! {
        section id="dialects" {
            h2 { "Dialects" }
            @if dialects.is_empty() {
                p { "No dialect is enabled: every webhook is refused." }
            } @else {
                div.wide {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Name" } th scope="col" { "Path" } th scope="col" { "Class" }
                                th scope="col" { "Who may send" }
                            }
                        }
                        tbody {
                            @for dialect in dialects.values() {
                                tr {
                                    td { (dialect.name) }
                                    td { code { "/change_hook/" (dialect.name) } }
                                    td { (dialect.class) }
                                    td { (who_may_send(dialect)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn who_may_send(dialect: &ServedDialect) -> String {
    let asks_for_password = dialect.auth.as_ref().is_some_and(|auth| !auth.is_open());
    let mut needs = Vec::new();
    if dialect.hook.requires_proof() {
        needs.push("with the secret");
    }
    if asks_for_password {
        needs.push("with a password");
    }
    if dialect.allow_from.is_some() {
        needs.push("from certain addresses");
    }
    if needs.is_empty() { "anyone who can reach it".to_owned() } else { format!("only {}", needs.join(", ")) }
}
