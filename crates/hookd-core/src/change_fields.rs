//! The fields of a change by name: one place for whatever shows, sends or measures all of them.
//!
//! The list names each field of the struct, or does not compile. They come in the order of their names, which is that of
//! Buildbot's REST API.

use crate::{Change, Properties};

/// The value of a field of a change.
#[derive(Clone, Copy, Debug)]
pub enum FieldValue<'c> {
    /// A text, which is empty where the change has none.
    Text(&'c str),
    /// A text that may be missing, which is not the same as empty.
    OptionalText(Option<&'c str>),
    /// A list of texts.
    Texts(&'c [String]),
    /// Build properties.
    Properties(&'c Properties),
    /// A moment in whole seconds since 1970 (UTC).
    Seconds(Option<i64>),
}

macro_rules! fields {
    ($($name:ident => $value:expr,)+) => {
        impl Change {
            /// The names of all fields, sorted.
            pub const FIELDS: [&'static str; [$(stringify!($name)),+].len()] = [$(stringify!($name)),+];

            /// All fields in the order of [`FIELDS`](Self::FIELDS), each with its name.
            pub fn fields(&self) -> [(&'static str, FieldValue<'_>); Self::FIELDS.len()] {
                // Without `..`: whoever adds a field adds it to the list below.
                let Self { $($name),+ } = self;
                [$((stringify!($name), $value)),+]
            }
        }
    };
}

fields! {
    author => FieldValue::Text(author),
    branch => FieldValue::OptionalText(branch.as_deref()),
    category => FieldValue::OptionalText(category.as_deref()),
    codebase => FieldValue::Text(codebase),
    comments => FieldValue::Text(comments),
    committer => FieldValue::OptionalText(committer.as_deref()),
    files => FieldValue::Texts(files),
    project => FieldValue::Text(project),
    properties => FieldValue::Properties(properties),
    repository => FieldValue::Text(repository),
    revision => FieldValue::OptionalText(revision.as_deref()),
    revlink => FieldValue::OptionalText(revlink.as_deref()),
    src => FieldValue::OptionalText(src.as_deref()),
    when_timestamp => FieldValue::Seconds(*when_timestamp),
}

impl Change {
    /// The names of the fields that Buildbot's forms take and its REST API has, sorted: all but `src`.
    pub fn fields_of_buildbot() -> impl Iterator<Item = &'static str> {
        Self::FIELDS.into_iter().filter(|name| *name != "src")
    }

    /// The value of a field; `None` where there is no field of that name.
    pub fn field(&self, name: &str) -> Option<FieldValue<'_>> {
        self.fields().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_names_are_those_of_its_json_in_their_order() {
        let Ok(Value::Object(json)) = serde_json::to_value(Change::default()) else { panic!("a change is an object") };
        assert_eq!(json.keys().collect::<Vec<_>>(), Change::FIELDS.iter().collect::<Vec<_>>());
        assert_eq!(Change::default().fields().map(|(name, _)| name), Change::FIELDS);
        assert_eq!(Change::fields_of_buildbot().count(), 13);
    }

    #[test]
    fn a_field_is_found_by_its_name() {
        let change = Change { revision: Some("1f3a".to_owned()), when_timestamp: Some(7), ..Change::default() };
        assert!(matches!(change.field("revision"), Some(FieldValue::OptionalText(Some("1f3a")))));
        assert!(matches!(change.field("when_timestamp"), Some(FieldValue::Seconds(Some(7)))));
        assert!(change.field("who").is_none());
    }
}
