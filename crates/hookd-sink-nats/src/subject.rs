//! The subject of a change: a template whose fields become parts of tokens.
//!
//! Invariant: whatever a change contains, its subject is valid, has the tokens of the template and no others, and no wildcard.
//! Different values give different subjects.

use hookd_sinks::{FIELDS, Part, Template, value};
use hookd_store::LoggedChange;

/// The longest subject: a line of the protocol, with the subject and more in it, may have 4096 bytes by default.
const MAX_SUBJECT_BYTES: usize = 2048;

/// What stands for a value that is empty, or missing: no branch of Git can be called so.
const EMPTY: &str = "~";

/// The field that no subject can have: its values are texts of many lines.
const NOT_A_TOKEN: &str = "comments";

/// A template that makes subjects.
#[derive(Debug)]
pub(crate) struct SubjectTemplate {
    template: Template,
    shown: String,
}

impl SubjectTemplate {
    /// Parses a template such as `hookd.{project}.{branch}`.
    ///
    /// # Errors
    /// What keeps it from being the template of a subject that can be published to.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let template = Template::parse(text)?;
        // What is between the fields.
        let mut constant = String::new();
        for part in template.parts() {
            match part {
                Part::Text(text) => constant.push_str(text),
                Part::Field(NOT_A_TOKEN) => {
                    let known: Vec<_> = FIELDS
                        .iter()
                        .filter(|field| **field != NOT_A_TOKEN)
                        .map(|field| format!("`{field}`"))
                        .collect();
                    return Err(format!("a subject cannot have `{NOT_A_TOKEN}`, expected one of {}", known.join(", ")));
                }
                // It is never empty.
                Part::Field(_) => constant.push('x'),
            }
        }
        if constant.split('.').any(str::is_empty) {
            return Err("each part between the dots must have something in it".to_owned());
        }
        if let Some(wrong) = constant.chars().find(|c| matches!(c, '*' | '>') || c.is_whitespace() || c.is_control()) {
            return Err(format!("a subject to publish to cannot have {wrong:?}"));
        }
        if constant.starts_with(['$', '_']) {
            return Err("subjects that begin with `$` or `_` are those of NATS itself".to_owned());
        }
        if constant.len() > MAX_SUBJECT_BYTES / 2 {
            return Err(format!("a subject has at most {MAX_SUBJECT_BYTES} bytes"));
        }
        Ok(Self { template, shown: text.to_owned() })
    }

    /// The subject of a change.
    ///
    /// # Errors
    /// Where it would be longer than a server takes.
    pub(crate) fn fill(&self, change: &LoggedChange) -> Result<String, String> {
        let mut subject = String::new();
        for part in self.template.parts() {
            match part {
                Part::Text(text) => subject.push_str(text),
                Part::Field(field) => push_escaped(&mut subject, &value(change, field)),
            }
        }
        if subject.len() > MAX_SUBJECT_BYTES {
            let length = subject.len();
            return Err(format!("its subject would have {length} bytes, more than {MAX_SUBJECT_BYTES}"));
        }
        Ok(subject)
    }

    /// The subject with wildcards that has the subjects of all changes: for what asks the server.
    pub(crate) fn pattern(&self) -> String {
        // No text has this character.
        const FIELD: char = '\0';
        let parts = self.template.parts().iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(_) => FIELD.to_string(),
        });
        let tokens: String = parts.collect();
        let tokens = tokens.split('.').map(|token| if token.contains(FIELD) { "*" } else { token });
        tokens.collect::<Vec<_>>().join(".")
    }

    /// As it stands in the configuration.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }
}

/// Appends a value as a part of a token. What a token cannot have, and `%`, is escaped as in URLs; so is whatever is not
/// ASCII, since not every client takes it.
fn push_escaped(subject: &mut String, value: &str) {
    use std::fmt::Write as _;
    if value.is_empty() {
        subject.push_str(EMPTY);
    }
    for byte in value.bytes() {
        match byte {
            b'.' | b'*' | b'>' | b'%' | b'~' | b'$' | ..=b' ' | 0x7f.. => {
                write!(subject, "%{byte:02X}").expect("writing to a String does not fail");
            }
            _ => subject.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use hookd_core::Change;
    use hookd_store::Timestamp;

    use super::*;

    fn change(project: &str, branch: Option<&str>) -> LoggedChange {
        LoggedChange {
            changeid: 17,
            deliveryid: 9,
            received_at: Timestamp::from_micros(1),
            dialect: "github".into(),
            hookd_id: "k3y-17-1".to_owned(),
            change: Change { project: project.to_owned(), branch: branch.map(str::to_owned), ..Change::default() },
        }
    }

    fn fill(template: &str, change: &LoggedChange) -> String {
        SubjectTemplate::parse(template).unwrap().fill(change).unwrap()
    }

    #[test]
    fn fields_become_tokens() {
        let change = change("tea", Some("main"));
        assert_eq!(fill("hookd.{project}.{branch}", &change), "hookd.tea.main");
        assert_eq!(fill("hookd.p-{project}-{changeid}", &change), "hookd.p-tea-17");
        assert_eq!(fill("hookd", &change), "hookd");
    }

    #[test]
    fn values_stay_within_their_token_and_stay_different() {
        let of = |branch| fill("hookd.{branch}.x", &change("", branch));
        let cases = [
            (Some("release/1.2"), "hookd.release/1%2E2.x"),
            (Some("*"), "hookd.%2A.x"),
            (Some(">"), "hookd.%3E.x"),
            (Some("a b\t\r\nPUB"), "hookd.a%20b%09%0D%0APUB.x"),
            (Some("ü"), "hookd.%C3%BC.x"),
            (Some("100%"), "hookd.100%25.x"),
            (Some("~"), "hookd.%7E.x"),
            (Some("%7E"), "hookd.%257E.x"),
            (Some("\u{7f}"), "hookd.%7F.x"),
            (Some(""), "hookd.~.x"),
            (None, "hookd.~.x"),
        ];
        for (branch, subject) in cases {
            assert_eq!(of(branch), subject, "{branch:?}");
        }
        assert_eq!(fill("{project}.x", &change("$SYS.>", None)), "%24SYS%2E%3E.x");
    }

    #[test]
    fn every_byte_gives_one_valid_token() {
        for character in (0..=0x2ff).filter_map(char::from_u32) {
            let subject = fill("{project}", &change(&character.to_string(), None));
            let is_valid = |c: char| c.is_ascii_graphic() && !matches!(c, '.' | '*' | '>');
            // `value` leaves out NUL.
            assert!(!subject.is_empty() && subject.chars().all(is_valid), "{character:?}: {subject}");
        }
    }

    #[test]
    fn the_pattern_has_a_wildcard_for_each_token_with_a_field() {
        let pattern = |template| SubjectTemplate::parse(template).unwrap().pattern();
        assert_eq!(pattern("hookd.{project}.x.{branch}"), "hookd.*.x.*");
        assert_eq!(pattern("hookd.{project}-{branch}.x"), "hookd.*.x");
        assert_eq!(pattern("hookd"), "hookd");
    }

    #[test]
    fn refuses_what_is_no_subject() {
        let refusal = |template: &str| SubjectTemplate::parse(template).unwrap_err();
        for template in ["", ".", "hookd.", ".hookd", "hookd..{branch}"] {
            assert_eq!(refusal(template), "each part between the dots must have something in it", "{template:?}");
        }
        assert_eq!(refusal("hookd.>"), "a subject to publish to cannot have '>'");
        assert_eq!(refusal("hookd.*"), "a subject to publish to cannot have '*'");
        assert_eq!(refusal("hookd.a b"), "a subject to publish to cannot have ' '");
        assert_eq!(refusal("$JS.{branch}"), "subjects that begin with `$` or `_` are those of NATS itself");
        assert!(refusal("{brnch}").starts_with("unknown field `brnch`, expected one of `author`, `branch`, "));
        let refused = refusal("{comments}");
        assert!(refused.starts_with("a subject cannot have `comments`, expected one of `author`"), "{refused}");
    }

    #[test]
    fn a_subject_that_no_server_takes_is_refused() {
        let long = change(&"ü".repeat(400), None);
        let refused = SubjectTemplate::parse("{project}").unwrap().fill(&long).unwrap_err();
        assert_eq!(refused, "its subject would have 2400 bytes, more than 2048");
    }
}
