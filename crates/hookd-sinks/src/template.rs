//! Texts with fields of the change in them: arguments of commands, subjects of messages.

use hookd_core::FieldValue;
use hookd_core::braces::{self, Piece};
use hookd_store::LoggedChange;

/// The fields that a text can have.
pub const FIELDS: [&str; 16] = [
    "author",
    "branch",
    "category",
    "changeid",
    "codebase",
    "comments",
    "committer",
    "deliveryid",
    "dialect",
    "hookd_id",
    "project",
    "repository",
    "revision",
    "revlink",
    "src",
    "when_timestamp",
];

/// The longest value, in bytes: Linux takes arguments and variables of up to 128 KiB.
const MAX_VALUE_BYTES: usize = 64 << 10;

/// The value of one of the [`FIELDS`], empty where there is none: cut after 64 KiB, and without NUL bytes, which neither an
/// argument nor a variable can have.
///
/// # Panics
/// Where it is none of the fields.
pub fn value(logged: &LoggedChange, field: &str) -> String {
    let mut value = match field {
        "changeid" => logged.changeid.to_string(),
        "deliveryid" => logged.deliveryid.to_string(),
        "dialect" => logged.dialect.to_string(),
        "hookd_id" => logged.hookd_id.clone(),
        field => match logged.change.field(field) {
            Some(FieldValue::Text(text)) => text.to_owned(),
            Some(FieldValue::OptionalText(text)) => text.unwrap_or_default().to_owned(),
            Some(FieldValue::Seconds(seconds)) => seconds.map(|seconds| seconds.to_string()).unwrap_or_default(),
            Some(FieldValue::Texts(_) | FieldValue::Properties(_)) | None => {
                unreachable!("`{field}` is none of the fields, and was refused when the template was parsed")
            }
        },
    };
    value.retain(|c| c != '\0');
    value.truncate(value.floor_char_boundary(MAX_VALUE_BYTES));
    value
}

/// A text with fields.
#[derive(Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is the same for every change.
    Text(String),
    /// The name of a field.
    Field(&'static str),
}

/// Whether a text has something that looks like a field.
pub(crate) fn has_fields(text: &str) -> bool {
    text.contains(['{', '}'])
}

impl Template {
    /// Parses a text such as `--branch={branch}`; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// A field that there is not, a brace that is not closed or not opened.
    pub fn parse(argument: &str) -> Result<Self, String> {
        let part = |piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text)),
            Piece::Place(name) => match FIELDS.iter().find(|field| **field == name) {
                Some(field) => Ok(Part::Field(field)),
                None => {
                    let known: Vec<String> = FIELDS.iter().map(|field| format!("`{field}`")).collect();
                    Err(format!("unknown field `{name}`, expected one of {}", known.join(", ")))
                }
            },
        };
        Ok(Self(braces::pieces(argument)?.into_iter().map(part).collect::<Result<_, String>>()?))
    }

    /// Its parts, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether its first character comes from the change.
    pub(crate) fn begins_with_a_field(&self) -> bool {
        matches!(self.0.first(), Some(Part::Field(_)))
    }

    /// The argument for a change.
    pub(crate) fn fill(&self, change: &LoggedChange) -> String {
        let filled = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(field) => value(change, field),
        });
        let mut argument: String = filled.collect();
        argument.truncate(argument.floor_char_boundary(2 * MAX_VALUE_BYTES - 1));
        argument
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::logged;

    #[test]
    fn fills_in_the_values_of_the_change() {
        let fill = |argument: &str| Template::parse(argument).unwrap().fill(&logged());
        assert_eq!(fill("--branch={branch}"), "--branch=main");
        assert_eq!(fill("{repository}@{revision}"), "https://example.org/tea@c0ffee");
        assert_eq!(fill("{{{branch}}} {{}}"), "{main} {}");
        assert_eq!(fill("{changeid} {deliveryid} {when_timestamp}"), "17 9 1699999999");
        assert_eq!(fill(""), "");
    }

    #[test]
    fn what_is_one_text_or_number_of_a_change_is_a_field() {
        let own = ["changeid", "deliveryid", "dialect", "hookd_id"];
        let lists = ["files", "properties"];
        let of_change = hookd_core::Change::FIELDS.into_iter().filter(|field| !lists.contains(field));
        let mut all: Vec<_> = own.into_iter().chain(of_change).collect();
        all.sort_unstable();
        assert_eq!(FIELDS.to_vec(), all);
    }

    #[test]
    fn every_field_has_a_value() {
        for field in FIELDS {
            assert!(!value(&logged(), field).is_empty(), "{field}");
        }
    }

    #[test]
    fn a_value_stays_within_one_argument() {
        let mut logged = logged();
        logged.change.branch = Some("a b\"; rm -rf {revision}\0'\n$(x)".to_owned());
        let filled = Template::parse("x{branch}").unwrap().fill(&logged);
        assert_eq!(filled, "xa b\"; rm -rf {revision}'\n$(x)");
        logged.change.branch = None;
        assert_eq!(Template::parse("x{branch}").unwrap().fill(&logged), "x");
    }

    #[test]
    fn cuts_values_that_no_argument_can_have() {
        let mut logged = logged();
        logged.change.comments = "ü".repeat(100_000);
        assert_eq!(value(&logged, "comments").len(), MAX_VALUE_BYTES);
        assert!(Template::parse("{comments}{comments}{comments}").unwrap().fill(&logged).len() < 128 << 10);
    }

    #[test]
    fn refuses_fields_that_there_are_not() {
        let refusal = |argument: &str| Template::parse(argument).unwrap_err();
        assert!(refusal("{brnch}").starts_with("unknown field `brnch`, expected one of `author`, `branch`, "));
        assert_eq!(refusal("{branch"), "`{branch` has a `{` without its `}`; write `{{` for a brace");
        assert_eq!(refusal("branch}"), "`branch}` has a `}` without its `{`; write `}}` for a brace");
    }
}
