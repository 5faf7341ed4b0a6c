//! Running one input, and catching what it breaks.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::{Meter, Scope, Target};

/// A law that an input broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Where it was noticed, `FILE:LINE`.
    pub place: String,
    /// What was noticed.
    pub message: String,
}

impl Breach {
    /// What it has in common with others of the same cause: the place, and the message without its numbers.
    pub fn kind(&self) -> String {
        let words = self.message.chars().take(60).filter(|c| c.is_ascii_alphabetic() || *c == ' ');
        format!("{} {}", self.place, words.collect::<String>())
    }
}

thread_local! {
    /// Whether an input runs on this thread.
    static RUNS: Cell<bool> = const { Cell::new(false) };
    /// What the last panic said.
    static LAST: RefCell<Option<Breach>> = const { RefCell::new(None) };
}

/// Runs one input.
///
/// # Errors
/// The law that it broke.
pub fn run(target: &dyn Target, input: &[u8], scope: Scope, meter: &mut Meter) -> Result<(), Breach> {
    install_hook();
    RUNS.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| target.check(input, scope, meter)));
    RUNS.set(false);
    result.map_err(|_| {
        let unknown = || Breach { place: "unknown".to_owned(), message: "a panic".to_owned() };
        LAST.take().unwrap_or_else(unknown)
    })
}

/// Makes the panics of inputs leave what they say, and print nothing: many inputs find the same bug.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !RUNS.get() {
                usual(info);
                return;
            }
            let place = info.location().map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
            let message = info.payload_as_str().unwrap_or("a panic").to_owned();
            LAST.set(Some(Breach { place, message }));
        }));
    });
}
