//! The first page: deliveries, unproven requests and dialects.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use hookd_config::{Dialects, ServedDialect};
use hookd_core::Change;
use hookd_store::DeliveryRecord;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::find::{self, Listed};
use super::layout::{Frame, changes, maybe, moment, none, state};
use super::{Asked, refused, shown, unproven, unreadable};
use crate::http::state::{State, blocking};

/// How many unproven requests are on this page.
const UNPROVEN: usize = 10;

pub(super) async fn show(admin: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let asked = match Asked::of(&request) {
        Ok(asked) => asked,
        Err(message) => return refused(&message),
    };
    let store = Arc::clone(admin.store());
    let (search, before) = (asked.search.clone(), asked.before);
    let read = move || match search {
        Some(text) => find::matching(&*store, &text, before),
        None => find::newest(&*store, before),
    };
    let listed = match blocking(read).await {
        Ok(listed) => listed,
        Err(error) => return unreadable(&error),
    };
    let search = asked.search.as_deref().unwrap_or_default();
    // Who searches, or looks at older ones, wants to see those.
    let is_first = asked.search.is_none() && asked.before.is_none();
    let content = html! {
        (deliveries(&listed, &asked))
        @if is_first {
            (unproven::section(admin.unproven(), UNPROVEN))
            (dialects(&admin.config().dialects))
        }
    };
    shown(&Frame { title: if search.is_empty() { "Deliveries" } else { "Search" }, search }, content)
}

fn deliveries(listed: &Listed, asked: &Asked) -> Markup {
    html! {
        section {
            h2 {
                "Deliveries"
                @if let Some(text) = &asked.search { " that match “" (text) "”" }
            }
            @if listed.rows.is_empty() {
                (empty(asked))
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
            (paging(listed, asked))
        }
    }
}

fn row(delivery: &DeliveryRecord, listed: &Listed) -> Markup {
    let first = delivery.changeids.first().and_then(|id| listed.changes.get(id));
    html! {
        tr {
            td.number { a href={ "/deliveries/" (delivery.deliveryid) } { (delivery.deliveryid) } }
            td.when { (moment(delivery.received_at.as_seconds_f64())) }
            td { (delivery.dialect) }
            td { (maybe(delivery.event.as_deref())) }
            td { (state(delivery.state)) }
            td { (outcome(delivery)) @if let Some(change) = first { (summary(change)) } }
            td.id { (maybe(delivery.forge_id.as_deref())) }
        }
    }
}

/// What came of a delivery, in a few words.
pub(super) fn outcome(delivery: &DeliveryRecord) -> Markup {
    let reason = delivery.reason.as_deref().filter(|reason| !reason.is_empty());
    html! {
        (changes(&delivery.changeids))
        @match reason {
            Some(reason) => {
                @if !delivery.changeids.is_empty() { "; " }
                (reason)
            }
            None if delivery.state == hookd_store::State::Pending => "waits for the forge’s API",
            None if delivery.changeids.is_empty() => (none()),
            None => {}
        }
    }
}

/// By what somebody knows a change again.
fn summary(change: &Change) -> Markup {
    let branch = change.branch.as_deref().unwrap_or_default();
    let revision: String = change.revision.as_deref().unwrap_or_default().chars().take(12).collect();
    let parts: Vec<&str> = [branch, &revision, &change.author].into_iter().filter(|part| !part.is_empty()).collect();
    html! { @if !parts.is_empty() { div.note { (parts.join(" · ")) } } }
}

fn empty(asked: &Asked) -> Markup {
    html! {
        @if asked.search.is_some() {
            p {
                "Nothing found. A revision has to be whole, and a part of the reason in the same case. What did not prove "
                "itself is no delivery: see the " a href="/unproven" { "unproven requests" } "."
            }
        } @else if asked.before.is_some() {
            p { "There are no older ones." }
        } @else {
            p { "No webhook has come yet. The paths of the dialects below are what a forge’s webhook has to lead to." }
        }
    }
}

fn paging(listed: &Listed, asked: &Asked) -> Markup {
    let query = |before: Option<i64>| {
        let search = asked.search.as_deref().map(|text| format!("q={}", utf8_percent_encode(text, NON_ALPHANUMERIC)));
        let before = before.map(|id| format!("before={id}"));
        format!("/?{}", search.into_iter().chain(before).collect::<Vec<_>>().join("&"))
    };
    html! {
        p.paging {
            @if asked.before.is_some() { a href=(query(None)) { "Newest" } }
            @if let Some(older) = listed.older { a href=(query(Some(older))) rel="next" { "Older" } }
        }
    }
}

fn dialects(dialects: &Dialects) -> Markup {
    html! {
        section id="dialects" {
            h2 { "Dialects" }
            @if dialects.is_empty() {
                p { "No dialect is enabled, so that every webhook is refused." }
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
    if dialect.hook.is_closed() {
        needs.push("with the secret");
    }
    if asks_for_password {
        needs.push("with a password");
    }
    if dialect.allow_from.is_some() {
        needs.push("from certain addresses");
    }
    if needs.is_empty() { "anyone who reaches it".to_owned() } else { format!("only {}", needs.join(", ")) }
}
