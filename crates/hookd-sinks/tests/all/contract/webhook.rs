//! `webhook`: a receiver.

use hookd_sinks::Sink;
use hookd_sinks::contract::{Behaviour, Peer};
use serde_json::json;

use super::{Shared, Turn};
use crate::peer::{self, Reply, answer};
use crate::sinks::try_build_in;

struct Receiver {
    server: peer::Peer,
    state: Shared,
}

impl Receiver {
    fn start() -> Self {
        let state = Shared::new();
        let shared = state.clone();
        let server = peer::Peer::start(move |request| match shared.turn(request.header("webhook-id").unwrap()) {
            Turn::Taken => answer("204 No Content", ""),
            Turn::TakenSilently => Reply::Close,
            Turn::NotNow => answer("503 Service Unavailable", "not now"),
            Turn::Refused => answer("422 Unprocessable Content", "not that"),
            Turn::Unauthorized => answer("401 Unauthorized", "who are you?"),
        });
        Self { server, state }
    }
}

impl Peer for Receiver {
    fn sink(&self) -> Box<dyn Sink> {
        let options = json!({"url": self.server.url("/events"), "proxy": false});
        try_build_in("/".as_ref(), "webhook", options).unwrap()
    }

    fn behave(&self, behaviour: &Behaviour) -> bool {
        self.state.behave(behaviour)
    }

    fn arrived(&self) -> Vec<String> {
        self.state.arrived()
    }
}

hookd_sinks::contract_tests!(Receiver::start());
