//! The page of all pollers: whether they get through to their repositories, and a button that has one poll now.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use hookd_core::duration;
use hookd_pollers::PollerView;
use hookd_store::Timestamp;
use maud::{Markup, html};

use super::layout::{Frame, address, button, none, state};
use super::root::Root;
use super::text::text;
use super::time::moment;
use super::{conflict, found, not_found, see, unavailable};
use crate::state::{AppState, blocking};

pub(super) async fn show(admin: web::Data<AppState>) -> HttpResponse {
    let frame = Frame { root: Root::TOP, title: "Pollers", search: "" };
    let engine = Arc::clone(admin.pollers());
    match blocking(move || Ok((engine.pollers(), engine.orphans()?))).await {
        Ok((pollers, orphans)) => found(&admin, &frame, content(&pollers, &orphans)).await,
        Err(error) => unavailable(Root::TOP, &error),
    }
}

/// Forgets a poller that is no longer configured.
pub(super) async fn forget(admin: web::Data<AppState>, request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    let root = Root::of(request.path());
    match admin.pollers().forget(&name).await {
        Ok(_) => see(&root.to("pollers")),
        Err(message) => conflict(root, &message),
    }
}

/// Has a poller poll now.
pub(super) async fn poke(admin: web::Data<AppState>, request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    let root = Root::of(request.path());
    if admin.pollers().poke(&name) { see(&root.to("pollers")) } else { not_found(root, "poller") }
}

fn content(pollers: &[PollerView], orphans: &[String]) -> Markup {
    html! {
        h1 { "Pollers" }
        @if pollers.is_empty() {
            p { "No poller is configured: changes come by webhooks alone." }
        } @else {
            div.wide {
                table {
                    thead {
                        tr {
                            th scope="col" { "Name" } th.narrow scope="col" { "State" } th scope="col" { "Last try" }
                            th scope="col" { "Last success" } th scope="col" { "Last change" } th scope="col" { "Next poll" }
                            th.broad scope="col" { "Error" } th.narrow scope="col" { "" }
                        }
                    }
                    tbody { @for poller in pollers { (row(poller)) } }
                }
            }
        }
        @if !orphans.is_empty() {
            h2 { "No longer configured" }
            p.note {
                "hookd keeps the positions of such a poller in case it comes back. Forgetting it deletes them: if it comes back "
                "later, its first poll reports nothing."
            }
            ul { @for name in orphans { li.actions { (text(name)) (button(&Root::TOP.poller(name), "forget", "Forget")) } } }
        }
    }
}

fn row(PollerView { settings, status }: &PollerView) -> Markup {
    let repository = settings.poller.repository();
    let time = |time: Option<Timestamp>| time.map_or_else(none, moment);
    html! {
        tr {
            td data-label="Name" {
                (text(&settings.name))
                div.note {
                    (settings.poller_type) ", every " (duration::format(settings.every.poll_interval))
                    @if repository != settings.name { ", " (address(&repository)) }
                }
            }
            td data-label="State" { (state(if status.failures > 0 { "failing" } else { status.state.name() })) }
            td data-label="Last try" { (time(status.tried_at)) }
            td data-label="Last success" { (time(status.succeeded_at)) }
            td data-label="Last change" { (time(status.changed_at)) }
            td data-label="Next poll" { (time(status.next_at)) }
            td data-label="Error" {
                @match &status.error {
                    Some(error) => {
                        (text(error))
                        @if status.failures > 1 { div.note { (status.failures) " failed polls in a row" } }
                    }
                    None => (none()),
                }
            }
            td data-label="" { (button(&Root::TOP.poller(&settings.name), "poke", "Poll now")) }
        }
    }
}
