//! The page of a change.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_core::Change;
use hookd_store::{ChangeRecord, Timestamp};
use maud::{Markup, html};

use super::layout::{Frame, address, field, moment, none, optional};
use super::{found, not_found, outcomes, unavailable};
use crate::sinks::outcome::{self, AtSink};
use crate::state::{AppState, blocking};

/// How many files are shown at once; more are folded away.
const MAX_FILES: usize = 20;

/// How many files or properties are shown at all.
const MAX_ENTRIES: usize = 2000;

/// How much of a text is shown, in bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;

pub(super) async fn show(admin: web::Data<AppState>, id: web::Path<String>) -> HttpResponse {
    let Ok(id) = id.parse() else { return not_found("change") };
    let (store, sinks) = (Arc::clone(admin.store()), admin.sinks().sinks());
    let read = move || {
        let Some(record) = store.change(id)? else { return Ok(None) };
        Ok(Some((record, outcome::of_change(&*store, &sinks, id)?)))
    };
    match blocking(read).await {
        Ok(Some((record, at_sinks))) => {
            found(&Frame { title: &format!("Change {id}"), search: "" }, content(&record, &at_sinks))
        }
        Ok(None) => not_found("change"),
        Err(error) => unavailable(&error),
    }
}

fn content(record: &ChangeRecord, at_sinks: &[AtSink]) -> Markup {
    let ChangeRecord { changeid, deliveryid, received_at, parent_changeid, hookd_id, change } = record;
    let made = change.when_timestamp.map(|seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000)));
    html! {
        h2 { "Change " (changeid) }
        div.wide {
            table.fields {
                tbody {
                    (field("Delivery", html! { a href={ "/deliveries/" (deliveryid) } { (deliveryid) } ", received " (moment(*received_at)) }))
                    (field("Author", optional(Some(&change.author))))
                    (field("Committer", optional(change.committer.as_deref())))
                    (field("When", made.map_or_else(none, moment)))
                    (field("Branch", optional(change.branch.as_deref())))
                    (field("Revision", optional(change.revision.as_deref())))
                    (field("Revlink", address(change.revlink.as_deref().unwrap_or_default())))
                    (field("Repository", address(&change.repository)))
                    (field("Project", optional(Some(&change.project))))
                    (field("Codebase", optional(Some(&change.codebase))))
                    (field("Category", optional(change.category.as_deref())))
                    (field("Version control", optional(change.src.as_deref())))
                    (field("Comments", comments(&change.comments)))
                    (field("Files", files(&change.files)))
                    (field("Properties", properties(change)))
                    (field("Parent", parent(*parent_changeid)))
                    (field("hookd’s id", html! { (hookd_id) }))
                }
            }
        }
        (outcomes::section(at_sinks))
    }
}

fn comments(text: &str) -> Markup {
    if text.is_empty() {
        none()
    } else {
        html! { pre { (beginning(text)) } }
    }
}

/// What is shown of a long text; the REST API has all of it.
fn beginning(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let shown = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
    Cow::Owned(format!("{shown}… ({} more bytes: see the REST API)", text.len() - shown.len()))
}

fn parent(id: Option<i64>) -> Markup {
    id.map_or_else(none, |id| html! { a href={ "/changes/" (id) } { (id) } })
}

fn files(files: &[String]) -> Markup {
    let list = |files: &[String]| html! { ul.files { @for file in files.iter().take(MAX_ENTRIES) { li { (beginning(file)) } } } };
    let (first, rest) = files.split_at(files.len().min(MAX_FILES));
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
                    @for (name, value) in change.properties.iter().take(MAX_ENTRIES) {
                        (field(name, html! { @match value.as_str() {
                            Some(text) => (address(&beginning(text))),
                            None => code { (beginning(&value.to_string())) },
                        } }))
                    }
                }
            }
        }
    }
}
