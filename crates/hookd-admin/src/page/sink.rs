//! The page of a sink: what it is doing, its dead letters, and what an operator can do.
//!
//! Each button is a form without fields: its URL says all, so that no body is read. A form that skips names the change that
//! its page showed: what another operator has skipped in the meantime takes no second change with it.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use hookd_sinks::{Head, SinkState, SinkView};
use hookd_store::{Page, Settlement, SettlementKind, Store, StoreError, Timestamp};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::layout::{Frame, button, field, none, optional, state};
use super::root::Root;
use super::text::text;
use super::time::{moment, span};
use super::{bad_request, conflict, found, not_found, see, unavailable};
use crate::sinks::action::{self, Action, Failed};
use crate::sinks::dead_letters::{self, Group, Groups};
use crate::sinks::{find, order_name};
use crate::state::{AppState, blocking};

/// How many groups of dead letters are shown.
const MAX_GROUPS: usize = 50;

/// How many dead letters are listed one by one.
const MAX_DEAD_LETTERS: usize = 50;

/// A sink with what is stored of it.
struct Details {
    view: SinkView,
    dead: Page<Settlement>,
    groups: Groups,
    requeued: u64,
}

pub(super) async fn show(admin: web::Data<AppState>, name: web::Path<String>) -> HttpResponse {
    let Some(view) = find(admin.sinks(), &name) else { return not_found(Root::RECORD, "sink") };
    let store = Arc::clone(admin.store());
    match blocking(move || read(&*store, view)).await {
        Ok(details) => {
            let frame = Frame { root: Root::RECORD, title: &format!("Sink {name}"), search: "" };
            found(&admin, &frame, content(&details)).await
        }
        Err(error) => unavailable(Root::RECORD, &error),
    }
}

/// Does what a button says.
pub(super) async fn act(
    admin: web::Data<AppState>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let (sink, name) = path.into_inner();
    let root = Root::of(request.path());
    let performed = match Action::parse(&name, request.query_string()) {
        Ok(action) => action::perform(&admin, &sink, action).await,
        Err(failed) => Err(failed),
    };
    match performed {
        Ok(_) if name == "forget" => see(&root.to("sinks")),
        Ok(_) => see(&root.sink(&sink)),
        Err(Failed::NoSink) => not_found(root, "sink"),
        Err(Failed::NoAction) => not_found(root, "page"),
        Err(Failed::Invalid(message)) => bad_request(root, &message),
        Err(Failed::Refused(message)) => conflict(root, &message),
        Err(Failed::Store(error)) => unavailable(root, &error),
    }
}

fn read(store: &dyn Store, view: SinkView) -> Result<Details, StoreError> {
    let name = &view.settings.name;
    Ok(Details {
        dead: dead_letters::list(store, name, MAX_DEAD_LETTERS, 0)?,
        groups: dead_letters::groups(store, name)?,
        requeued: store.reader().settlement_count(name, SettlementKind::Requeued)?,
        view,
    })
}

fn content(details: &Details) -> Markup {
    let Details { view: SinkView { settings, status, lag }, dead, groups, requeued } = details;
    let path = Root::RECORD.sink(&settings.name);
    html! {
        h1 { "Sink " (text(&settings.name)) }
        div.wide {
            table.fields {
                tbody {
                    (field("State", state(status.state.name())))
                    (field("Error", optional(status.error.as_deref())))
                    (field("Type", html! { (settings.sink_type) }))
                    (field("Destination", text(&settings.sink.destination())))
                    (field("Order", html! { (order_name(settings.order)) }))
                    (field("Waiting", html! { (lag) " changes" @if *requeued > 0 { ", and " (requeued) " to be sent once more" } }))
                    (field("First that waits", status.head.as_ref().map_or_else(none, head)))
                    (field("Position", html! { "every change up to " (status.position) " has ended here" }))
                    (field("Last delivered", status.delivered_at.map_or_else(none, moment)))
                    (field("Since the start", html! {
                        (status.attempts.delivered) " delivered, " (status.attempts.later) " failed attempts, "
                        (status.attempts.dead) " given up, " (status.attempts.filtered) " dropped by the filter"
                    }))
                    (field("Dead letters", html! { (dead.total) }))
                }
            }
        }
        div.actions {
            @if status.state == SinkState::Paused { (button(&path, "resume", "Resume")) } @else { (button(&path, "pause", "Pause")) }
            (button(&path, "retry", "Retry now"))
            @if let Some(head) = &status.head {
                (button(&path, &format!("skip?changeid={}", head.changeid), &format!("Skip change {}", head.changeid)))
            }
            (button(&path, "requeue?kind=filtered", "Send what the filter dropped and would not drop now"))
        }
        (dead_letters_section(&path, dead, groups))
    }
}

fn head(head: &Head) -> Markup {
    html! {
        a href=(Root::RECORD.change(head.changeid)) { "change " (head.changeid) } ", received " (moment(head.received_at))
        " (" (span(Timestamp::now().since(head.received_at))) " ago)"
        @match head.attempts { 0 => {}, 1 => "; 1 failed attempt", failed => { "; " (failed) " failed attempts" } }
        @if let Some(next_at) = head.next_at { "; next attempt " (moment(next_at)) }
        @if let Some(answer) = &head.answer { div { (text(answer)) } }
    }
}

fn dead_letters_section(path: &str, dead: &Page<Settlement>, Groups { groups, others }: &Groups) -> Markup {
    let shown = groups.iter().take(MAX_GROUPS);
    let rest = groups.iter().skip(MAX_GROUPS).map(|group| group.count).sum::<u64>() + others;
    html! {
        section id="dead_letters" {
            h2 { "Dead letters" }
            @if dead.total == 0 {
                p { "None." }
            } @else {
                div.wide {
                    table {
                        thead {
                            tr { th scope="col" { "Reason" } th scope="col" { "Changes" } th scope="col" { "" } }
                        }
                        tbody {
                            @for group in shown {
                                tr {
                                    td data-label="Reason" { (text(&group.reason)) }
                                    td data-label="Changes" { (range(group)) }
                                    td { (button(path, &requeue(&group.reason), "Send once more")) }
                                }
                            }
                        }
                    }
                }
                @if rest > 0 { p.note { (rest) " more, for other reasons." } }
                div.actions { (button(path, "requeue?kind=dead", "Send all once more")) }
                details {
                    summary { "One by one" }
                    div.wide { table { tbody { @for letter in &dead.rows { (row(path, letter)) } } } }
                    @if dead.total > dead.rows.len() as u64 { p.note { "The first " (dead.rows.len()) " of " (dead.total) "." } }
                }
            }
        }
    }
}

/// The action that sends all dead letters with this reason once more.
fn requeue(reason: &str) -> String {
    format!("requeue?reason={}", utf8_percent_encode(reason, NON_ALPHANUMERIC))
}

fn range(Group { count, first, last, .. }: &Group) -> Markup {
    let link = |id: &i64| html! { a href=(Root::RECORD.change(*id)) { (id) } };
    html! {
        @match count {
            1 => { "change " (link(first)) },
            count => { (count) ", from " (link(first)) " to " (link(last)) },
        }
    }
}

fn row(path: &str, letter: &Settlement) -> Markup {
    html! {
        tr {
            td.number { a href=(Root::RECORD.change(letter.changeid)) { (letter.changeid) } }
            td { (moment(letter.settled_at)) }
            td { (text(&letter.answer)) }
            td { (button(path, &format!("requeue?changeid={}", letter.changeid), "Send once more")) }
        }
    }
}
