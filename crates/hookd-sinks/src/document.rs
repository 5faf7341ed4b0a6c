//! A change as one JSON object, for receivers that are anybody's program: a webhook, a command, a file.

use hookd_core::{Change, Properties};
use hookd_store::LoggedChange;
use serde::{Serialize, Serializer};

/// How each document begins: its first field is the id of the change.
pub(crate) const BEGINNING: &str = r#"{"hookd_id":""#;

/// A change as one JSON object without newlines, as the sinks `exec` and `file` give it, and `webhook` as `data`.
pub fn document(change: &LoggedChange) -> Vec<u8> {
    Document::new(change).to_line()
}

/// A change with the fields and meanings that it has in the REST API (`/api/v2/changes`), without those that are about
/// the place where it is stored (`parent_changeids`, `sourcestamp`), and with the dialect and the time of receipt.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    /// First, so that a reader can tell whose document it is before it parses all of it.
    hookd_id: &'a str,
    changeid: i64,
    deliveryid: i64,
    dialect: &'a str,
    /// Seconds since 1970 (UTC), with a fraction.
    received_at: f64,
    author: &'a str,
    branch: Option<&'a str>,
    category: Option<&'a str>,
    codebase: &'a str,
    comments: &'a str,
    committer: Option<&'a str>,
    files: &'a [String],
    project: &'a str,
    /// `{"name": [value, "Change"]}`, as in the REST API.
    #[serde(serialize_with = "sourced")]
    properties: &'a Properties,
    repository: &'a str,
    revision: Option<&'a str>,
    revlink: Option<&'a str>,
    src: Option<&'a str>,
    when_timestamp: Option<i64>,
}

fn sourced<S: Serializer>(properties: &&Properties, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(properties.iter().map(|(name, value)| (name, (value, "Change"))))
}

impl<'a> Document<'a> {
    /// The document of a change.
    pub(crate) fn new(logged: &'a LoggedChange) -> Self {
        let LoggedChange { changeid, deliveryid, received_at, dialect, hookd_id, change } = logged;
        let Change { author, codebase, comments, files, project, properties, repository, when_timestamp, .. } = change;
        Self {
            hookd_id,
            changeid: *changeid,
            deliveryid: *deliveryid,
            dialect,
            received_at: received_at.as_seconds_f64(),
            author,
            branch: change.branch.as_deref(),
            category: change.category.as_deref(),
            codebase,
            comments,
            committer: change.committer.as_deref(),
            files,
            project,
            properties,
            repository,
            revision: change.revision.as_deref(),
            revlink: change.revlink.as_deref(),
            src: change.src.as_deref(),
            when_timestamp: *when_timestamp,
        }
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
}
