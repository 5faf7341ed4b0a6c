//! The dialect `base`: a change, given by its fields.
//!
//! Whoever can send a form can submit a change: repository hooks, scripts, `hookd send`, Buildbot's own
//! `post_build_request.py`. The fields come as arguments (query, urlencoded or multipart body), as
//! [Buildbot's base hook](https://docs.buildbot.net/4.3.0/manual/configuration/wwwhooks.html) takes them, or as one
//! JSON object in the body, or as a JSON list of such objects, a change each. Of headers `Content-Type` is used, and
//! `Idempotency-Key` as the id of the delivery: what is sent again with the same one is stored once.
//!
//! | field | meaning |
//! |---|---|
//! | `author` (or `who`), `committer`, `comments`, `branch`, `category`, `codebase`, `project`, `repository`, `revision`, `revlink` | texts |
//! | `files` | a JSON list of paths |
//! | `properties` | a JSON object |
//! | `when_timestamp` (or `when`) | seconds since 1970 |
//!
//! ```
//! use hookd_base::Base;
//! use hookd_core::{Hook, HookRequest, Outcome};
//!
//! let request = HookRequest::post("/change_hook/base").with_query("author=ann&revision=1f3a&files=[\"a.c\"]");
//! let Outcome::Changes(changes) = Base::default().translate(&request)? else { panic!("one change") };
//! assert_eq!(changes[0].author, "ann");
//! assert_eq!(changes[0].files, ["a.c"]);
//! # Ok::<_, hookd_core::Refusal>(())
//! ```

#![forbid(unsafe_code)]

mod fields;
mod hook;
mod options;

pub use hook::Base;
pub use options::Options;

use hookd_core::{Dialect, inventory};

inventory::submit! { Dialect::new::<Options>("base", "A change given by its fields, as a form or as JSON.").with_compat() }
