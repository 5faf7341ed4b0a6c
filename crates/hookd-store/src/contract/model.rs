//! Random histories of a store, against a plain vector: appends, duplicates, completions, expiry, cursors, reading onward,
//! reopening, and kills.
//!
//! The seed is printed; `HOOKD_MODEL_SEED` repeats the history of one.

mod comparison;
mod expected;
mod history;

use crate::Store;
use history::History;

/// How many operations each has.
const OPERATIONS: usize = 250;

/// The engine under test, with a store that is open.
pub trait Engine {
    /// The store.
    fn store(&self) -> &dyn Store;

    /// Closes it, checks what lies on disk as well as the engine can, and opens it again.
    fn reopen(&mut self);

    /// Opens it again as it is after its process was killed just now, whatever is being written.
    fn kill(&mut self);
}

/// Runs this many histories and one of a random seed, each with a new engine.
pub fn a_random_history_leaves_what_a_plain_vector_has<E: Engine>(histories: u64, new: impl Fn() -> E) {
    if let Ok(seed) = std::env::var("HOOKD_MODEL_SEED") {
        return run(seed.parse().unwrap(), new());
    }
    (0..histories).for_each(|seed| run(seed, new()));
    run(fastrand::u64(..), new());
}

fn run(seed: u64, engine: impl Engine) {
    println!("seed {seed}; HOOKD_MODEL_SEED={seed} repeats it");
    let mut history = History::new(seed, engine);
    for operation in 1..=OPERATIONS {
        history.step();
        if operation % 25 == 0 {
            history.compare();
        }
    }
    history.reopen();
}
