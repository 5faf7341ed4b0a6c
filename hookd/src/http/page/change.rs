//! The page of a change.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_core::Change;
use hookd_store::ChangeRecord;
use maud::{Markup, html};

use super::layout::{Frame, address, field, maybe, moment, none};
use super::{missing, shown, unreadable};
use crate::http::state::{State, blocking};

/// How many files are shown at once; more are folded away.
const FILES: usize = 20;

pub(super) async fn show(admin: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    let Ok(id) = id.parse() else { return missing("change") };
    let store = Arc::clone(admin.store());
    match blocking(move || store.change(id)).await {
        Ok(Some(record)) => shown(&Frame { title: &format!("Change {id}"), search: "" }, content(&record)),
        Ok(None) => missing("change"),
        Err(error) => unreadable(&error),
    }
}

fn content(record: &ChangeRecord) -> Markup {
    let ChangeRecord { changeid, deliveryid, received_at, parent_changeid, hookd_id, change } = record;
    #[expect(clippy::cast_precision_loss, reason = "times of this age fit in a double")]
    let made = change.when_timestamp.map(|seconds| seconds as f64);
    html! {
        h2 { "Change " (changeid) }
        div.wide {
            table.fields {
                tbody {
                    (field("Delivery", html! { a href={ "/deliveries/" (deliveryid) } { (deliveryid) } ", received " (moment(received_at.as_seconds_f64())) }))
                    (field("Author", maybe(Some(&change.author))))
                    (field("Committer", maybe(change.committer.as_deref())))
                    (field("When", made.map_or_else(none, moment)))
                    (field("Branch", maybe(change.branch.as_deref())))
                    (field("Revision", maybe(change.revision.as_deref())))
                    (field("Revlink", address(change.revlink.as_deref().unwrap_or_default())))
                    (field("Repository", address(&change.repository)))
                    (field("Project", maybe(Some(&change.project))))
                    (field("Codebase", maybe(Some(&change.codebase))))
                    (field("Category", maybe(change.category.as_deref())))
                    (field("Version control", maybe(change.src.as_deref())))
                    (field("Comments", comments(&change.comments)))
                    (field("Files", files(&change.files)))
                    (field("Properties", properties(change)))
                    (field("Parent", parent(*parent_changeid)))
                    (field("hookd’s id", html! { (hookd_id) }))
                }
            }
        }
    }
}

fn comments(text: &str) -> Markup {
    if text.is_empty() {
        none()
    } else {
        html! { pre { (text) } }
    }
}

fn parent(id: Option<i64>) -> Markup {
    id.map_or_else(none, |id| html! { a href={ "/changes/" (id) } { (id) } })
}

fn files(files: &[String]) -> Markup {
    let list = |files: &[String]| html! { ul.files { @for file in files { li { (file) } } } };
    let (first, rest) = files.split_at(files.len().min(FILES));
    html! {
        @if files.is_empty() { (none()) } @else { (list(first)) }
        @if !rest.is_empty() { details { summary { (rest.len()) " more" } (list(rest)) } }
    }
}

fn properties(change: &Change) -> Markup {
    html! {
        @if change.properties.is_empty() {
            (none())
        } @else {
            table.fields {
                tbody {
                    @for (name, value) in &change.properties {
                        (field(name, html! { @match value.as_str() {
                            Some(text) => (address(text)),
                            None => code { (value.to_string()) },
                        } }))
                    }
                }
            }
        }
    }
}
