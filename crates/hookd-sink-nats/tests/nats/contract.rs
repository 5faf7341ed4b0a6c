//! The contract of a sink, with a stream as the other side.

use hookd_sinks::Sink;
use hookd_sinks::contract::{Behaviour, Peer};
use hookd_tests::{Nats, Wire};
use serde_json::json;

use super::kit::{STREAM, acknowledges, ids, server, sink};

struct Stream {
    server: Nats,
    wire: Wire,
}

impl Stream {
    /// JetStream recognizes duplicates for the shortest time that it allows, so that it helps with nothing.
    fn new() -> Self {
        let server = server(json!({ "duplicate_window": 100_000_000 }));
        let wire = Wire::to(server.address());
        Self { server, wire }
    }

    fn take(&self, subjects: &str) {
        self.server.update_stream(STREAM, &[subjects], json!({ "duplicate_window": 100_000_000 }));
    }
}

impl Peer for Stream {
    fn sink(&self) -> Box<dyn Sink> {
        sink(self.wire.address())
    }

    fn behave(&self, behaviour: &Behaviour) -> bool {
        match behaviour {
            Behaviour::Take => {
                self.wire.mend();
                self.take("hookd.>");
            }
            Behaviour::TakeNone => self.wire.cut(),
            Behaviour::Misconfigured => self.take("other.>"),
            Behaviour::TakeSilently => self.wire.lose(acknowledges),
            // A stream refuses by size, which all changes of a law have in common.
            Behaviour::Refuse(_) => return false,
        }
        true
    }

    fn arrived(&self) -> Vec<String> {
        ids(&self.server)
    }
}

hookd_sinks::contract_tests!(Stream::new(), ignore = "needs NATS from cargo xtask test");
