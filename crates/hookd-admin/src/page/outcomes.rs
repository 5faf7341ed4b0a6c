//! What became of a change at each sink, as the pages of changes and deliveries show it.

use maud::{Markup, html};

use super::layout::{none, sink};
use super::root::Root;
use super::text::text;
use super::time::moment;
use crate::sinks::outcome::AtSink;

/// A section with a line for each sink.
pub(super) fn section(root: Root, at_sinks: &[AtSink]) -> Markup {
    html! {
        section id="sinks" {
            h2 { "Sinks" }
            @if at_sinks.is_empty() {
                p { "No sink is configured: the change goes nowhere." }
            } @else {
                div.wide {
                    table {
                        thead {
                            tr { th scope="col" { "Sink" } th scope="col" { "What became of the change" } th scope="col" { "When" } }
                        }
                        tbody {
                            @for at_sink in at_sinks {
                                tr {
                                    td data-label="Sink" { (name(root, at_sink)) }
                                    td data-label="Result" { (text(&at_sink.outcome.sentence())) }
                                    td data-label="When" { (when(at_sink)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A line for each sink, in a cell of a table.
pub(super) fn lines(root: Root, at_sinks: &[AtSink]) -> Markup {
    html! {
        @for at_sink in at_sinks { div { (name(root, at_sink)) ": " (text(&at_sink.outcome.sentence())) } }
        @if at_sinks.is_empty() { (none()) }
    }
}

fn name(root: Root, at_sink: &AtSink) -> Markup {
    html! {
        @if at_sink.is_configured { (sink(root, &at_sink.sink)) } @else { (text(&at_sink.sink)) " (no longer configured)" }
    }
}

fn when(at_sink: &AtSink) -> Markup {
    html! {
        @match (at_sink.outcome.settled_at(), at_sink.outcome.next_at()) {
            (Some(at), _) => (moment(at)),
            (None, Some(at)) => { "next attempt " (moment(at)) },
            (None, None) => (none()),
        }
    }
}
