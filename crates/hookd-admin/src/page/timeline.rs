//! What happened to a delivery, step by step, and then to its changes at the sinks.

use hookd_store::ChangeRecord;
use maud::{Markup, html};

use super::layout::{moment, sink};
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
                        strong { (step.name) } " " (step.text)
                        @if let Some(at) = step.at { ", " (moment(at)) }
                        @if let (Some(of), "received") = (known.delivery.replay_of, step.name) {
                            " · " a href={ "/deliveries/" (of) } { "the original" }
                        }
                        @if step.name == "replayed" {
                            @for replay in &known.replays { " · " a href={ "/deliveries/" (replay) } { (replay) } }
                        }
                    }
                }
                @for (change, at_sinks) in changes.iter().take(MAX_CHANGES) {
                    @for at_sink in at_sinks {
                        li {
                            strong { a href={ "/changes/" (change.changeid) } { "change " (change.changeid) } }
                            " at " (destination(at_sink)) ": " (at_sink.outcome.sentence())
                            @if let Some(at) = at_sink.outcome.settled_at() { ", " (moment(at)) }
                            @if let Some(at) = at_sink.outcome.next_at() { ", next attempt " (moment(at)) }
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
        @if at_sink.is_configured { (sink(&at_sink.sink)) } @else { (at_sink.sink) " (no longer configured)" }
    }
}
