//! Pokes: requests that a poller poll now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

/// Whether a poller has been asked to poll now. However often it is asked before a poll begins, one follows.
#[derive(Debug, Default)]
pub struct Poke {
    is_due: AtomicBool,
    wake: Notify,
    /// That of the same poller in a later configuration.
    next: OnceLock<Arc<Poke>>,
}

impl Poke {
    /// Asks for a poll that begins after this call. Returns at once.
    pub fn poke(&self) {
        self.is_due.store(true, Ordering::SeqCst);
        self.wake.notify_one();
        // After the flag was set, so that whichever comes first, this or `hand_over`, sees the other.
        if let Some(next) = self.next.get() {
            next.poke();
        }
    }

    /// Has this and all later pokes reach another: requests that began under the old configuration may come late.
    pub(crate) fn hand_over(&self, next: &Arc<Self>) {
        if self.next.set(Arc::clone(next)).is_ok() && self.is_due.load(Ordering::SeqCst) {
            next.poke();
        }
    }

    /// Whether a poll is due; from now on it is not.
    pub(crate) fn take(&self) -> bool {
        self.is_due.swap(false, Ordering::SeqCst)
    }

    /// Waits until a poll is due.
    pub(crate) async fn due(&self) {
        while !self.is_due.load(Ordering::SeqCst) {
            self.wake.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_pokes_are_one_poll() {
        let poke = Poke::default();
        poke.poke();
        poke.poke();
        poke.due().await;
        assert!(poke.take());
        assert!(!poke.take());
    }

    #[test]
    fn a_poke_of_an_old_configuration_reaches_the_new_one() {
        let (old, new) = (Poke::default(), Arc::new(Poke::default()));
        old.poke();
        old.hand_over(&new);
        assert!(new.take());
        old.poke();
        assert!(new.take());
    }
}
