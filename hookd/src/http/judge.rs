//! What a dialect makes of a request: recognise, verify, translate. What takes long does so elsewhere than on the threads
//! that serve connections, so that small requests are not held up by large ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix_web::web;
use hookd_config::ServedDialect;
use hookd_core::{Hook, HookRequest, Outcome, Proof, Refusal};
use tokio::sync::Semaphore;

/// The size of a body, in bytes, from which on it is looked at on a thread of its own. Below it that takes some
/// milliseconds at most.
const LARGE: usize = 256 << 10;

/// How many large bodies are looked at at a time.
const AT_A_TIME: u32 = 2;

/// The size of a body, in bytes, from which on it is looked at alone: JSON takes up to thirty times its size meanwhile.
const HUGE: usize = 4 << 20;

/// What a dialect made of a request.
pub(super) struct Judged {
    /// The kind of event.
    pub(super) event: Option<String>,
    /// The forge's id of the delivery.
    pub(super) forge_id: Option<String>,
    /// Whether the sender proved itself.
    pub(super) proof: Result<Proof, Refusal>,
    /// What came of it; without a proof the same refusal.
    pub(super) outcome: Result<Outcome, Refusal>,
}

/// Where large bodies are looked at.
#[derive(Clone, Debug)]
pub(super) struct Judges(Arc<Semaphore>);

impl Default for Judges {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME as usize)))
    }
}

impl Judges {
    /// Has a request looked at by its dialect. `None` where hookd is about to end.
    pub(super) async fn judge(
        &self,
        dialect: &Arc<ServedDialect>,
        request: HookRequest,
    ) -> Option<(HookRequest, Judged)> {
        if request.body().len() < LARGE {
            let judged = judge(&*dialect.hook, &request);
            return Some((request, judged));
        }
        let places = if request.body().len() < HUGE { 1 } else { AT_A_TIME };
        let permit = Arc::clone(&self.0).acquire_many_owned(places).await.ok()?;
        let dialect = Arc::clone(dialect);
        let judging = web::block(move || {
            let judged = judge(&*dialect.hook, &request);
            drop(permit);
            (request, judged)
        });
        judging.await.ok()
    }
}

/// A dialect that panics is taken for one that refuses: it must not take hookd with it.
fn judge(hook: &dyn Hook, request: &HookRequest) -> Judged {
    let failed = || Refusal::new("the dialect failed on this request; its log says more");
    let proved = catch_unwind(AssertUnwindSafe(|| {
        let recognised = hook.recognise(request);
        let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(|text| text.into_owned());
        (owned(recognised.event), owned(recognised.forge_id), hook.verify(request))
    }));
    let (event, forge_id, proof) = proved.unwrap_or_else(|_| (None, None, Err(failed())));
    let outcome = match &proof {
        Ok(_) => catch_unwind(AssertUnwindSafe(|| hook.translate(request))).unwrap_or_else(|_| Err(failed())),
        Err(refusal) => Err(refusal.clone()),
    };
    Judged { event, forge_id, proof, outcome }
}
