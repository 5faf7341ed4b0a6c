//! The page of a change.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_core::Change;
use hookd_store::{ChangeRecord, Timestamp};
use maud::{Markup, html};

use super::layout::{Frame, address, field, none, optional};
use super::root::Root;
use super::text::{lines, text};
use super::time::exact_moment;
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
    let Ok(id) = id.parse() else { return not_found(Root::RECORD, "change") };
    let (store, sinks) = (Arc::clone(admin.store()), admin.sinks().sinks());
    let read = move || {
        let Some(record) = store.reader().change(id)? else { return Ok(None) };
        Ok(Some((record, outcome::of_change(&*store, &sinks, id)?)))
    };
    match blocking(read).await {
        Ok(Some((record, at_sinks))) => {
            let frame = Frame { root: Root::RECORD, title: &format!("Change {id}"), search: "" };
            found(&admin, &frame, content(&record, &at_sinks)).await
        }
        Ok(None) => not_found(Root::RECORD, "change"),
        Err(error) => unavailable(Root::RECORD, &error),
    }
}

fn content(record: &ChangeRecord, at_sinks: &[AtSink]) -> Markup {
    let ChangeRecord { changeid, deliveryid, received_at, parent_changeid, hookd_id, change } = record;
    // Without `..`: whatever a change has is shown.
    let Change {
        author,
        branch,
        category,
        codebase,
        comments,
        committer,
        files,
        project,
        properties: _,
        repository,
        revision,
        revlink,
        src,
        when_timestamp,
    } = change;
    let made = when_timestamp.map(|seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000)));
    html! {
        h1 { "Change " (changeid) }
        div.wide {
            table.fields {
                tbody {
                    (field("Delivery", html! { a href=(Root::RECORD.delivery(*deliveryid)) { (deliveryid) } ", received " (exact_moment(*received_at)) }))
                    (field("Author", optional(Some(author))))
                    (field("Committer", optional(committer.as_deref())))
                    (field("When", made.map_or_else(none, exact_moment)))
                    (field("Branch", optional(branch.as_deref())))
                    (field("Revision", optional(revision.as_deref())))
                    (field("Revlink", address(revlink.as_deref().unwrap_or_default())))
                    (field("Repository", address(repository)))
                    (field("Project", optional(Some(project))))
                    (field("Codebase", optional(Some(codebase))))
                    (field("Category", optional(category.as_deref())))
                    (field("Version control", optional(src.as_deref())))
                    (field("Comments", message(comments)))
                    (field("Files", paths(files)))
                    (field("Properties", properties(change)))
                    (field("Parent", parent(*parent_changeid)))
                    (field("hookd’s id", html! { (hookd_id) }))
                }
            }
        }
        (outcomes::section(Root::RECORD, at_sinks))
    }
}

fn message(comments: &str) -> Markup {
    if comments.is_empty() {
        none()
    } else {
        html! { pre { (lines(&beginning(comments))) } }
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
    id.map_or_else(none, |id| html! { a href=(Root::RECORD.change(id)) { (id) } })
}

fn paths(files: &[String]) -> Markup {
    let list = |files: &[String]| html! { ul.files { @for file in files.iter().take(MAX_ENTRIES) { li { (text(&beginning(file))) } } } };
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
                            Some(value) => (address(&beginning(value))),
                            None => code { (text(&beginning(&value.to_string()))) },
                        } }))
                    }
                }
            }
        }
    }
}
