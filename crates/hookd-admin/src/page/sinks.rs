//! The page of all sinks.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_sinks::SinkView;
use hookd_store::{SettlementKind, Timestamp};
use maud::{Markup, html};

use super::layout::{Frame, button, none, optional, sink, state};
use super::root::Root;
use super::text::text;
use super::time::span;
use super::{found, unavailable};
use crate::state::{AppState, blocking};

pub(super) async fn show(admin: web::Data<AppState>) -> HttpResponse {
    let (store, engine) = (Arc::clone(admin.store()), Arc::clone(admin.sinks()));
    let read = move || {
        let with_dead = |view: SinkView| {
            let dead = store.reader().settlement_count(&view.settings.name, SettlementKind::Dead)?;
            Ok((view, dead))
        };
        let sinks = engine.sinks().into_iter().map(with_dead).collect::<Result<Vec<_>, _>>()?;
        Ok((sinks, engine.orphans()?))
    };
    match blocking(read).await {
        Ok((sinks, orphans)) => {
            let frame = Frame { root: Root::TOP, title: "Sinks", search: "" };
            found(&admin, &frame, content(&sinks, &orphans)).await
        }
        Err(error) => unavailable(Root::TOP, &error),
    }
}

fn content(sinks: &[(SinkView, u64)], orphans: &[String]) -> Markup {
    html! {
        h1 { "Sinks" }
        @if sinks.is_empty() {
            p { "No sink is configured: changes are stored, and go nowhere." }
        } @else {
            div.wide {
                table {
                    thead {
                        tr {
                            th scope="col" { "Name" } th scope="col" { "Type" } th scope="col" { "Destination" }
                            th scope="col" { "State" } th scope="col" { "Waiting" } th scope="col" { "First waits since" }
                            th scope="col" { "Dead letters" } th scope="col" { "Error" }
                        }
                    }
                    tbody { @for (view, dead) in sinks { (row(view, *dead)) } }
                }
            }
        }
        @if !orphans.is_empty() {
            h2 { "No longer configured" }
            p.note {
                "Changes that such a sink has not received are kept in case it comes back. Forgetting it deletes its place in the "
                "log and its dead letters."
            }
            ul { @for name in orphans { li.actions { (text(name)) (button(&Root::TOP.sink(name), "forget", "Forget")) } } }
        }
    }
}

fn row(SinkView { settings, status, lag }: &SinkView, dead: u64) -> Markup {
    html! {
        tr {
            td data-label="Name" { (sink(Root::TOP, &settings.name)) }
            td data-label="Type" { (settings.sink_type) }
            td data-label="Destination" { (text(&settings.sink.destination())) }
            td data-label="State" { (state(status.state.name())) }
            td.number data-label="Waiting" { (lag) }
            td.number data-label="First waits since" { @match &status.head {
                Some(head) => (span(Timestamp::now().since(head.received_at))),
                None => (none()),
            } }
            td.number data-label="Dead letters" { (dead) }
            td data-label="Error" { (optional(status.error.as_deref())) }
        }
    }
}
