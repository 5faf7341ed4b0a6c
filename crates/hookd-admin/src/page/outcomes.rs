//! What became of a change at each sink, as the pages of changes and deliveries show it.

use maud::{Markup, html};

use super::layout::{moment, none, sink};
use crate::sinks::outcome::AtSink;

/// A section with a line for each sink.
pub(super) fn section(at_sinks: &[AtSink]) -> Markup {
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
                                    td { (name(at_sink)) }
                                    td { (at_sink.outcome.sentence()) }
                                    td.when { (when(at_sink)) }
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
pub(super) fn lines(at_sinks: &[AtSink]) -> Markup {
    html! {
        @for at_sink in at_sinks { div { (name(at_sink)) ": " (at_sink.outcome.sentence()) } }
        @if at_sinks.is_empty() { (none()) }
    }
}

fn name(at_sink: &AtSink) -> Markup {
    html! {
        @if at_sink.is_configured { (sink(&at_sink.sink)) } @else { (at_sink.sink) " (no longer configured)" }
    }
}

fn when(at_sink: &AtSink) -> Markup {
    html! {
        @match (at_sink.outcome.settled_at(), at_sink.outcome.next_at()) {
            (Some(at), _) => (moment(at)),
            (None, Some(at)) => { "next attempt at " (moment(at)) },
            (None, None) => (none()),
        }
    }
}
