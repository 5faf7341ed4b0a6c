//! The requests that did not prove themselves.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::layout::{Frame, maybe, moment};
use super::shown;
use crate::http::Unproven;
use crate::http::state::State;

pub(super) async fn show(admin: web::Data<State>) -> HttpResponse {
    shown(&Frame { title: "Unproven", search: "" }, section(admin.unproven(), usize::MAX))
}

/// The newest of them, up to this many.
pub(super) fn section(unproven: &Unproven, most: usize) -> Markup {
    let entries = unproven.newest();
    html! {
        section id="unproven" {
            h2 { "Unproven requests" }
            @if entries.is_empty() {
                p { "None since hookd was started." }
            } @else {
                p.note {
                    "The last requests that were refused before anything of them was believed or stored: a wrong secret, "
                    "a missing password, an address that is not allowed, a dialect that is not served."
                }
                div.wide {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Received" } th scope="col" { "Dialect" } th scope="col" { "Event" }
                                th scope="col" { "From" } th scope="col" { "Why it was refused" }
                            }
                        }
                        tbody {
                            @for entry in entries.iter().take(most) {
                                tr {
                                    td.when { (moment(entry.received_at.as_seconds_f64())) }
                                    td { (entry.dialect) }
                                    td { (maybe(entry.event.as_deref())) }
                                    td { (maybe(entry.peer.as_deref())) }
                                    td { (entry.reason) }
                                }
                            }
                        }
                    }
                }
                @if entries.len() > most {
                    p.paging { a href="/unproven" { "All " (entries.len()) } }
                }
            }
        }
    }
}
