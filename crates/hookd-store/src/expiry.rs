//! What need not be kept any longer.

use crate::Timestamp;

/// What need not be kept any longer, by when it was received. `None` keeps it for good.
///
/// The default expires nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Requests received before this.
    pub payloads_before: Option<Timestamp>,
    /// Changes and deliveries received before this, once every cursor has passed them.
    pub changes_before: Option<Timestamp>,
    /// The current time. A delivery dated later than this was received while the clock was wrong, and counts as being
    /// as old as those received after it.
    pub now: Timestamp,
}

/// What one step of expiry deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Requests of deliveries that stay.
    pub requests: u64,
    /// Deliveries, with their requests.
    pub deliveries: u64,
    /// Changes.
    pub changes: u64,
    /// Whether another step may find more. `false` means that nothing is left for now.
    pub has_more: bool,
}

impl Expired {
    /// Whether this step deleted anything.
    pub fn is_empty(&self) -> bool {
        self.requests == 0 && self.deliveries == 0 && self.changes == 0
    }
}

impl std::ops::AddAssign for Expired {
    /// Adds the counts of a later step and takes over its `has_more`.
    fn add_assign(&mut self, later: Self) {
        self.requests += later.requests;
        self.deliveries += later.deliveries;
        self.changes += later.changes;
        self.has_more = later.has_more;
    }
}
