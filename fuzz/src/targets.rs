//! The targets.

mod arguments;
mod config;
mod dialect;
mod dialect_seeds;
mod head;
mod json;
mod pattern;

use crate::Target;

/// All targets, dialects first.
pub fn all() -> Vec<Box<dyn Target>> {
    let mut targets = dialect::all();
    targets.extend([
        Box::new(arguments::Arguments) as Box<dyn Target>,
        Box::new(pattern::Patterns),
        Box::new(json::Json),
        Box::new(head::Heads),
        Box::new(config::Config::new()),
    ]);
    targets
}

/// Checks that a line is one that may be shown: short, and without control characters.
///
/// # Panics
/// When it is not.
fn assert_line(line: &str) {
    assert!(!line.is_empty(), "an empty message");
    assert!(!line.chars().any(char::is_control), "a message with control characters: {line:?}");
    assert!(line.chars().count() <= 1000, "a message of {} characters", line.chars().count());
}
