//! The part of the log that a sink is working on: which changes wait, which may be sent now, and where its cursor stands.
//!
//! It does no input or output and knows no clock, so that the order of deliveries can be tested by itself. Changes that must
//! keep their order are a lane; of each lane only the first ones waiting may be under way, all of them in one batch.
//! Everything read and not waiting is done, so that the cursor follows from what waits.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use hookd_core::Change;
use hookd_store::{LoggedChange, MAX_DONE_BEYOND, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most bytes of changes that wait in memory, as far as they can be estimated.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// Which changes keep their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// All of them: one that fails holds up all that come after it.
    #[default]
    All,
    /// Those of the same codebase, repository and branch: others overtake one that fails.
    Branch,
}

/// A failed attempt, and when the next one is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// How many attempts have failed.
    pub(crate) attempts: u32,
    /// When the first of them failed.
    pub(crate) failing_since: Timestamp,
    /// When the next one is due.
    pub(crate) next_at: Timestamp,
    /// How the last one ended.
    pub(crate) answer: String,
    /// Whether the change may have arrived.
    pub(crate) may_have_arrived: bool,
}

/// A change that may be sent now.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) change: Arc<LoggedChange>,
    /// Its failed attempts, if there were any.
    pub(crate) retry: Option<Retry>,
    /// Whether it may have arrived already.
    pub(crate) doubt: Doubt,
}

/// Why a change may have arrived already, so that the sink has to be asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It has not arrived.
    #[default]
    None,
    /// The last attempt ended without a clear answer.
    LastAttempt,
    /// An earlier run of hookd may have sent it.
    EarlierRun,
}

struct Waiting {
    change: Arc<LoggedChange>,
    lane: u64,
    bytes: usize,
}

#[derive(Default)]
struct Lane {
    /// The numbers of the changes that wait, in order.
    queue: VecDeque<i64>,
    /// How many of them, the first ones, are under way.
    under_way: usize,
    /// The batch that they are in.
    batch: u64,
    /// Failed attempts of the first.
    retry: Option<Retry>,
    /// Why changes of this lane may have arrived that the cursor does not know of.
    suspicion: Doubt,
}

/// The changes that a sink is working on.
pub(crate) struct Window {
    order: Order,
    /// The newest change that was read.
    read_to: i64,
    waiting: BTreeMap<i64, Waiting>,
    waiting_bytes: usize,
    lanes: HashMap<u64, Lane>,
    /// Those that were done beyond the position when the window was made, and are not read yet.
    done_before: BTreeSet<i64>,
    /// Failed attempts of changes that are not read yet.
    retries_before: HashMap<i64, Retry>,
    /// Up to here an earlier run may have sent changes without noting it.
    suspect_to: i64,
    /// Whether that life kept order in other lanes, so that one change that is missing says nothing about the next.
    asks_about_each: bool,
    /// The number of the last batch.
    batch: u64,
}

impl Window {
    /// A window behind a cursor's position, with what was done beyond it and failed attempts by the change's number.
    /// `is_suspect`: an earlier run of hookd may have sent changes beyond the position without noting it.
    pub(crate) fn new(
        order: Order,
        position: i64,
        done: &[i64],
        retries: HashMap<i64, Retry>,
        is_suspect: bool,
    ) -> Self {
        // It cannot have read further, and so not have sent more.
        let reach = if is_suspect { i64::try_from(MAX_DONE_BEYOND).unwrap_or(i64::MAX) } else { 0 };
        Self {
            order,
            read_to: position,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            lanes: HashMap::new(),
            done_before: done.iter().copied().collect(),
            retries_before: retries,
            suspect_to: position.saturating_add(reach),
            asks_about_each: false,
            batch: 0,
        }
    }

    /// Suspects every change that an earlier run may have sent, also behind one that is missing: that run may have sent
    /// changes out of the order that is kept now.
    pub(crate) fn ask_about_each(&mut self) {
        self.asks_about_each = true;
    }

    /// Whether there are such changes still.
    pub(crate) fn asks_about_each(&self) -> bool {
        self.asks_about_each && self.position() < self.suspect_to
    }

    /// The newest change that was read.
    pub(crate) fn read_to(&self) -> i64 {
        self.read_to
    }

    /// How many more changes may be read now.
    pub(crate) fn room(&self) -> usize {
        if self.waiting_bytes >= MAX_WAITING_BYTES {
            return 0;
        }
        MAX_DONE_BEYOND.saturating_sub(usize::try_from(self.read_to - self.position()).unwrap_or(usize::MAX))
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many changes were read and wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a change that was read after all others. Returns whether it waits now: not where it was done before.
    pub(crate) fn push(&mut self, change: Arc<LoggedChange>) -> bool {
        let changeid = change.changeid;
        self.read_to = changeid;
        if self.done_before.remove(&changeid) {
            return false;
        }
        let key = self.lane_of(&change.change);
        let bytes = size_of_change(&change);
        let lane = self.lanes.entry(key).or_default();
        if lane.queue.is_empty() {
            lane.retry = self.retries_before.remove(&changeid);
        }
        if changeid <= self.suspect_to {
            lane.suspicion = Doubt::EarlierRun;
        }
        lane.queue.push_back(changeid);
        self.waiting_bytes += bytes;
        self.waiting.insert(changeid, Waiting { change, lane: key, bytes });
        true
    }

    /// Notes that a change was read and needs no delivery.
    pub(crate) fn pass(&mut self, changeid: i64) {
        self.read_to = changeid;
        self.done_before.remove(&changeid);
    }

    /// The first changes that may be sent now, at most so many, in the order of the log. They are a batch, which is under
    /// way from then on. One that has failed before, or that may have arrived already, is a batch by itself.
    ///
    /// An attempt that is due later than after `max_pause` was planned by a clock that was ahead, and is due now.
    pub(crate) fn take_ready(&mut self, now: Timestamp, max_pause: Duration, most: usize) -> Vec<Ready> {
        let latest = now.saturating_add(max_pause);
        let is_due = |retry: &Retry| retry.next_at <= now || retry.next_at > latest;
        self.batch += 1;
        let mut batch = Vec::new();
        for (changeid, waiting) in &self.waiting {
            if batch.len() >= most {
                break;
            }
            let Some(lane) = self.lanes.get_mut(&waiting.lane) else { continue };
            let may_follow = lane.under_way == 0 || lane.batch == self.batch;
            if !may_follow || lane.queue.get(lane.under_way) != Some(changeid) {
                continue;
            }
            let doubt = match &lane.retry {
                Some(retry) if !is_due(retry) => continue,
                Some(retry) if retry.may_have_arrived => Doubt::LastAttempt,
                _ => lane.suspicion,
            };
            let is_alone = lane.retry.is_some() || doubt != Doubt::None;
            if is_alone && !batch.is_empty() {
                continue;
            }
            (lane.under_way, lane.batch) = (lane.under_way + 1, self.batch);
            batch.push(Ready { change: Arc::clone(&waiting.change), retry: lane.retry.clone(), doubt });
            if is_alone {
                break;
            }
        }
        batch
    }

    /// When the next attempt is due; `None` where nothing waits for a time.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let idle = self.lanes.values().filter(|lane| lane.under_way == 0 && !lane.queue.is_empty());
        idle.filter_map(|lane| lane.retry.as_ref().map(|retry| retry.next_at)).min()
    }

    /// Makes every failed attempt due.
    pub(crate) fn make_due(&mut self, now: Timestamp) {
        for retry in self.lanes.values_mut().filter_map(|lane| lane.retry.as_mut()) {
            retry.next_at = retry.next_at.min(now);
        }
    }

    /// Ends a change, delivered or not.
    pub(crate) fn finish(&mut self, changeid: i64) {
        let Some(Waiting { lane: key, bytes, .. }) = self.waiting.remove(&changeid) else { return };
        self.waiting_bytes -= bytes;
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        if lane.queue.front() == Some(&changeid) {
            lane.queue.pop_front();
        } else {
            lane.queue.retain(|other| *other != changeid);
        }
        lane.under_way = lane.under_way.saturating_sub(1);
        lane.retry = None;
        if lane.queue.is_empty() {
            self.lanes.remove(&key);
        }
    }

    /// Notes that an attempt has failed, and when the next one is due.
    pub(crate) fn fail(&mut self, changeid: i64, retry: Retry) {
        if let Some(lane) = self.lane_with(changeid) {
            lane.under_way = lane.under_way.saturating_sub(1);
            lane.retry = Some(retry);
        }
    }

    /// Notes that a change is no longer under way, because one before it in its batch has failed. `may_have_arrived`: it
    /// was sent all the same.
    pub(crate) fn release(&mut self, changeid: i64, may_have_arrived: bool) {
        if let Some(lane) = self.lane_with(changeid) {
            lane.under_way = lane.under_way.saturating_sub(1);
            if may_have_arrived {
                lane.suspicion = Doubt::LastAttempt;
            }
        }
    }

    /// Whether changes wait that may have arrived already.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.read_to < self.suspect_to || self.lanes.values().any(|lane| lane.suspicion != Doubt::None)
    }

    /// Notes that the sink does not have a change, and so none behind it in its lane either.
    pub(crate) fn clear_suspicion(&mut self, changeid: i64) {
        if self.asks_about_each && changeid <= self.suspect_to {
            return;
        }
        if let Some(lane) = self.lane_with(changeid) {
            lane.suspicion = Doubt::None;
        }
        if self.order == Order::All {
            self.suspect_to = self.suspect_to.min(changeid);
        }
    }

    /// Whether a change has ended.
    pub(crate) fn is_done(&self, changeid: i64) -> bool {
        let is_read = changeid <= self.read_to && !self.waiting.contains_key(&changeid);
        is_read || self.done_before.contains(&changeid)
    }

    /// Whether the first change that waits is under way.
    pub(crate) fn is_head_under_way(&self) -> bool {
        let lane = self.waiting.values().next().and_then(|head| self.lanes.get(&head.lane));
        lane.is_some_and(|lane| lane.under_way > 0)
    }

    /// Every change up to this one is done.
    pub(crate) fn position(&self) -> i64 {
        let first = self.waiting.keys().next().map_or(self.read_to, |first| first - 1);
        first.min(self.read_to)
    }

    /// The changes that are done beyond the position, ascending.
    pub(crate) fn done(&self) -> Vec<i64> {
        let read = (self.position() + 1..=self.read_to).filter(|changeid| !self.waiting.contains_key(changeid));
        read.chain(self.done_before.iter().copied()).collect()
    }

    /// The first change that waits, and its failed attempts.
    pub(crate) fn head(&self) -> Option<(&Arc<LoggedChange>, Option<&Retry>)> {
        let waiting = self.waiting.values().next()?;
        Some((&waiting.change, self.lanes.get(&waiting.lane).and_then(|lane| lane.retry.as_ref())))
    }

    /// Failed attempts of changes that still wait, by the change's number.
    pub(crate) fn retries(&self) -> impl Iterator<Item = (i64, &Retry)> {
        let read = self.lanes.values().filter_map(|lane| Some((*lane.queue.front()?, lane.retry.as_ref()?)));
        read.chain(self.retries_before.iter().map(|(changeid, retry)| (*changeid, retry)))
    }

    fn lane_with(&mut self, changeid: i64) -> Option<&mut Lane> {
        let key = self.waiting.get(&changeid)?.lane;
        self.lanes.get_mut(&key)
    }

    /// The lane of a change. Two lines whose hashes are equal share a lane, which costs speed and no order.
    fn lane_of(&self, change: &Change) -> u64 {
        match self.order {
            Order::All => 0,
            Order::Branch => {
                let mut hasher = DefaultHasher::new();
                (&change.codebase, &change.repository, &change.branch).hash(&mut hasher);
                hasher.finish()
            }
        }
    }
}

/// About how many bytes a change takes in memory.
fn size_of_change(change: &LoggedChange) -> usize {
    let Change { author, comments, files, properties, repository, .. } = &change.change;
    let files: usize = files.iter().map(|file| file.len() + size_of::<String>()).sum();
    let properties: usize = properties.iter().map(|(name, value)| name.len() + size_of_value(value)).sum();
    size_of::<LoggedChange>() + author.len() + comments.len() + repository.len() + files + properties
}

fn size_of_value(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(size_of_value).sum(),
            Value::Object(entries) => entries.iter().map(|(name, value)| name.len() + size_of_value(value)).sum(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn change(changeid: i64, branch: &str) -> Arc<LoggedChange> {
        Arc::new(LoggedChange {
            changeid,
            deliveryid: changeid,
            received_at: NOW,
            dialect: Arc::from("base"),
            hookd_id: changeid.to_string(),
            change: Change { branch: Some(branch.to_owned()), ..Change::default() },
        })
    }

    fn window(order: Order, branches: &[&str]) -> Window {
        let mut window = Window::new(order, 0, &[], HashMap::new(), false);
        for (changeid, branch) in (1..).zip(branches) {
            assert!(window.push(change(changeid, branch)));
        }
        window
    }

    fn take_one(window: &mut Window) -> Option<Ready> {
        window.take_ready(NOW, MINUTE, 1).pop()
    }

    fn take(window: &mut Window) -> Vec<i64> {
        std::iter::from_fn(|| take_one(window)).map(|ready| ready.change.changeid).collect()
    }

    fn take_batch(window: &mut Window, most: usize) -> Vec<i64> {
        window.take_ready(NOW, MINUTE, most).iter().map(|ready| ready.change.changeid).collect()
    }

    fn retry(next_at: i64) -> Retry {
        Retry {
            attempts: 1,
            failing_since: NOW,
            next_at: Timestamp::from_micros(next_at),
            answer: String::new(),
            may_have_arrived: false,
        }
    }

    #[test]
    fn in_the_order_of_the_log_one_is_under_way_at_a_time() {
        let mut window = window(Order::All, &["a", "b", "a"]);
        assert_eq!(take(&mut window), [1]);
        window.finish(1);
        assert_eq!((window.position(), take(&mut window)), (1, vec![2]));
    }

    #[test]
    fn in_the_order_of_branches_others_overtake_one_that_fails() {
        let mut window = window(Order::Branch, &["a", "b", "a", "b", "c"]);
        assert_eq!(take(&mut window), [1, 2, 5]);
        window.fail(1, retry(2_000_000));
        window.finish(2);
        window.finish(5);
        assert_eq!(take(&mut window), [4]);
        window.finish(4);
        assert_eq!((window.position(), window.done()), (0, vec![2, 4, 5]));
        assert_eq!(window.next_due(), Some(Timestamp::from_micros(2_000_000)));
        assert_eq!(take(&mut window), [0; 0]);
        window.make_due(NOW);
        assert_eq!(take(&mut window), [1]);
        window.finish(1);
        assert_eq!((window.position(), window.done()), (2, vec![4, 5]));
        assert_eq!(take(&mut window), [3]);
        window.finish(3);
        assert_eq!((window.position(), window.done()), (5, vec![]));
        assert!(window.is_empty());
    }

    #[test]
    fn a_batch_has_the_first_changes_of_each_lane_and_no_other_follows_it() {
        let mut window = window(Order::Branch, &["a", "b", "a", "c", "b", "a"]);
        assert_eq!(take_batch(&mut window, 3), [1, 2, 3]);
        // The next batch must not overtake what is under way.
        assert_eq!(take_batch(&mut window, 9), [4]);
        window.finish(1);
        window.fail(2, retry(2_000_000));
        window.release(3, false);
        window.finish(4);
        assert_eq!(take_batch(&mut window, 9), [3, 6]);
        window.finish(3);
        window.finish(6);
        window.make_due(NOW);
        assert_eq!(take_batch(&mut window, 9), [2], "one that has failed comes alone");
        window.finish(2);
        assert_eq!((take_batch(&mut window, 9), window.position()), (vec![5], 4));
    }

    #[test]
    fn what_was_sent_behind_one_that_failed_is_asked_for() {
        let mut window = window(Order::All, &["a"; 4]);
        assert_eq!(take_batch(&mut window, 3), [1, 2, 3]);
        window.fail(1, Retry { may_have_arrived: true, ..retry(0) });
        window.release(2, true);
        window.release(3, false);
        for changeid in 1..=2 {
            let ready = take_one(&mut window).unwrap();
            assert_eq!((ready.change.changeid, ready.doubt), (changeid, Doubt::LastAttempt));
            assert!(window.is_in_doubt());
            window.finish(changeid);
        }
        assert_eq!(take_one(&mut window).unwrap().doubt, Doubt::LastAttempt);
        window.clear_suspicion(3);
        window.finish(3);
        assert!(!window.is_in_doubt());
        assert_eq!(take_one(&mut window).unwrap().doubt, Doubt::None);
    }

    #[test]
    fn continues_where_a_cursor_stands() {
        let retries = HashMap::from([(2, retry(5_000_000))]);
        let mut window = Window::new(Order::Branch, 1, &[3, 5], retries, false);
        assert_eq!(window.done(), [3, 5]);
        let waits: Vec<bool> = (2..=5).map(|changeid| window.push(change(changeid, "a"))).collect();
        assert_eq!(waits, [true, false, true, false]);
        assert_eq!((window.position(), window.done()), (1, vec![3, 5]));
        assert_eq!(take(&mut window), [0; 0]);
        assert_eq!(window.retries().map(|(changeid, _)| changeid).collect::<Vec<_>>(), [2]);
        window.make_due(NOW);
        assert_eq!(take(&mut window), [2]);
    }

    #[test]
    fn asks_first_for_what_an_earlier_life_may_have_sent() {
        let mut window = Window::new(Order::All, 0, &[], HashMap::new(), true);
        for changeid in 1..=4 {
            window.push(change(changeid, "a"));
        }
        assert_eq!(take_one(&mut window).unwrap().doubt, Doubt::EarlierRun);
        window.finish(1);
        assert_eq!(take_one(&mut window).unwrap().doubt, Doubt::EarlierRun);
        window.clear_suspicion(2);
        window.finish(2);
        assert_eq!(take_one(&mut window).unwrap().doubt, Doubt::None);
        window.push(change(5, "a"));
        window.finish(3);
        assert_eq!((take_one(&mut window).unwrap().doubt, window.is_in_doubt()), (Doubt::None, false));
    }

    #[test]
    fn asks_about_each_where_an_earlier_life_kept_another_order() {
        let mut window = Window::new(Order::All, 0, &[], HashMap::new(), true);
        window.ask_about_each();
        for changeid in 1..=2 {
            window.push(change(changeid, "a"));
        }
        for changeid in 1..=2 {
            assert_eq!(take_one(&mut window).unwrap().doubt, Doubt::EarlierRun);
            window.clear_suspicion(changeid);
            window.finish(changeid);
        }
        assert!(window.asks_about_each());
        for changeid in 3..=window.suspect_to + 1 {
            window.pass(changeid);
        }
        assert!(!window.asks_about_each());
    }

    #[test]
    fn a_clock_that_was_ahead_makes_nobody_wait() {
        let mut window = window(Order::All, &["a"]);
        assert_eq!(take(&mut window), [1]);
        window.fail(1, retry(86_400_000_000));
        assert_eq!(take(&mut window), [1]);
    }

    #[test]
    fn reads_no_more_than_a_cursor_can_note() {
        let mut window = window(Order::Branch, &["a"]);
        let mut next = 2;
        while window.room() > 0 {
            window.push(change(next, "b"));
            window.finish(next);
            next += 1;
        }
        assert_eq!(window.done().len(), MAX_DONE_BEYOND - 1);
        window.finish(1);
        assert_eq!((window.position(), window.room()), (next - 1, MAX_DONE_BEYOND));
    }

    #[test]
    fn what_a_filter_drops_is_done() {
        let mut window = window(Order::All, &["a"]);
        window.pass(2);
        assert_eq!((window.position(), window.done()), (0, vec![2]));
        window.finish(1);
        assert_eq!(window.position(), 2);
    }
}
