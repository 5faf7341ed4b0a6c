//! The page of the unverified requests.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::layout::{Frame, optional};
use super::root::Root;
use super::text::text;
use super::time::moment;
use super::{found, replicas};
use crate::Unverified;
use crate::state::AppState;

pub(super) async fn show(admin: web::Data<AppState>) -> HttpResponse {
    let frame = Frame { root: Root::TOP, title: "Unverified", search: "" };
    let of = replicas::this(&admin).await;
    let content = html! {
        (section(admin.unverified(), usize::MAX))
        @if let Some(name) = of {
            p.note { "These came to the hookd " (text(&name)) ". Each of those that share the store has a list of its own." }
        }
    };
    found(&admin, &frame, content).await
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
                                th.narrow scope="col" { "Received" } th scope="col" { "Dialect" } th scope="col" { "Event" }
                                th scope="col" { "From" } th.broad scope="col" { "Why it was refused" }
                            }
                        }
                        tbody {
                            @for entry in entries.iter().take(max) {
                                tr {
                                    td data-label="Received" { (moment(entry.received_at)) }
                                    td data-label="Dialect" { (text(&entry.dialect)) }
                                    td data-label="Event" { (optional(entry.event.as_deref())) }
                                    td data-label="From" { (optional(entry.peer.as_deref())) }
                                    td data-label="Why it was refused" { (text(&entry.reason)) }
                                }
                            }
                        }
                    }
                }
                @if entries.len() > max {
                    p.paging { a href=(Root::TOP.to("unverified")) { "All " (entries.len()) } }
                }
            }
        }
    }
}
