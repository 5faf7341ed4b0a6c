//! The sinks as the REST API and the pages show them: what became of a change at each, the dead letters, and what an
//! operator can do.
//!
//! Invariants: what people may ask for is bounded, whatever is in the store; and an action names everything that it is
//! about in its URL, so that no body is read.

pub(crate) mod action;
pub(crate) mod dead_letters;
pub(crate) mod outcome;
#[cfg(test)]
mod tests;

use hookd_sinks::{Engine, Order, SinkView};

/// The sink of this name.
pub(crate) fn find(engine: &Engine, name: &str) -> Option<SinkView> {
    engine.sinks().into_iter().find(|view| view.settings.name == name)
}

/// The name of an order, as in the configuration.
pub(crate) fn order_name(order: Order) -> &'static str {
    match order {
        Order::All => "all",
        Order::Branch => "branch",
    }
}
