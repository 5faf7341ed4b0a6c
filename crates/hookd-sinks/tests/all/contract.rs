//! The contract of a sink, which every type passes.

mod buildbot;
mod exec;
mod file;
mod webhook;

use std::sync::{Arc, Mutex, MutexGuard};

use hookd_sinks::contract::Behaviour;

/// How a web server behaves, and what it has taken.
struct State {
    behaviour: Behaviour,
    arrived: Vec<String>,
}

/// The state of a web server, shared with its threads.
#[derive(Clone)]
struct Shared(Arc<Mutex<State>>);

/// What a web server does with a change.
enum Turn {
    Taken,
    TakenSilently,
    NotNow,
    Refused,
    Unauthorized,
}

impl Shared {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State { behaviour: Behaviour::Take, arrived: Vec::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn behave(&self, behaviour: &Behaviour) -> bool {
        self.lock().behaviour = behaviour.clone();
        true
    }

    fn arrived(&self) -> Vec<String> {
        self.lock().arrived.clone()
    }

    /// What is done with the change of this id; it has arrived then, if it is taken.
    fn turn(&self, hookd_id: &str) -> Turn {
        let mut state = self.lock();
        let turn = match &state.behaviour {
            Behaviour::Refuse(refused) if refused == hookd_id => Turn::Refused,
            Behaviour::Take | Behaviour::Refuse(_) => Turn::Taken,
            Behaviour::TakeSilently => Turn::TakenSilently,
            Behaviour::TakeNone => Turn::NotNow,
            Behaviour::Misconfigured => Turn::Unauthorized,
        };
        if matches!(turn, Turn::Taken | Turn::TakenSilently) {
            state.arrived.push(hookd_id.to_owned());
        }
        turn
    }
}
