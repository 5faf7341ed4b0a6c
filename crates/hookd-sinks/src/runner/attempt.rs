//! Attempts: what is sent, and what follows from how that ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{AbortHandle, Abortable};
use hookd_store::{LoggedChange, SettlementKind, Timestamp};

use super::Runner;
use crate::settings::SinkSettings;
use crate::verdict::{Attempt, Known, Verdict};
use crate::window::{Doubt, Ready, Retry};

/// How the attempts at a batch ended.
pub(super) struct Finished {
    pub(super) batch: Vec<Arc<LoggedChange>>,
    /// Of the first changes of the batch; the others were not tried.
    pub(super) attempts: Vec<Attempt>,
    /// The failed attempts of a change that was sent alone.
    failed_before: Option<Retry>,
    /// Whether the sink was asked, and did not have the change.
    was_missing: bool,
    /// Whether the other side works apart from this change, where that was asked.
    is_healthy: bool,
    took: Duration,
    /// Whether it was sent once more at the request of an operator.
    is_redo: bool,
}

/// How the attempt at one change ended.
struct Ended {
    change: Arc<LoggedChange>,
    attempt: Attempt,
    failed_before: Option<Retry>,
    is_healthy: bool,
}

impl Runner {
    /// Starts an attempt at a batch, which is not empty. A batch of one can be abandoned.
    pub(super) fn attempt(&mut self, batch: Vec<Ready>, is_redo: bool) {
        let Some(first) = batch.first() else { return };
        let (doubt, failed_before) = (first.doubt, first.retry.clone());
        let settings = Arc::clone(&self.settings);
        let (handle, registration) = AbortHandle::new_pair();
        if batch.len() == 1 {
            self.handles.insert(first.change.changeid, handle);
        }
        if !is_redo {
            self.sent += batch.len();
        }
        let batch: Vec<_> = batch.into_iter().map(|ready| ready.change).collect();
        let started = Instant::now();
        // Until then the other side may still be at what it was sent before.
        let settled_at = match doubt {
            Doubt::None => None,
            Doubt::LastAttempt => Some(started + settings.ask_again_after),
            Doubt::EarlierRun => Some(self.started_at + settings.ask_again_after),
        };
        let attempt = async move {
            let failed = failed_before.as_ref().map_or(0, |retry| retry.attempts);
            let (attempts, was_missing) = deliver(&settings, &batch, settled_at).await;
            let blames_change =
                |attempt: &Attempt| matches!(attempt.verdict, Verdict::Later { blames_change: true, .. });
            let is_blamed = attempts.first().is_some_and(blames_change);
            let is_healthy = is_blamed && failed + 1 >= settings.head_attempts && settings.sink.is_healthy().await;
            Finished { batch, attempts, failed_before, was_missing, is_healthy, took: started.elapsed(), is_redo }
        };
        let attempt = Abortable::new(attempt, registration);
        self.under_way.push(Box::pin(async move { attempt.await.ok() }));
    }

    pub(super) fn finish(&mut self, finished: Option<Finished>) {
        // `None`: the attempt was abandoned.
        let Some(finished) = finished else { return };
        let Finished { batch, attempts, mut failed_before, was_missing, is_healthy, took, is_redo } = finished;
        if !is_redo {
            self.sent -= batch.len();
        }
        if let [change] = batch.as_slice() {
            self.handles.remove(&change.changeid);
            if was_missing {
                self.window.clear_suspicion(change.changeid);
            }
        }
        let took = took / u32::try_from(attempts.len()).unwrap_or(u32::MAX).max(1);
        let (mut attempts, mut has_failed) = (attempts.into_iter(), false);
        for change in batch {
            let attempt = attempts.next();
            if has_failed || attempt.is_none() {
                // Another attempt at the first one that failed comes before.
                self.window.release(change.changeid, attempt.is_some_and(|attempt| attempt.may_have_arrived));
                continue;
            }
            let Some(attempt) = attempt else { continue };
            self.observer.attempt(&self.settings.name, name(&attempt.verdict), took);
            has_failed = !is_over(&attempt.verdict);
            let ended = Ended { change, attempt, failed_before: failed_before.take(), is_healthy };
            if is_redo {
                self.finish_redo(&ended.change, ended.attempt);
            } else {
                self.finish_next(ended);
            }
        }
    }

    fn finish_next(&mut self, ended: Ended) {
        let Ended { change, attempt, failed_before, is_healthy } = ended;
        let changeid = change.changeid;
        let attempts = failed_before.as_ref().map_or(0, |retry| retry.attempts).saturating_add(1);
        let now = Timestamp::now();
        let failing_since = failed_before.as_ref().map_or(now, |retry| retry.failing_since.min(now));
        match attempt.verdict {
            Verdict::Delivered => {
                self.observer.arrived(&self.settings.name, now.since(change.received_at));
                self.window.finish(changeid);
                self.delivered(changeid, attempts, attempt.answer);
            }
            Verdict::Later { after, blames_change } => {
                self.attempts.later += 1;
                let is_over = self.settings.give_up_after.is_some_and(|limit| now.since(failing_since) >= limit);
                if is_over || (blames_change && is_healthy) {
                    let why = if is_over { "given up after `give_up_after`" } else { "the sink takes other requests" };
                    self.give_up(changeid, attempts, format!("{}; {why}", attempt.answer));
                    return;
                }
                self.probe_at = None;
                self.failed("does not take changes, will retry", &attempt.answer);
                let pause = self.settings.backoff.pause(attempts, after, fastrand::f64());
                self.fail(changeid, attempts, failing_since, now.saturating_add(pause), attempt);
            }
            Verdict::ThisChange => {
                self.recovered();
                self.give_up(changeid, attempts, attempt.answer);
            }
            Verdict::ThisSink => {
                self.attempts.misconfigured += 1;
                if self.probe_at.is_none() {
                    tracing::error!(
                        sink = self.settings.name,
                        "misconfigured, nothing more is sent: {}",
                        attempt.answer
                    );
                }
                self.error = Some(attempt.answer.clone());
                self.probe_at = Some(now.saturating_add(self.settings.backoff.max()));
                // It was no attempt to deliver this change, so it counts for none.
                let failed = failed_before.map_or(0, |retry| retry.attempts);
                self.fail(changeid, failed, failing_since, now, attempt);
            }
        }
    }

    fn fail(&mut self, changeid: i64, attempts: u32, failing_since: Timestamp, next_at: Timestamp, attempt: Attempt) {
        let Attempt { answer, may_have_arrived, .. } = attempt;
        self.window.fail(changeid, Retry { attempts, failing_since, next_at, answer, may_have_arrived });
        self.dirty_since.get_or_insert_with(Instant::now);
    }

    pub(super) fn delivered(&mut self, changeid: i64, attempts: u32, answer: String) {
        self.recovered();
        self.attempts.delivered += 1;
        self.delivered_at = Some(Timestamp::now());
        self.settle(changeid, SettlementKind::Delivered, attempts, answer);
    }

    /// Makes a change a dead letter, which is not under way in a batch of several.
    pub(super) fn give_up(&mut self, changeid: i64, attempts: u32, answer: String) {
        if let Some(handle) = self.handles.remove(&changeid) {
            handle.abort();
            self.sent -= 1;
        }
        self.attempts.dead += 1;
        tracing::warn!(sink = self.settings.name, change = changeid, "dead letter: {answer}");
        self.window.finish(changeid);
        self.settle(changeid, SettlementKind::Dead, attempts, answer);
    }

    /// Whether the first change that waits can be given up: it is not under way, or alone, so that it can be abandoned.
    pub(super) fn may_give_up_head(&self) -> bool {
        let is_alone = self.window.head().is_some_and(|(change, _)| self.handles.contains_key(&change.changeid));
        is_alone || !self.window.is_head_under_way()
    }

    /// Logs once that the sink fails.
    fn failed(&mut self, what: &str, answer: &str) {
        if self.error.is_none() {
            tracing::warn!(sink = self.settings.name, "{what}: {answer}");
        }
        self.error = Some(answer.to_owned());
    }

    /// Logs once that the sink works again.
    fn recovered(&mut self) {
        self.probe_at = None;
        if self.error.take().is_some() {
            tracing::info!(sink = self.settings.name, "takes changes again");
        }
    }
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Later { .. } => "later",
        Verdict::ThisChange => "this_change",
        Verdict::ThisSink => "this_sink",
    }
}

/// Whether the change needs no other attempt.
fn is_over(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Delivered | Verdict::ThisChange)
}

/// Delivers changes. Where the first may have arrived already, the sink is asked about it first, and its "no" counts from
/// the moment on at which it has settled what it was sent before. Says too whether the sink was asked and did not have the
/// change.
async fn deliver(
    settings: &SinkSettings,
    batch: &[Arc<LoggedChange>],
    settled_at: Option<Instant>,
) -> (Vec<Attempt>, bool) {
    let [change] = batch else { return (settings.sink.deliver_many(batch).await, false) };
    let mut was_missing = false;
    while let Some(settled_at) = settled_at.filter(|_| !was_missing) {
        let asked_at = Instant::now();
        match settings.sink.has(change).await {
            Known::Yes(answer) => return (vec![Attempt::delivered(answer)], false),
            Known::CannotTell => break,
            Known::NoAnswer(reason) => return (vec![Attempt::unanswered(reason)], false),
            Known::No if asked_at >= settled_at => was_missing = true,
            Known::No => tokio::time::sleep_until(settled_at.into()).await,
        }
    }
    (vec![settings.sink.deliver(change).await], was_missing)
}
