//! The dialect `poller`: a request that triggers pollers immediately.
//!
//! A repository's own hook sends the request, and the poller of that repository finds out what is new. So nothing in the
//! request has to be trusted, and a request that got lost loses no change. As
//! [Buildbot's poller hook](https://docs.buildbot.net/4.3.0/manual/configuration/wwwhooks.html), by `GET` or `POST`:
//! `poller=NAME`, as often as wanted, in the query or a form; without it every poller is triggered. No header is used.
//!
//! ```
//! use std::sync::Arc;
//!
//! use hookd_core::{Hook, HookRequest, NoPollers, Outcome};
//! use hookd_poller::PollerHook;
//!
//! let hook = PollerHook::new(Arc::new(NoPollers), None);
//! let one = HookRequest::post("/change_hook/poller").with_query("poller=https://svn.example.org/repo");
//! let refusal = hook.translate(&one).unwrap_err();
//! assert_eq!(refusal.message(), "Could not find pollers: https://svn.example.org/repo");
//! let all = HookRequest::post("/change_hook/poller");
//! assert_eq!(hook.translate(&all)?, Outcome::ignored("there is no poller to trigger"));
//! # Ok::<_, hookd_core::Refusal>(())
//! ```

#![forbid(unsafe_code)]

mod hook;
mod options;

pub use hook::PollerHook;
pub use options::Options;

use hookd_core::{Dialect, inventory};

inventory::submit! { Dialect::new::<Options>("poller", "Triggers pollers immediately.").with_compat() }
