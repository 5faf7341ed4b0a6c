//! Pollers, as far as a dialect knows them: by name, and that they can be triggered.

/// The pollers of a configuration.
pub trait Pollers: Send + Sync {
    /// Their names, sorted.
    fn names(&self) -> Vec<String>;

    /// Makes the poller of this name poll soon. Returns at once; called twice before it polls, it polls once.
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
