//! The dialect `poller`: a request that makes pollers poll now.
//!
//! A repository's own hook knocks here, and the poller that looks at the repository finds out what is new; so nothing
//! that is sent is believed, and what was missed while the knock was not heard is found all the same. As
//! [Buildbot's poller hook](https://docs.buildbot.net/4.3.0/manual/configuration/wwwhooks.html), by `GET` or `POST`:
//! `poller=NAME`, as often as wanted, in the query or a form; without it all pollers poll. No header is used.
//!
//! ```
//! use std::sync::Arc;
//!
//! use hookd_core::{Hook, HookRequest, NoPollers, Outcome};
//! use hookd_poller::Knock;
//!
//! let hook = Knock::new(Arc::new(NoPollers), None);
//! let one = HookRequest::post("/change_hook/poller").with_query("poller=https://svn.example.org/repo");
//! let refusal = hook.translate(&one).unwrap_err();
//! assert_eq!(refusal.message(), "Could not find pollers: https://svn.example.org/repo");
//! let all = HookRequest::post("/change_hook/poller");
//! assert_eq!(hook.translate(&all)?, Outcome::Ignored("no poller to poll".to_owned()));
//! # Ok::<_, hookd_core::Refusal>(())
//! ```

#![forbid(unsafe_code)]

mod hook;
mod options;

pub use hook::Knock;
pub use options::Options;

use hookd_core::{Dialect, inventory};

inventory::submit! { Dialect::of::<Options>("poller", "A knock that makes pollers poll now.") }
