//! The text index: which deliveries and changes have a text, so that a search decompresses little of the log.
//!
//! Repositories, branches, authors and reasons come again and again. So the index cuts the log into *segments* of some ten
//! thousand deliveries, and each of them has its different texts once, and for each delivery and change the numbers of its
//! texts. A search looks through the texts of a segment, and only where it finds one at the numbers. That is some twenty
//! bytes for a delivery, and any part of a text is found. Revisions and ids of forges come once; by their beginnings they
//! are found through the keys of [`crate::index`].
//!
//! The segment that is being filled is in memory ([`OpenSegment`]), and becomes a row when it is full or hookd stops. After
//! a crash it is read from the log again.
//!
//! Invariants: every committed block is in a stored segment or in the open one. What the index leads to is a candidate, and
//! is looked at itself: long texts are cut, and what expired stays for a while.

mod batch;
mod bitmap;
mod condition;
mod line;
mod open;
mod segment;
pub(crate) mod stored;

pub(crate) use batch::BatchTexts;
pub(crate) use bitmap::Bitmap;
pub(crate) use condition::{Condition, Test, collect};
pub(crate) use open::OpenSegment;
pub(crate) use segment::Bounds;
