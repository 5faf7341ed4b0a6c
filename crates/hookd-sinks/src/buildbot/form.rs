//! A change as a form, for the `base` dialect, within the limits of Buildbot's tables.
//!
//! Fields that are null are left out, since a form has no null; so is an empty codebase, so that the master's
//! `codebaseGenerator` is asked as it is for Buildbot's own hooks. The kind of version control (`src`) has no field.

use std::borrow::Cow;

use hookd_core::Change;
use hookd_store::LoggedChange;
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

/// The property that carries the id of a change.
pub(crate) const ID_PROPERTY: &str = "hookd_id";

/// The widths of columns, in characters, as in Buildbot's `db/model.py`: what is longer makes a master with MySQL or
/// PostgreSQL answer 500, and one with SQLite take it.
const MAX_PERSON_CHARS: usize = 255;
const MAX_REVLINK_CHARS: usize = 256;
const MAX_FILE_CHARS: usize = 1024;
const MAX_PROPERTY_NAME_CHARS: usize = 256;

/// What a `TEXT` of MySQL takes, in bytes.
const MAX_COMMENTS_BYTES: usize = 65_535;

/// What stands at the end of a text that was cut.
const CUT: char = '…';

/// The form of a change.
///
/// What only describes is cut: author, committer, names of files, comments. A link that is too long is left out, since
/// half of one leads nowhere. What schedulers and builds go by is not touched.
///
/// # Errors
/// Which field is too long for a master.
pub(crate) fn encode(logged: &LoggedChange) -> Result<String, String> {
    // Without `..`: a new field is sent, or is named here as one that is not.
    let Change {
        author,
        branch,
        category,
        codebase,
        comments,
        committer,
        files,
        project,
        properties,
        repository,
        revision,
        revlink,
        src: _,
        when_timestamp,
    } = &logged.change;
    let codebase = Some(codebase.as_str()).filter(|codebase| !codebase.is_empty());
    let limits = [
        ("branch", branch.as_deref(), 255),
        ("revision", revision.as_deref(), 255),
        ("category", category.as_deref(), 255),
        ("codebase", codebase, 256),
        ("repository", Some(repository.as_str()), 512),
        ("project", Some(project.as_str()), 512),
    ];
    for (field, value, max) in limits {
        let length = value.map_or(0, |value| value.chars().count());
        if length > max {
            return Err(format!("`{field}` has {length} characters, and Buildbot keeps at most {max}"));
        }
    }
    if let Some(name) = properties.keys().find(|name| name.chars().count() > MAX_PROPERTY_NAME_CHARS) {
        let begin: String = name.chars().take(40).collect();
        return Err(format!(
            "the name of the property `{begin}{CUT}` is longer than {MAX_PROPERTY_NAME_CHARS} characters"
        ));
    }
    let revlink = revlink.as_deref().filter(|link| link.chars().count() <= MAX_REVLINK_CHARS);
    let files: Vec<_> = files.iter().map(|file| cut_chars(file, MAX_FILE_CHARS)).collect();
    let mut properties: Map<String, Value> = properties.to_map();
    properties.insert(ID_PROPERTY.to_owned(), Value::String(logged.hookd_id.clone()));

    let mut form = Serializer::new(String::new());
    form.append_pair("author", &cut_chars(author, MAX_PERSON_CHARS));
    if let Some(committer) = committer {
        form.append_pair("committer", &cut_chars(committer, MAX_PERSON_CHARS));
    }
    form.append_pair("comments", &cut_bytes(comments, MAX_COMMENTS_BYTES));
    let optional = [
        ("branch", branch.as_deref()),
        ("category", category.as_deref()),
        ("codebase", codebase),
        ("revision", revision.as_deref()),
        ("revlink", revlink),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    // Without these two a master of some versions answers 500.
    form.append_pair("project", project);
    form.append_pair("repository", repository);
    if let Some(when) = when_timestamp {
        form.append_pair("when_timestamp", &when.to_string());
    }
    form.append_pair("files", &serde_json::to_string(&files).expect("texts are JSON"));
    form.append_pair("properties", &serde_json::to_string(&properties).expect("its keys are texts"));
    Ok(form.finish())
}

fn cut_chars(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(max - 1).chain([CUT]).collect()),
    }
}

fn cut_bytes(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(max - CUT.len_utf8());
    Cow::Owned(format!("{}{CUT}", &text[..end]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::document::tests::logged;

    fn fields(logged: &LoggedChange) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(encode(logged).unwrap().as_bytes()).into_owned().collect()
    }

    #[test]
    fn sends_every_field() {
        let fields = fields(&logged());
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "author",
                "branch",
                "category",
                "codebase",
                "comments",
                "committer",
                "files",
                "project",
                "properties",
                "repository",
                "revision",
                "revlink",
                "when_timestamp"
            ]
        );
        assert_eq!(fields["files"], r#"["kettle.c","ü.txt"]"#);
        assert_eq!(fields["comments"], "Boil water\n\nFirst.");
        assert_eq!(fields["when_timestamp"], "1699999999");
        let properties: Value = serde_json::from_str(&fields["properties"]).unwrap();
        let expected = serde_json::json!({"event": "push", "n": [1, null], "hookd_id": "k3y-17-60a24181e4000"});
        assert_eq!(properties, expected);
    }

    /// What a master receives changes by intention only.
    #[test]
    fn a_form_is_the_same_in_every_build() {
        let full = concat!(
            "author=Ann+%3Cann%40example.org%3E&committer=Bob&comments=Boil+water%0A%0AFirst.&branch=main&",
            "category=push&codebase=tea&revision=c0ffee&revlink=https%3A%2F%2Fexample.org%2Ftea%2Fc0ffee&",
            "project=kitchen&repository=https%3A%2F%2Fexample.org%2Ftea&when_timestamp=1699999999&",
            "files=%5B%22kettle.c%22%2C%22%C3%BC.txt%22%5D&",
            "properties=%7B%22event%22%3A%22push%22%2C%22hookd_id%22%3A%22k3y-17-60a24181e4000%22%2C%22n%22%3A%5B1%2Cnull%5D%7D",
        );
        assert_eq!(encode(&logged()).unwrap(), full);
        let bare = LoggedChange { change: Change::default(), ..logged() };
        let expected = "author=&comments=&project=&repository=&files=%5B%5D&properties=%7B%22hookd_id%22%3A%22k3y-17-60a24181e4000%22%7D";
        assert_eq!(encode(&bare).unwrap(), expected);
    }

    #[test]
    fn leaves_out_what_is_null_but_always_names_project_and_repository() {
        let mut logged = logged();
        logged.change = hookd_core::Change::default();
        let fields = fields(&logged);
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        assert_eq!(names, ["author", "comments", "files", "project", "properties", "repository"]);
    }

    #[test]
    fn the_id_of_hookd_wins_over_a_property_of_that_name() {
        let mut logged = logged();
        logged.change.properties.insert("hookd_id".to_owned(), "stolen".into());
        let properties: Value = serde_json::from_str(&fields(&logged)["properties"]).unwrap();
        assert_eq!(properties["hookd_id"], "k3y-17-60a24181e4000");
    }

    #[test]
    fn cuts_what_describes() {
        let mut logged = logged();
        logged.change.author = "ü".repeat(256);
        logged.change.committer = Some("x".repeat(255));
        logged.change.comments = "ü".repeat(32_768);
        logged.change.revlink = Some(format!("https://example.org/{}", "x".repeat(256)));
        logged.change.files = vec!["x".repeat(1025)];
        let fields = fields(&logged);
        assert_eq!(fields["author"], format!("{}…", "ü".repeat(254)));
        assert_eq!(fields["committer"], "x".repeat(255));
        assert_eq!(fields["comments"], format!("{}…", "ü".repeat(32_766)));
        assert!(fields["comments"].len() <= MAX_COMMENTS_BYTES);
        assert!(!fields.contains_key("revlink"));
        let files: Vec<String> = serde_json::from_str(&fields["files"]).unwrap();
        assert_eq!(files, [format!("{}…", "x".repeat(1023))]);
    }

    #[test]
    fn refuses_to_cut_what_identifies() {
        type Set = fn(&mut hookd_core::Change, String);
        let setters: [(&str, usize, Set); 6] = [
            ("branch", 255, |change, value| change.branch = Some(value)),
            ("revision", 255, |change, value| change.revision = Some(value)),
            ("category", 255, |change, value| change.category = Some(value)),
            ("codebase", 256, |change, value| change.codebase = value),
            ("repository", 512, |change, value| change.repository = value),
            ("project", 512, |change, value| change.project = value),
        ];
        for (field, max, set) in setters {
            let mut logged = logged();
            set(&mut logged.change, "ü".repeat(max));
            assert!(encode(&logged).is_ok(), "{field}");
            set(&mut logged.change, "ü".repeat(max + 1));
            let refusal = encode(&logged).unwrap_err();
            assert_eq!(refusal, format!("`{field}` has {} characters, and Buildbot keeps at most {max}", max + 1));
        }
        let mut logged = logged();
        logged.change.properties.insert("x".repeat(257), Value::Null);
        assert!(encode(&logged).unwrap_err().contains("property"));
    }
}
