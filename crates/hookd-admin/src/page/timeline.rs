//! What happened to a delivery, step by step, and then to its changes at the sinks.

use hookd_store::ChangeRecord;
use maud::{Markup, html};

use super::layout::sink;
use super::root::Root;
use super::text::text;
use super::time::exact_moment;
use crate::sinks::outcome::AtSink;
use crate::timeline::Known;

/// How many of its changes are followed to the sinks here; the others are in the table of changes.
const MAX_CHANGES: usize = 10;

/// The section of the page of a delivery.
pub(super) fn section(known: &Known, changes: &[(ChangeRecord, Vec<AtSink>)]) -> Markup {
    html! {
        section id="timeline" {
            h2 { "What happened" }
            ol.timeline {
                @for step in known.steps() {
                    li {
                        strong { (step.name) } " " (text(&step.text))
                        @if let Some(at) = step.at { ", " (exact_moment(at)) }
                        @if let (Some(of), "received") = (known.delivery.replay_of, step.name) {
                            " · " a href=(Root::RECORD.delivery(of)) { "the original" }
                        }
                        @if step.name == "replayed" {
                            @for replay in &known.replays { " · " a href=(Root::RECORD.delivery(*replay)) { (replay) } }
                        }
                    }
                }
                @for (change, at_sinks) in changes.iter().take(MAX_CHANGES) {
                    @for at_sink in at_sinks {
                        li {
                            strong { a href=(Root::RECORD.change(change.changeid)) { "change " (change.changeid) } }
                            " at " (destination(at_sink)) ": " (text(&at_sink.outcome.sentence()))
                            @if let Some(at) = at_sink.outcome.settled_at() { ", " (exact_moment(at)) }
                            @if let Some(at) = at_sink.outcome.next_at() { ", next attempt " (exact_moment(at)) }
                        }
                    }
                }
                @if changes.iter().all(|(_, at_sinks)| at_sinks.is_empty()) && !changes.is_empty() {
                    li { "no sink is configured: the changes go nowhere" }
                }
            }
            @if changes.len() > MAX_CHANGES { p.note { "The first " (MAX_CHANGES) " changes." } }
        }
    }
}

fn destination(at_sink: &AtSink) -> Markup {
    html! {
        @if at_sink.is_configured { (sink(Root::RECORD, &at_sink.sink)) } @else { (text(&at_sink.sink)) " (no longer configured)" }
    }
}
