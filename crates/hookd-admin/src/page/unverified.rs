//! The page of the unverified requests.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::found;
use super::layout::{Frame, moment, optional};
use crate::Unverified;
use crate::state::AppState;

pub(super) async fn show(admin: web::Data<AppState>) -> HttpResponse {
    found(&Frame { title: "Unverified", search: "" }, section(admin.unverified(), usize::MAX))
}

/// The newest of them, at most `max`.
pub(super) fn section(unverified: &Unverified, max: usize) -> Markup {
    let entries = unverified.newest();
    html! {
        section id="unverified" {
            h2 { "Unverified requests" }
            @if entries.is_empty() {
                p { "None since hookd was started." }
            } @else {
                p.note {
                    "The last requests that were refused and not stored, since nothing proves who sent them: a wrong secret, "
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
                            @for entry in entries.iter().take(max) {
                                tr {
                                    td.when { (moment(entry.received_at)) }
                                    td { (entry.dialect) }
                                    td { (optional(entry.event.as_deref())) }
                                    td { (optional(entry.peer.as_deref())) }
                                    td { (entry.reason) }
                                }
                            }
                        }
                    }
                }
                @if entries.len() > max {
                    p.paging { a href="/unverified" { "All " (entries.len()) } }
                }
            }
        }
    }
}
