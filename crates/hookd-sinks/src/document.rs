//! A change as one JSON object, for receivers that are anybody's program: a webhook, a command, a file.

use hookd_store::{LoggedChange, Shown};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// How each document begins: its first field is the id of the change.
pub(crate) const BEGINNING: &str = r#"{"hookd_id":""#;

/// A change as one JSON object without newlines, as the sinks `exec` and `file` give it, and `webhook` as `data`.
pub fn document(change: &LoggedChange) -> Vec<u8> {
    Document::new(change).to_line()
}

/// A change with the fields and meanings that it has in the REST API (`/api/v2/changes`), without those that are about
/// the place where it is stored (`parent_changeids`, `sourcestamp`), and with the dialect and the time of receipt.
pub(crate) struct Document<'a>(&'a LoggedChange);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let LoggedChange { changeid, deliveryid, received_at, dialect, hookd_id, change } = self.0;
        let mut document = serializer.serialize_map(None)?;
        // First, so that a reader can tell whose document it is before it parses all of it.
        document.serialize_entry("hookd_id", hookd_id)?;
        document.serialize_entry("changeid", changeid)?;
        document.serialize_entry("deliveryid", deliveryid)?;
        document.serialize_entry("dialect", &**dialect)?;
        document.serialize_entry("received_at", &received_at.as_seconds_f64())?;
        for (name, value) in change.fields() {
            document.serialize_entry(name, &Shown(value))?;
        }
        document.end()
    }
}

impl<'a> Document<'a> {
    /// The document of a change.
    pub(crate) fn new(logged: &'a LoggedChange) -> Self {
        Self(logged)
    }

    /// The document as one line, without its newline.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("keys are strings, and writing to memory does not fail")
    }

    /// Appends the document as one line, with its newline.
    pub(crate) fn write_line(&self, to: &mut Vec<u8>) {
        serde_json::to_writer(&mut *to, self).expect("keys are strings, and writing to memory does not fail");
        to.push(b'\n');
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use hookd_core::Change;
    use hookd_store::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    /// A change with something in every field.
    pub(crate) fn logged() -> LoggedChange {
        let Value::Object(properties) = json!({"event": "push", "n": [1, null]}) else { panic!("it is an object") };
        LoggedChange {
            changeid: 17,
            deliveryid: 9,
            received_at: Timestamp::from_micros(1_700_000_000_250_000),
            dialect: "github".into(),
            hookd_id: "k3y-17-60a24181e4000".to_owned(),
            change: Change {
                author: "Ann <ann@example.org>".to_owned(),
                branch: Some("main".to_owned()),
                category: Some("push".to_owned()),
                codebase: "tea".to_owned(),
                comments: "Boil water\n\nFirst.".to_owned(),
                committer: Some("Bob".to_owned()),
                files: vec!["kettle.c".to_owned(), "ü.txt".to_owned()],
                project: "kitchen".to_owned(),
                properties: properties.into(),
                repository: "https://example.org/tea".to_owned(),
                revision: Some("c0ffee".to_owned()),
                revlink: Some("https://example.org/tea/c0ffee".to_owned()),
                src: Some("git".to_owned()),
                when_timestamp: Some(1_699_999_999),
            },
        }
    }

    #[test]
    fn has_the_fields_of_the_rest_api_and_their_values() {
        let logged = logged();
        let line = Document::new(&logged).to_line();
        assert!(line.starts_with(BEGINNING.as_bytes()));
        assert!(!line.contains(&b'\n'));
        let document: Value = serde_json::from_slice(&line).unwrap();
        let mut expected = logged.clone().into_record(None).to_json();
        let fields = expected.as_object_mut().unwrap();
        fields.remove("parent_changeids").unwrap();
        fields.remove("sourcestamp").unwrap();
        fields.insert("dialect".to_owned(), json!("github"));
        fields.insert("received_at".to_owned(), json!(1_700_000_000.25));
        assert_eq!(document, expected);
    }
    /// What receivers parse, and compare with what they had before.
    #[test]
    fn a_document_is_the_same_in_every_build() {
        let line = |logged: &LoggedChange| String::from_utf8(document(logged)).unwrap();
        let full = concat!(
            r#"{"hookd_id":"k3y-17-60a24181e4000","changeid":17,"deliveryid":9,"dialect":"github","#,
            r#""received_at":1700000000.25,"author":"Ann <ann@example.org>","branch":"main","category":"push","#,
            r#""codebase":"tea","comments":"Boil water\n\nFirst.","committer":"Bob","files":["kettle.c","ü.txt"],"#,
            r#""project":"kitchen","properties":{"event":["push","Change"],"n":[[1,null],"Change"]},"#,
            r#""repository":"https://example.org/tea","revision":"c0ffee","#,
            r#""revlink":"https://example.org/tea/c0ffee","src":"git","when_timestamp":1699999999}"#,
        );
        assert_eq!(line(&logged()), full);
        let bare = concat!(
            r#"{"hookd_id":"k3y-17-60a24181e4000","changeid":17,"deliveryid":9,"dialect":"github","#,
            r#""received_at":1700000000.25,"author":"","branch":null,"category":null,"codebase":"","comments":"","#,
            r#""committer":null,"files":[],"project":"","properties":{},"repository":"","revision":null,"#,
            r#""revlink":null,"src":null,"when_timestamp":null}"#,
        );
        assert_eq!(line(&LoggedChange { change: Change::default(), ..logged() }), bare);
    }
}
