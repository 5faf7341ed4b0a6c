//! The sink `nats` against a real server.

#![allow(clippy::unwrap_used)]

mod nats {
    mod contract;
    mod credentials;
    mod delivery;
    mod kit;
    mod once;
    mod protection;
}
