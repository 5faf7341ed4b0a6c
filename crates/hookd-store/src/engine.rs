//! What engines share: the queue of writes before their one writer.

mod job;
mod overload;

pub use job::{Job, Promise};
pub use overload::Overload;
