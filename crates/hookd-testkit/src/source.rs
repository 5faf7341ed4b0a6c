//! Where the payloads and requests of a forge come from.

use hookd_core::HookRequest;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

use crate::Fixture;

/// The argument of a form that has the payload, with every forge that sends forms.
const PAYLOAD: &str = "payload";

/// Events, and the requests that bring them.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Made by functions of the test: a payload for each event, and the request that brings a body.
    Made { events: &'static [&'static str], fixture: fn(&str) -> Value, send: fn(&str, &[u8]) -> HookRequest },
    /// Exported by a hookd: names that the test gives them, and their texts.
    Exported(&'static [(&'static str, &'static str)]),
}

impl Source {
    /// The names of the events.
    pub(crate) fn events(self) -> Vec<&'static str> {
        match self {
            Source::Made { events, .. } => events.to_vec(),
            Source::Exported(fixtures) => fixtures.iter().map(|(name, _)| *name).collect(),
        }
    }

    /// The payload of an event.
    #[track_caller]
    pub(crate) fn payload(self, event: &str) -> Value {
        match self {
            Source::Made { fixture, .. } => fixture(event),
            Source::Exported(_) => {
                let request = self.exported(event).request;
                let payload = match form_payload(&request) {
                    Some(payload) => serde_json::from_str(&payload),
                    None => serde_json::from_slice(request.body()),
                };
                payload.unwrap_or_else(|error| {
                    panic!(
                        "fixture `{event}`: neither its body nor the argument `{PAYLOAD}` of its form is JSON: {error}"
                    )
                })
            }
        }
    }

    /// The request for an event as it was received, byte for byte, if it was exported.
    #[track_caller]
    pub(crate) fn received(self, event: &str) -> Option<HookRequest> {
        match self {
            Source::Made { .. } => None,
            Source::Exported(_) => Some(self.exported(event).request),
        }
    }

    /// The request for an event that brings this payload.
    #[track_caller]
    pub(crate) fn request(self, event: &str, payload: &[u8]) -> HookRequest {
        match self {
            Source::Made { send, .. } => send(event, payload),
            Source::Exported(_) => {
                let request = self.exported(event).request;
                match form_payload(&request) {
                    Some(_) => request.with_body(format!("{PAYLOAD}={}", percent_encode(payload, NON_ALPHANUMERIC))),
                    None => request.with_body(payload.to_vec()),
                }
            }
        }
    }

    /// What the request for an event should become, where that was exported too.
    #[track_caller]
    pub(crate) fn expected(self, event: &str) -> Option<Vec<Value>> {
        match self {
            Source::Made { .. } => None,
            Source::Exported(_) => self.exported(event).changes,
        }
    }

    #[track_caller]
    fn exported(self, event: &str) -> Fixture {
        let Source::Exported(fixtures) = self else { unreachable!("only asked of what was exported") };
        let Some((_, text)) = fixtures.iter().find(|(name, _)| *name == event) else {
            panic!("the forge has no fixture `{event}`, only {:?}", self.events());
        };
        Fixture::parse(text).unwrap_or_else(|error| panic!("fixture `{event}`: {error}"))
    }
}

/// The payload of a request that is a form with one.
fn form_payload(request: &HookRequest) -> Option<String> {
    let is_form = request.content_type() == "application/x-www-form-urlencoded";
    let arguments = is_form.then(|| request.arguments().ok()).flatten()?;
    arguments.first(PAYLOAD).ok().flatten().map(str::to_owned)
}
