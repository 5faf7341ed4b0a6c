//! What is known of a webhook before its payload is read.

use crate::{HookRequest, ProofHeader, Recognised};

/// The description of a webhook: names of headers, how it is signed, and where its JSON is.
///
/// ```
/// use hookd_core::{ProofHeader, Webhook};
///
/// const GITEA: Webhook = Webhook::new()
///     .event("X-Gitea-Event")
///     .delivery("X-Gitea-Delivery")
///     .proofs(&[
///         ProofHeader::hmac_sha256("X-Gitea-Signature"),
///         ProofHeader::hmac_sha256("X-Hub-Signature-256").with_prefix("sha256="),
///     ])
///     .form_argument("payload");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Webhook {
    pub(super) event: Option<&'static str>,
    pub(super) delivery: Option<&'static str>,
    pub(super) proofs: &'static [ProofHeader],
    pub(super) form_argument: Option<&'static str>,
    pub(super) headers: &'static [&'static str],
    pub(super) skips: &'static [&'static str],
}

impl Webhook {
    /// A webhook whose body is JSON, without anything else.
    pub const fn new() -> Self {
        Self { event: None, delivery: None, proofs: &[], form_argument: None, headers: &[], skips: &[] }
    }

    /// With the header that names the kind of event. A request without it is refused.
    #[must_use]
    pub const fn event(self, header: &'static str) -> Self {
        Self { event: Some(header), ..self }
    }

    /// With the header that has the forge's id of the delivery, which must be the same when it is sent again.
    #[must_use]
    pub const fn delivery(self, header: &'static str) -> Self {
        Self { delivery: Some(header), ..self }
    }

    /// With these headers that may carry a proof: gives the dialect the option `secret`. See
    /// [`Keys::require_proof`](crate::Keys::require_proof) for which of them decides.
    #[must_use]
    pub const fn proofs(self, headers: &'static [ProofHeader]) -> Self {
        Self { proofs: headers, ..self }
    }

    /// With the argument that holds the JSON where the forge sends a form instead of JSON. It is read from the body alone,
    /// since a signature does not cover the query.
    #[must_use]
    pub const fn form_argument(self, name: &'static str) -> Self {
        Self { form_argument: Some(name), ..self }
    }

    /// With more headers that [`translate`](super::JsonWebhook::translate) reads, for which the rules of
    /// [`Hook::headers`](crate::Hook::headers) hold.
    #[must_use]
    pub const fn reads(self, headers: &'static [&'static str]) -> Self {
        Self { headers, ..self }
    }

    /// With these patterns as the default of the option `skips`; without them, nothing is skipped.
    #[must_use]
    pub const fn skips(self, patterns: &'static [&'static str]) -> Self {
        Self { skips: patterns, ..self }
    }

    pub(super) fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        Recognised::from_headers(request, self.event.unwrap_or_default(), self.delivery.as_slice())
    }

    /// The headers that are kept, each once.
    pub(super) fn headers(&self) -> Vec<&'static str> {
        // What a form says depends on the content type.
        let mut kept = vec!["Content-Type"];
        for name in self.event.iter().chain(&self.delivery).chain(self.headers).copied() {
            if !kept.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                kept.push(name);
            }
        }
        kept
    }

    /// What is wrong with it, as sentences without their subject.
    pub(super) fn flaws(&self) -> Vec<String> {
        let is_proof = |name: &&str| self.proofs.iter().any(|proof| proof.name().eq_ignore_ascii_case(name));
        let flaw = |name| format!("would keep the header `{name}`, which carries its proof");
        self.headers().into_iter().filter(is_proof).map(flaw).collect()
    }
}

impl Default for Webhook {
    fn default() -> Self {
        Self::new()
    }
}
