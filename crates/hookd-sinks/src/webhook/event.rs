//! A change as a CloudEvent 1.0 in the structured mode of its HTTP binding:
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>.

use hookd_store::LoggedChange;
use jiff::Timestamp;
use serde::Serialize;

use crate::document::Document;

/// The media type of one event in JSON.
pub(crate) const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// When the delivery was received; left out where no calendar has that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// The repository. An attribute must not be empty, nor have control characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    datacontenttype: &'static str,
    data: Document<'a>,
}

/// The event of a change.
pub(crate) fn encode(logged: &LoggedChange, source: &str) -> Vec<u8> {
    let event = Event {
        specversion: "1.0",
        id: &logged.hookd_id,
        source,
        kind: "org.hookd.change",
        time: Timestamp::from_microsecond(logged.received_at.as_micros()).ok().map(|time| time.to_string()),
        subject: logged.change.repository.chars().filter(|c| !c.is_control()).collect(),
        datacontenttype: "application/json",
        data: Document::new(logged),
    };
    serde_json::to_vec(&event).expect("keys are strings, and writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::document::tests::logged;

    #[test]
    fn has_the_attributes_of_a_cloud_event() {
        let mut event: Value = serde_json::from_slice(&encode(&logged(), "/hookd")).unwrap();
        let data = event.as_object_mut().unwrap().remove("data").unwrap();
        assert_eq!(data["revision"], "c0ffee");
        assert_eq!(
            event,
            json!({
                "specversion": "1.0",
                "id": "k3y-17-60a24181e4000",
                "source": "/hookd",
                "type": "org.hookd.change",
                "time": "2023-11-14T22:13:20.25Z",
                "subject": "https://example.org/tea",
                "datacontenttype": "application/json",
            })
        );
    }

    #[test]
    fn leaves_out_a_subject_that_would_be_empty() {
        let mut logged = logged();
        logged.change.repository = "\u{7}".to_owned();
        let event: Value = serde_json::from_slice(&encode(&logged, "/hookd")).unwrap();
        assert_eq!(event.get("subject"), None);
    }
}
