//! Pollers, as far as a dialect knows them: by name, and that they can be told to poll.

/// The pollers of a configuration.
pub trait Pollers: Send + Sync {
    /// Their names, sorted.
    fn names(&self) -> Vec<String>;

    /// Tells the poller of this name to poll soon. Returns at once; told twice before it polled, it polls once.
    fn poll(&self, name: &str);
}

/// No pollers at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPollers;

impl Pollers for NoPollers {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn poll(&self, _: &str) {}
}
