//! The first page: deliveries, unverified requests and dialects.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use hookd_config::{Dialects, ServedDialect};
use hookd_core::Subject;
use hookd_store::{DeliveryRecord, State, Waiting};
use maud::{Markup, html};

use super::filters::{fields, summary};
use super::find::{self, Asked, Listed};
use super::layout::{Frame, changes, none, optional, state};
use super::root::Root;
use super::text::{apart, listed};
use super::time::moment;
use super::{bad_request, found, unavailable, unverified};
use crate::state::{AppState, blocking};

/// How many unverified requests are on this page.
const MAX_UNVERIFIED_ROWS: usize = 10;

/// How many characters of a revision are in a list.
const SHORT_REVISION_CHARS: usize = 10;

pub(super) async fn show(admin: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let asked = match Asked::parse(request.query_string()) {
        Ok(asked) => asked,
        Err(message) => return bad_request(Root::TOP, &message),
    };
    let (store, searched) = (Arc::clone(admin.store()), asked.clone());
    let listed = match blocking(move || find::list(&*store, &searched)).await {
        Ok(listed) => listed,
        Err(error) => return unavailable(Root::TOP, &error),
    };
    let config = admin.config();
    // A search and older deliveries are shown alone.
    let is_first = asked.is_all() && asked.before.is_none();
    let content = html! {
        (deliveries(&listed, &asked, config.dialects.values().map(|dialect| dialect.name.as_str())))
        @if is_first {
            (unverified::section(admin.unverified(), MAX_UNVERIFIED_ROWS))
            (dialects(&config.dialects))
        }
    };
    let title = if asked.is_all() { "Deliveries" } else { "Search" };
    let frame = Frame { root: Root::TOP, title, search: asked.text.as_deref().unwrap_or_default() };
    found(&admin, &frame, content).await
}

fn deliveries<'d>(listed: &Listed, asked: &Asked, dialects: impl Iterator<Item = &'d str>) -> Markup {
    html! {
        section {
            h1 { "Deliveries" (summary(asked)) }
            (fields(asked, dialects))
            @if listed.rows.is_empty() {
                (empty(asked))
            } @else {
                div.wide {
                    table.deliveries {
                        thead {
                            tr {
                                th.narrow scope="col" { "Id" } th.narrow scope="col" { "Received" }
                                th.narrow scope="col" { "State" } th.narrow scope="col" { "Event" }
                                th.broad scope="col" { "Repository, branch, head" }
                                th.broad scope="col" { "Changes, or why there are none" } th scope="col" { "Forge’s id" }
                            }
                        }
                        tbody { @for delivery in &listed.rows { (row(delivery, listed)) } }
                    }
                }
            }
            (paging(listed, asked))
        }
    }
}

fn row(delivery: &DeliveryRecord, on_page: &Listed) -> Markup {
    let head = delivery.changeids.last().and_then(|id| on_page.heads.get(id));
    let waiting = on_page.waiting.get(&delivery.deliveryid);
    let about = head.map(Subject::of).or_else(|| waiting.map(|waiting| waiting.about.clone()));
    let author = head.map(|head| head.author.as_str()).filter(|author| !author.is_empty());
    html! {
        tr {
            td.number data-label="Id" { a href=(Root::TOP.delivery(delivery.deliveryid)) { (delivery.deliveryid) } }
            td data-label="Received" { (moment(delivery.received_at)) }
            td data-label="State" { (state(delivery.state.name())) }
            td data-label="Event" {
                @match delivery.polled_by() {
                    Some(poller) => { "polled by " a href=(Root::TOP.to("pollers")) { (listed(poller)) } }
                    None => (optional(delivery.event.as_deref())),
                }
                div.note { (listed(&delivery.dialect)) }
            }
            td data-label="About" {
                @match &about {
                    Some(about) => (subject(about)),
                    None => (none()),
                }
                @if let Some(author) = author { div.note { (apart(author)) } }
            }
            td data-label="Result" { (outcome(Root::TOP, delivery, waiting)) }
            td.id data-label="Forge’s id" { @match &delivery.forge_id { Some(id) => (listed(id)), None => (none()) } }
        }
    }
}

/// A repository, which narrows the list to its deliveries; the branch and the short revision.
fn subject(about: &Subject) -> Markup {
    let Subject { repository, branch, revision } = about;
    let narrowed = Asked { repository: Some(repository.clone()), ..Asked::default() };
    let branch = branch.as_deref().filter(|branch| !branch.is_empty());
    let short: Option<String> = revision.as_ref().map(|revision| revision.chars().take(SHORT_REVISION_CHARS).collect());
    let short = short.filter(|short| !short.is_empty());
    html! {
        @if !repository.is_empty() { a href=(narrowed.link(Root::TOP)) { (apart(without_scheme(repository))) } }
        @if branch.is_some() || short.is_some() {
            div {
                @if let Some(branch) = branch { (apart(branch)) }
                @if branch.is_some() && short.is_some() { " " }
                @if let Some(short) = &short { code { (apart(short)) } }
            }
        }
        @if repository.is_empty() && branch.is_none() && short.is_none() { (none()) }
    }
}

/// The address of a repository as people write it.
fn without_scheme(repository: &str) -> &str {
    ["https://", "http://"].iter().find_map(|scheme| repository.strip_prefix(scheme)).unwrap_or(repository)
}

/// The result of a delivery, in a few words; of one that is pending, what it waits for.
pub(super) fn outcome(root: Root, delivery: &DeliveryRecord, waiting: Option<&Waiting>) -> Markup {
    let reason = delivery.reason.as_deref().filter(|reason| !reason.is_empty());
    html! {
        (changes(root, &delivery.changeids))
        @match reason {
            Some(reason) => {
                @if !delivery.changeids.is_empty() { "; " }
                (listed(reason))
            }
            None if delivery.state == State::Pending => {
                "waits for the forge’s API"
                @if let Some(waiting) = waiting { (attempts(waiting)) }
            }
            None if delivery.changeids.is_empty() => (none()),
            None => {}
        }
    }
}

/// The last error of a pending delivery, and when the next attempt is.
fn attempts(waiting: &Waiting) -> Markup {
    let due = &waiting.due;
    html! {
        @if due.attempts > 0 {
            "; " @if due.attempts == 1 { "1 failed attempt" } @else { (due.attempts) " failed attempts" }
            ", next " (moment(due.next_at))
            @if let Some(error) = &due.error { div.error { (listed(error)) } }
        }
    }
}

fn empty(asked: &Asked) -> Markup {
    html! {
        @if !asked.is_all() {
            p {
                "Nothing found. Requests that were not verified are not deliveries: see the "
                a href=(Root::TOP.to("unverified")) { "unverified requests" } "."
            }
        } @else if asked.before.is_some() {
            p { "There are no older ones." }
        } @else {
            p { "No webhook has been received yet. Point a webhook of your forge at the path of a dialect below." }
        }
    }
}

fn paging(listed: &Listed, asked: &Asked) -> Markup {
    let link = |before: Option<i64>| Asked { before, ..asked.clone() }.link(Root::TOP);
    html! {
        nav.paging aria-label="Older and newer deliveries" {
            @if asked.before.is_some() { a href=(link(None)) { "Newest" } }
            @if let Some(older) = listed.older { a href=(link(Some(older))) rel="next" { "Older" } }
        }
    }
}

fn dialects(dialects: &Dialects) -> Markup {
    html! {
        section id="dialects" {
            h2 { "Dialects" }
            @if dialects.is_empty() {
                p { "No dialect is enabled: every webhook is refused." }
            } @else {
                div.wide {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Name" } th scope="col" { "Path" } th scope="col" { "Class" }
                                th scope="col" { "Who may send" }
                            }
                        }
                        tbody {
                            @for dialect in dialects.values() {
                                tr {
                                    td data-label="Name" { (dialect.name) }
                                    td data-label="Path" { code { "/change_hook/" (dialect.name) } }
                                    td data-label="Class" { (dialect.class) }
                                    td data-label="Who may send" { (who_may_send(dialect)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn who_may_send(dialect: &ServedDialect) -> String {
    let asks_for_password = dialect.auth.as_ref().is_some_and(|auth| !auth.is_open());
    let mut needs = Vec::new();
    if dialect.hook.requires_proof() {
        needs.push("with the secret");
    }
    if asks_for_password {
        needs.push("with a password");
    }
    if dialect.allow_from.is_some() {
        needs.push("from certain addresses");
    }
    if needs.is_empty() { "anyone who can reach it".to_owned() } else { format!("only {}", needs.join(", ")) }
}
