//! What can be added to a dialect that is there, here `github`:
//!
//! - [`blah`]: an event class, which handles one event more (`class = "blah"`);
//! - [`by_owner`]: a codebase function (`codebase = { function = "by_owner" }`);
//! - [`quiet`]: a dialect around it, without bots (`custom_class = "quiet_github"`).

pub mod blah;
pub mod by_owner;
pub mod quiet;
