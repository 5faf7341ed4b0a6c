//! Changes as the dialect base takes them, and the bounds of a request.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// How much of a message is sent.
const MAX_COMMENTS_BYTES: usize = 64 << 10;

/// How much of the names of a change's files is sent.
const MAX_FILES_BYTES: usize = 1 << 20;

/// How long a body may be: hookd takes 25 MiB by default.
const MAX_BODY_BYTES: usize = 16 << 20;

/// A change: the fields of base.
#[derive(Debug, Serialize)]
pub(crate) struct Change {
    pub(crate) author: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) committer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) codebase: Option<String>,
    pub(crate) comments: String,
    pub(crate) files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) properties: Map<String, Value>,
    pub(crate) repository: String,
    pub(crate) revision: String,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<i64>,
}

/// What one push becomes.
#[derive(Debug)]
pub(crate) struct Push {
    /// The id of the delivery.
    pub(crate) id: String,
    /// Parents before children; those of one branch beside each other, its head last.
    pub(crate) changes: Vec<Change>,
    /// What whoever pushed should know, a line each.
    pub(crate) notes: Vec<String>,
}

impl Push {
    /// A JSON list of the changes, within bounds: long messages are cut, and so are long lists of files, with a property
    /// `files_left_out`; the oldest changes are left out if it is still too long, with a note.
    pub(crate) fn body(&mut self) -> String {
        let mut texts = Vec::new();
        let mut room = MAX_BODY_BYTES;
        for change in self.changes.iter_mut().rev() {
            change.limit();
            let text = serde_json::to_string(change).unwrap_or_default();
            if text.len() + 1 > room {
                break;
            }
            room -= text.len() + 1;
            texts.push(text);
        }
        let left_out = self.changes.len() - texts.len();
        if left_out > 0 {
            self.changes.drain(..left_out);
            self.notes.push(format!("the oldest {left_out} changes do not fit into one request and are left out"));
        }
        texts.reverse();
        format!("[{}]", texts.join(","))
    }
}

impl Change {
    fn limit(&mut self) {
        self.comments.truncate(self.comments.floor_char_boundary(MAX_COMMENTS_BYTES));
        let mut room = MAX_FILES_BYTES;
        let fit = self.files.iter().take_while(|file| {
            let fits = file.len() < room;
            room = room.saturating_sub(file.len() + 1);
            fits
        });
        let fit = fit.count();
        if fit < self.files.len() {
            self.properties.insert("files_left_out".to_owned(), (self.files.len() - fit).into());
            self.files.truncate(fit);
        }
    }
}

/// The id of a delivery: derived from what was pushed, so that it is the same at each try.
pub(crate) fn delivery_id(system: &str, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{system}-{}", hex::encode(&hash.finalize()[..16]))
}

/// The text of bytes that are mostly UTF-8; what is not is replaced.
pub(crate) fn text(bytes: &[u8]) -> String {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(revision: &str) -> Change {
        Change {
            author: "ann".to_owned(),
            committer: None,
            branch: Some("main".to_owned()),
            category: None,
            codebase: None,
            comments: "why".to_owned(),
            files: vec!["a".to_owned()],
            project: None,
            properties: Map::new(),
            repository: "/r".to_owned(),
            revision: revision.to_owned(),
            when: Some(1),
        }
    }

    fn push(changes: Vec<Change>) -> Push {
        Push { id: String::new(), changes, notes: Vec::new() }
    }

    #[test]
    fn fields_without_a_value_are_not_sent() {
        assert_eq!(
            push(vec![change("1")]).body(),
            r#"[{"author":"ann","branch":"main","comments":"why","files":["a"],"repository":"/r","revision":"1","when":1}]"#
        );
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let mut long = change("1");
        long.comments = "ü".repeat(MAX_COMMENTS_BYTES);
        long.files = (0..200_000).map(|n| format!("folder/{n}")).collect();
        let mut push = push(vec![long]);
        assert!(push.body().len() < 2 << 20);
        let change = &push.changes[0];
        assert_eq!(change.comments.len(), MAX_COMMENTS_BYTES);
        assert_eq!(change.properties["files_left_out"], 200_000 - change.files.len());
        assert!(change.files.len() > 50_000, "{}", change.files.len());
    }

    #[test]
    fn the_oldest_changes_are_left_out_of_what_is_longer_than_a_request() {
        let changes = (0..400).map(|n| {
            let mut long = change(&n.to_string());
            long.comments = "x".repeat(MAX_COMMENTS_BYTES);
            long
        });
        let mut push = push(changes.collect());
        assert!(push.body().len() <= MAX_BODY_BYTES + 2);
        assert_eq!(push.changes.last().unwrap().revision, "399");
        let left = push.changes.len();
        assert_eq!(
            push.notes,
            [format!("the oldest {} changes do not fit into one request and are left out", 400 - left)]
        );
    }

    #[test]
    fn ids_depend_on_every_part_and_where_it_ends() {
        let id = |parts: &[&[u8]]| delivery_id("git", parts);
        assert_eq!(id(&[b"a", b"b"]), id(&[b"a", b"b"]));
        assert_ne!(id(&[b"a", b"b"]), id(&[b"ab", b""]));
        assert!(id(&[]).starts_with("git-") && id(&[]).len() == 36, "{}", id(&[]));
    }
}
