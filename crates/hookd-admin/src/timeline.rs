//! What happened to a delivery, step by step: as its page, the REST API and `hookd why` show it.
//!
//! How its changes ended at the sinks is shown change by change: see [`crate::sinks::outcome`].

use hookd_core::Proof;
use hookd_store::{
    ApiCalls, DeliveryField, DeliveryRecord, Due, Operator, Query, State, Store, StoreError, Timestamp, Waiting,
};
use serde_json::{Value as Json, json};

/// How many replays of a delivery are looked for, the newest first.
const MAX_REPLAYS: u64 = 20;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its name in the REST API.
    pub(crate) name: &'static str,
    /// When it was, where that is known.
    pub(crate) at: Option<Timestamp>,
    /// What happened, as half a sentence.
    pub(crate) text: String,
}

/// A delivery with what is known of it besides its record.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) delivery: DeliveryRecord,
    /// What is known of it while it is pending.
    pub(crate) waiting: Option<Waiting>,
    /// Its replays, oldest first. They are found by the forge's id: those of a delivery without one are not.
    pub(crate) replays: Vec<i64>,
}

impl Known {
    /// The delivery with this number; `None` if there is none, or no longer.
    pub(crate) fn read(store: &dyn Store, deliveryid: i64) -> Result<Option<Self>, StoreError> {
        let Some(delivery) = store.reader().delivery(deliveryid)? else { return Ok(None) };
        let waiting = store.reader().waiting(&[deliveryid])?.pop();
        let replays = match (&delivery.forge_id, delivery.replay_of) {
            (Some(forge_id), None) => {
                let same_id = Query::default().filter(DeliveryField::ForgeId, Operator::Eq, forge_id.as_str());
                let of_this = same_id.filter(DeliveryField::ReplayOf, Operator::Eq, deliveryid).limit(MAX_REPLAYS);
                store.reader().deliveries(&of_this)?.rows.iter().rev().map(|replay| replay.deliveryid).collect()
            }
            _ => Vec::new(),
        };
        Ok(Some(Self { delivery, waiting, replays }))
    }

    /// Its steps in their order, up to its changes.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let DeliveryRecord { received_at, .. } = &self.delivery;
        let mut steps = vec![Step { name: "received", at: Some(*received_at), text: self.receipt() }];
        if self.delivery.replay_of.is_none() && self.delivery.polled_by().is_none() {
            steps.push(Step { name: "verified", at: None, text: self.proof() });
        }
        if let Some(text) = self.calls() {
            steps.push(Step { name: "called", at: None, text });
        }
        if let Some(text) = self.result() {
            steps.push(Step { name: "translated", at: None, text });
        }
        if !self.replays.is_empty() {
            let numbers: Vec<String> = self.replays.iter().map(i64::to_string).collect();
            let text = format!("as {}", numbers.join(", "));
            steps.push(Step { name: "replayed", at: None, text });
        }
        steps
    }

    fn receipt(&self) -> String {
        let DeliveryRecord { dialect, event, origin, replay_of, .. } = &self.delivery;
        if let Some(poller) = self.delivery.polled_by() {
            return format!("polled by `{poller}`, of the type `{dialect}`");
        }
        let what = match event {
            Some(event) => format!("event `{event}` of the dialect `{dialect}`"),
            None => format!("dialect `{dialect}`"),
        };
        match (replay_of, &origin.peer) {
            (Some(of), _) => format!("replay of delivery {of}: its request, translated anew; {what}"),
            (None, Some(peer)) => format!("from {peer}; {what}"),
            (None, None) => what,
        }
    }

    fn proof(&self) -> String {
        let origin = &self.delivery.origin;
        let proof = match origin.proof {
            Proof::Verified { key: Some(key) } => format!("signed with secret {key} of the dialect"),
            Proof::Verified { key: None } => "by a signature or token".to_owned(),
            Proof::NotRequired => String::new(),
        };
        match (&origin.user, proof.as_str()) {
            (None, "") => "by nobody: the dialect takes this without a proof".to_owned(),
            (None, _) => proof,
            (Some(user), "") => format!("by the password of user `{user}`"),
            (Some(user), _) => format!("{proof}, and the password of user `{user}`"),
        }
    }

    fn calls(&self) -> Option<String> {
        if self.delivery.state == State::Pending {
            let mut text = "the forge’s API is being asked".to_owned();
            if let Some(Waiting { due: Due { attempts: failed @ 1.., next_at, error, .. }, .. }) = &self.waiting {
                let attempts = if *failed == 1 { "1 attempt".to_owned() } else { format!("{failed} attempts") };
                text.push_str(&format!(": {attempts} failed, next at {}", shown(*next_at)));
                if let Some(error) = error {
                    text.push_str(&format!(", the last: {error}"));
                }
            }
            return Some(text);
        }
        let ApiCalls { made, failed, last_error } = self.delivery.api_calls.as_ref()?;
        let mut text = if *made == 1 {
            "1 call to the forge’s API".to_owned()
        } else {
            format!("{made} calls to the forge’s API")
        };
        if *failed > 0 {
            text.push_str(&format!(", {failed} failed"));
        }
        if let Some(error) = last_error {
            text.push_str(&format!(", the last: {error}"));
        }
        Some(text)
    }

    fn result(&self) -> Option<String> {
        let DeliveryRecord { state, reason, changeids, .. } = &self.delivery;
        let mut text = match state {
            State::Pending => return None,
            State::Accepted if changeids.len() == 1 => "into 1 change".to_owned(),
            State::Accepted => format!("into {} changes", changeids.len()),
            State::Ignored => "into no change".to_owned(),
            State::Refused => "refused".to_owned(),
        };
        if let Some(reason) = reason {
            text.push_str(": ");
            text.push_str(reason);
        }
        Some(text)
    }

    /// The steps in the REST API.
    pub(crate) fn to_json(&self) -> Json {
        let step = |Step { name, at, text }: Step| json!({ "step": name, "at": at.map(Timestamp::as_seconds_f64), "text": text });
        self.steps().into_iter().map(step).collect()
    }
}

/// A time in UTC, to the second.
fn shown(time: Timestamp) -> String {
    jiff::Timestamp::from_second(time.as_seconds())
        .map_or_else(|_| time.as_seconds().to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use hookd_core::Subject;
    use hookd_store::{Completion, Log as _, MemoryStore, NewDelivery, NewState, Origin, Replay};

    use super::*;
    use crate::site::{change, delivery};

    fn shown(store: &MemoryStore, deliveryid: i64) -> Vec<String> {
        let known = Known::read(store, deliveryid).unwrap().unwrap();
        known.steps().iter().map(|Step { name, text, .. }| format!("{name} {text}")).collect()
    }

    #[test]
    fn tells_what_happened_to_a_delivery() {
        let store = MemoryStore::new();
        let by =
            |peer: &str, user: Option<&str>, proof| Origin::new(Some(peer.to_owned()), user.map(str::to_owned), proof);
        let accepted = || NewState::Accepted(vec![change("1")]);
        for (origin, state) in [
            (by("192.0.2.7", None, Proof::by_key(2)), accepted()),
            (by("192.0.2.7", Some("ann"), Proof::NotRequired), NewState::Ignored("no commits".to_owned())),
            (
                by("192.0.2.7", None, Proof::NotRequired),
                NewState::Pending { reported_changes: 1, about: Subject::default() },
            ),
        ] {
            store.append(NewDelivery { origin, ..delivery("id", state) }).wait().unwrap();
        }
        let replay = Some(Replay { of: 1, request: "r".to_owned() });
        let replayed = NewDelivery { origin: Origin::NONE, replay, request: None, ..delivery("id", accepted()) };
        store.append(replayed).wait().unwrap();
        let received = "received from 192.0.2.7; event `push` of the dialect `base`";
        assert_eq!(
            shown(&store, 1),
            [received, "verified signed with secret 2 of the dialect", "translated into 1 change", "replayed as 4"]
        );
        let password = "verified by the password of user `ann`";
        assert_eq!(shown(&store, 2), [received, password, "translated into no change: no commits"]);
        let nobody = "verified by nobody: the dialect takes this without a proof";
        assert_eq!(shown(&store, 3), [received, nobody, "called the forge’s API is being asked"]);
        let replayed =
            "received replay of delivery 1: its request, translated anew; event `push` of the dialect `base`";
        assert_eq!(shown(&store, 4), [replayed, "translated into 1 change"]);

        let due = Due {
            attempts: 2,
            error: Some("503".to_owned()),
            next_at: Timestamp::from_micros(1_714_557_600_250_000),
            ..store.pending().unwrap().remove(0)
        };
        store.postpone(due).wait().unwrap();
        let waiting =
            "called the forge’s API is being asked: 2 attempts failed, next at 2024-05-01T10:00:00Z, the last: 503";
        assert_eq!(shown(&store, 3)[2], waiting);
        let api_calls = ApiCalls { made: 3, failed: 1, last_error: Some("the API answered 503".to_owned()) };
        store.complete(Completion { deliveryid: 3, state: accepted(), note: None, api_calls }).wait().unwrap();
        let called = "called 3 calls to the forge’s API, 1 failed, the last: the API answered 503";
        assert_eq!(shown(&store, 3)[2..], [called, "translated into 1 change"]);
        let polled = NewDelivery {
            dialect: "svn".to_owned(),
            event: Some(hookd_store::POLL_EVENT.to_owned()),
            request: None,
            ..delivery("https://me@example.org/r@7", accepted())
        };
        store.append(polled).wait().unwrap();
        let received = "received polled by `https://me@example.org/r`, of the type `svn`";
        assert_eq!(shown(&store, 5), [received, "translated into 1 change"]);
        assert!(Known::read(&store, 9).unwrap().is_none());
    }
}
