//! The dialect `gitlab`: changes from the webhooks and system hooks of GitLab.
//!
//! [Pushes to branches][push] and [tags][tag], [merge requests][merge_request] and [comments][note] on them become
//! changes; other events are accepted and make none. The [options](Options) and the changes are those of Buildbot's
//! `gitlab` hook; what it drops is put right unless `compat = "buildbot"` is set.
//!
//! Headers: `X-Gitlab-Event` names the event where the payload does not, and [`Idempotency-Key`][headers] (or
//! `webhook-id`) the delivery. `X-Gitlab-Token` verifies the sender, and so do `webhook-id`, `webhook-timestamp` and
//! `webhook-signature` of [Standard Webhooks][signature]. The payload is JSON, whatever the content type.
//!
//! ```
//! use hookd_core::{BuildContext, Compat, HookOptions, HookRequest, Outcome, Secret, SecretSource};
//! use hookd_gitlab::Options;
//!
//! # struct NoSecrets;
//! # impl SecretSource for NoSecrets {
//! #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
//! # }
//! let context = BuildContext::new("gitlab", Compat::Off, &NoSecrets);
//! let hook = Options::default().build(&context).unwrap();
//!
//! // A branch made from another: there are no commits in it.
//! let request = HookRequest::post("/change_hook/gitlab").with_body(r#"{
//!     "object_kind": "push",
//!     "ref": "refs/heads/milk",
//!     "before": "0000000000000000000000000000000000000000",
//!     "after": "a10867b14bb761a232cd80139fbd4c0d33264240",
//!     "checkout_sha": "a10867b14bb761a232cd80139fbd4c0d33264240",
//!     "user_name": "Ada",
//!     "user_email": "[REDACTED]",
//!     "project": {"name": "Tea", "web_url": "https://gitlab.example.org/kitchen/tea"},
//!     "repository": {"name": "Tea", "url": "git@gitlab.example.org:kitchen/tea.git"},
//!     "commits": []
//! }"#);
//! let Ok(Outcome::Changes(changes)) = hook.translate(&request) else { panic!() };
//! assert_eq!(changes[0].author, "Ada");
//! assert_eq!(changes[0].branch.as_deref(), Some("milk"));
//! assert_eq!(changes[0].category.as_deref(), Some("push"));
//! ```
//!
//! Invariants: nothing that is sent makes the hook panic, and only [`verify`](hookd_core::Hook::verify) looks at
//! the clock.
//!
//! [push]: https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
//! [tag]: https://docs.gitlab.com/user/project/integrations/webhook_events/#tag-events
//! [merge_request]: https://docs.gitlab.com/user/project/integrations/webhook_events/#merge-request-events
//! [note]: https://docs.gitlab.com/user/project/integrations/webhook_events/#comment-events
//! [headers]: https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers
//! [signature]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

#![forbid(unsafe_code)]

mod buildbot;
mod change;
mod credentials;
mod hook;
mod merge_request;
mod options;
mod push;
mod setup;

pub use options::Options;

inventory::submit! {
    hookd_core::Dialect::new::<Options>("gitlab", "GitLab: pushes, tags, merge requests and comments on them.")
        .with_setup(setup::SETUP)
        .with_compat()
}
