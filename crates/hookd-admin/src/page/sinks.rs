//! The page of all sinks.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_sinks::SinkView;
use hookd_store::{SettlementKind, Timestamp};
use maud::{Markup, html};

use super::layout::{Frame, none, optional, sink, sink_state, span};
use super::{found, unavailable};
use crate::state::{AppState, blocking};

pub(super) async fn show(admin: web::Data<AppState>) -> HttpResponse {
    let (store, views) = (Arc::clone(admin.store()), admin.sinks().sinks());
    let read = move || {
        let with_dead = |view: SinkView| {
            let dead = store.settlement_count(&view.settings.name, SettlementKind::Dead)?;
            Ok((view, dead))
        };
        views.into_iter().map(with_dead).collect::<Result<Vec<_>, _>>()
    };
    match blocking(read).await {
        Ok(sinks) => found(&Frame { title: "Sinks", search: "" }, content(&sinks)),
        Err(error) => unavailable(&error),
    }
}

fn content(sinks: &[(SinkView, u64)]) -> Markup {
    html! {
        h2 { "Sinks" }
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
    }
}

fn row(SinkView { settings, status, lag }: &SinkView, dead: u64) -> Markup {
    html! {
        tr {
            td { (sink(&settings.name)) }
            td { (settings.sink_type) }
            td { (settings.sink.destination()) }
            td { (sink_state(status.state)) }
            td.number { (lag) }
            td.number { @match &status.head {
                Some(head) => (span(Timestamp::now().since(head.received_at))),
                None => (none()),
            } }
            td.number { (dead) }
            td { (optional(status.error.as_deref())) }
        }
    }
}
