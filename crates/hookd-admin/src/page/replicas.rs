//! The page of the hookds that share the store: who is there, and who leads what.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_store::Replica;
use maud::{Markup, html};

use super::layout::{Frame, none, state};
use super::root::Root;
use super::text::text;
use super::time::moment;
use super::{found, unavailable};
use crate::state::{AppState, blocking};

pub(super) async fn show(admin: web::Data<AppState>) -> HttpResponse {
    let store = Arc::clone(admin.store());
    match blocking(move || store.reader().replicas()).await {
        Ok(replicas) => {
            let frame = Frame { root: Root::TOP, title: "Replicas", search: "" };
            found(&admin, &frame, content(&replicas)).await
        }
        Err(error) => unavailable(Root::TOP, &error),
    }
}

/// The name of this hookd, where others may share its store.
pub(super) async fn this(admin: &AppState) -> Option<String> {
    if !admin.store().reader().is_shared() {
        return None;
    }
    let store = Arc::clone(admin.store());
    let replicas = blocking(move || store.reader().replicas()).await.ok()?;
    replicas.into_iter().find(|replica| replica.is_this).map(|this| this.name)
}

fn content(replicas: &[Replica]) -> Markup {
    html! {
        h1 { "Replicas" }
        @if replicas.is_empty() {
            p { "This hookd alone uses its store: several can share one in PostgreSQL." }
        } @else {
            p.note {
                "The hookds that share the store. All of them receive; each sink, each poller and the deletion of expired data is "
                "led by one at a time. Counters and unverified requests are those of the hookd that shows them."
            }
            div.wide {
                table {
                    thead {
                        tr {
                            th scope="col" { "Name" } th.narrow scope="col" { "State" } th scope="col" { "Started" }
                            th.broad scope="col" { "Leads" } th scope="col" { "Pending deliveries" }
                        }
                    }
                    tbody { @for replica in replicas { (row(replica)) } }
                }
            }
        }
    }
}

fn row(Replica { name, is_this, is_alive, started_at, leads, pending }: &Replica) -> Markup {
    html! {
        tr {
            td data-label="Name" { (text(name)) @if *is_this { div.note { "this one" } } }
            td data-label="State" { (state(if *is_alive { "alive" } else { "failed" })) }
            td data-label="Started" { (moment(*started_at)) }
            td data-label="Leads" {
                @if leads.is_empty() { (none()) }
                @for (index, lead) in leads.iter().enumerate() { @if index > 0 { ", " } (text(lead)) }
            }
            td data-label="Pending deliveries" { (pending) }
        }
    }
}
