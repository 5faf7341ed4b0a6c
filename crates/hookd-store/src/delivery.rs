//! What is written: deliveries, and what becomes of those that are pending.

use bytes::Bytes;
use hookd_core::{Change, Headers, HookRequest, Method};
use serde::{Deserialize, Serialize};

/// A delivery to be stored.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// When it was received, in microseconds since 1970 (UTC).
    pub received_at: i64,
    /// The dialect that took it.
    pub dialect: String,
    /// The forge's name for the kind of event.
    pub event: Option<String>,
    /// The forge's own id of the delivery.
    pub forge_id: Option<String>,
    /// Whether the same forge id with the same body is the same delivery.
    pub deduplicate: bool,
    /// The request, as it is kept.
    pub request: StoredRequest,
    /// What came of it.
    pub state: NewState,
}

/// What came of a delivery when it was received.
#[derive(Clone, Debug, PartialEq)]
pub enum NewState {
    /// These changes, at least one.
    Accepted(Vec<Change>),
    /// No change, for this reason.
    Ignored(String),
    /// The request was wrong, for this reason.
    Refused(String),
    /// Calls to the forge's API are due; this many changes are expected of it.
    Pending {
        /// How many changes there will be, unless the answers say otherwise.
        expected: usize,
    },
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Calls to the forge's API are due.
    Pending,
    /// It gave changes.
    Accepted,
    /// It was understood, and gave none.
    Ignored,
    /// It was wrong.
    Refused,
}

impl State {
    /// All states, at their number in the store.
    pub const ALL: [State; 4] = [State::Pending, State::Accepted, State::Ignored, State::Refused];

    /// The name in the REST API.
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Accepted => "accepted",
            State::Ignored => "ignored",
            State::Refused => "refused",
        }
    }

    /// The state of a number in the store; an unknown one, which only a newer hookd could have, reads as refused.
    pub(crate) fn of(code: i64) -> Self {
        Self::ALL.into_iter().find(|state| state.code() == code).unwrap_or(State::Refused)
    }

    /// The number in the store.
    pub fn code(self) -> i64 {
        match self {
            State::Pending => 0,
            State::Accepted => 1,
            State::Ignored => 2,
            State::Refused => 3,
        }
    }
}

impl NewState {
    /// The state that this is.
    pub fn state(&self) -> State {
        match self {
            NewState::Accepted(_) => State::Accepted,
            NewState::Ignored(_) => State::Ignored,
            NewState::Refused(_) => State::Refused,
            NewState::Pending { .. } => State::Pending,
        }
    }

    /// The changes that there are already.
    pub(crate) fn changes(&self) -> &[Change] {
        match self {
            NewState::Accepted(changes) => changes,
            NewState::Ignored(_) | NewState::Refused(_) | NewState::Pending { .. } => &[],
        }
    }

    /// Why there is no change.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            NewState::Ignored(reason) | NewState::Refused(reason) => Some(reason),
            NewState::Accepted(_) | NewState::Pending { .. } => None,
        }
    }

    /// How many changes the sender is told of.
    pub(crate) fn told(&self) -> usize {
        match self {
            NewState::Pending { expected } => *expected,
            NewState::Accepted(_) | NewState::Ignored(_) | NewState::Refused(_) => self.changes().len(),
        }
    }
}

/// What the sender is told of a stored delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The delivery's id.
    pub deliveryid: i64,
    /// Its state when it was received, which for a delivery that was stored before is the state of then.
    pub state: State,
    /// How many changes came of it, or are expected.
    pub changes: usize,
    /// Why there are none, where there are none.
    pub reason: Option<String>,
    /// Whether it had been stored before, and nothing was now.
    pub is_duplicate: bool,
}

/// The end of a pending delivery.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The delivery.
    pub deliveryid: i64,
    /// What came of it; not `Pending`.
    pub state: NewState,
    /// What could not be had, as a sentence for the delivery's reason.
    pub note: Option<String>,
}

/// A pending delivery and its next try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The delivery.
    pub deliveryid: i64,
    /// The dialect that took it.
    pub dialect: String,
    /// When it was received, in microseconds since 1970.
    pub received_at: i64,
    /// How many tries were in vain.
    pub attempts: u32,
    /// When to try next, in microseconds since 1970.
    pub next_at: i64,
}

/// What need not be kept any longer, by when it was received, in microseconds since 1970. `None` keeps it for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Requests that came before this.
    pub payloads_before: Option<i64>,
    /// Changes, and records of deliveries, that came before this.
    pub changes_before: Option<i64>,
    /// What time it is. What was received later than this came when the clock was wrong, and is as old as what came
    /// after it.
    pub now: i64,
}

/// A request as it is kept: the headers that the dialect names, never one with a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// The line and headers.
    pub head: RequestHead,
    /// The body as it was sent.
    pub body: Bytes,
}

/// All of a stored request but its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The path, still escaped.
    pub path: String,
    /// The query, still escaped.
    pub query: String,
    /// The headers that were kept; values that were not UTF-8 have replacement characters.
    pub headers: Vec<(String, String)>,
}

impl StoredRequest {
    /// What is kept of a request: the headers named in `keep`, besides `Content-Type` and `User-Agent`.
    pub fn of(request: &HookRequest, keep: &[&str]) -> Self {
        const ALWAYS: [&str; 2] = ["Content-Type", "User-Agent"];
        let is_kept = |name: &str| keep.iter().chain(&ALWAYS).any(|kept| kept.eq_ignore_ascii_case(name));
        let headers = request.headers().iter().filter(|(name, _)| is_kept(name));
        Self {
            head: RequestHead {
                method: request.method(),
                path: request.path().to_owned(),
                query: request.query().to_owned(),
                headers: headers
                    .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
                    .collect(),
            },
            body: request.body().clone(),
        }
    }

    /// The request again, to be translated once more.
    pub fn into_request(self) -> HookRequest {
        let RequestHead { method, path, query, headers } = self.head;
        let headers: Headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        HookRequest::new(method, path, query, headers, self.body)
    }
}
