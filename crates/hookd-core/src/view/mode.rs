//! The readers that the mode of a view decides over.
//!
//! Without `compat`, what describes a change may be missing, and what identifies it must be right. Buildbot's hooks index
//! into the payload, so that what they read must be there, and put what they find into a change or a text as Python
//! would, null included.

use std::borrow::Cow;

use serde_json::Value;

use super::View;
use crate::{Compat, Json, Refusal, person};

/// What GitLab writes in place of an e-mail address that its owner keeps private.
const REDACTED: &str = "[REDACTED]";

impl<'p> View<'p> {
    /// The same place, and all that is reached from it, read in this mode.
    #[must_use]
    pub fn reading(self, compat: Compat) -> Self {
        Self { compat, ..self }
    }

    /// A text that describes. Without `compat`: `None` where it is null or not there. As Buildbot: it must be there, and
    /// may be null.
    ///
    /// # Errors
    /// As [`View::optional_text`] or [`View::nullable_text`].
    pub fn maybe(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        match self.compat {
            Compat::Off => self.optional_text(path),
            Compat::Buildbot => self.nullable_text(path),
        }
    }

    /// A text that identifies, such as a revision or a branch. Without `compat`: it must be a text. As Buildbot: it may
    /// be null.
    ///
    /// # Errors
    /// As [`View::text`] or [`View::nullable_text`].
    pub fn identifier(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        match self.compat {
            Compat::Off => self.text(path).map(Some),
            Compat::Buildbot => self.nullable_text(path),
        }
    }

    /// A text as a part of a longer one. Without `compat`: it must be a text. As Buildbot: whatever is there, as Python's
    /// `str()` writes it, null as `None`.
    ///
    /// # Errors
    /// As [`View::text`] or [`View::python_str`].
    pub fn shown(&self, path: &str) -> Result<Cow<'p, str>, Refusal> {
        match self.compat {
            Compat::Off => self.text(path).map(Cow::Borrowed),
            Compat::Buildbot => self.python_str(path),
        }
    }

    /// As [`View::shown`], but without `compat` it may be null or missing, and is empty then.
    ///
    /// # Errors
    /// As [`View::optional_text`] or [`View::python_str`].
    pub fn shown_or_empty(&self, path: &str) -> Result<Cow<'p, str>, Refusal> {
        match self.compat {
            Compat::Off => Ok(Cow::Borrowed(self.optional_text(path)?.unwrap_or_default())),
            Compat::Buildbot => self.python_str(path),
        }
    }

    /// A number as a part of a text. Without `compat`: it must be a number. As Buildbot: as [`View::shown`].
    ///
    /// # Errors
    /// As [`View::need`], and without `compat` when it is not a number.
    pub fn shown_number(&self, path: &str) -> Result<Cow<'p, str>, Refusal> {
        match self.need(path)? {
            other if self.compat == Compat::Off && !matches!(other, Json::Number(_)) => {
                Err(self.unexpected(path, other, "a number"))
            }
            _ => self.python_str(path),
        }
    }

    /// A count as a part of a text. Without `compat`: as [`View::count`]. As Buildbot: as [`View::shown`].
    ///
    /// # Errors
    /// As [`View::count`] or [`View::python_str`].
    pub fn shown_count(&self, path: &str) -> Result<Cow<'p, str>, Refusal> {
        if self.compat == Compat::Off {
            self.count(path)?;
        }
        self.python_str(path)
    }

    /// `name <email>`, from the texts at these paths. Without `compat`: what there is of it, `None` where there is
    /// nothing; empty texts, and addresses that GitLab replaced by `[REDACTED]`, count as not there. As Buildbot: both
    /// must be there, and are written as by [`View::shown`].
    ///
    /// # Errors
    /// As [`View::optional_text`] or [`View::python_str`].
    pub fn person(&self, name: &str, email: &str) -> Result<Option<String>, Refusal> {
        match self.compat {
            Compat::Off => {
                let email = self.optional_text(email)?.filter(|email| *email != REDACTED);
                Ok(person(self.optional_text(name)?, email))
            }
            Compat::Buildbot => Ok(Some(format!("{} <{}>", self.python_str(name)?, self.python_str(email)?))),
        }
    }

    /// A date, in seconds since 1970. Without `compat`: `None` where it is null or not there. As Buildbot: it must be
    /// there.
    ///
    /// # Errors
    /// As [`View::optional_date`] or [`View::date`].
    pub fn maybe_date(&self, path: &str) -> Result<Option<i64>, Refusal> {
        match self.compat {
            Compat::Off => self.optional_date(path),
            Compat::Buildbot => self.date(path).map(Some),
        }
    }

    /// The items of a list. Without `compat`: none where it is null or not there. As Buildbot: it must be there.
    ///
    /// # Errors
    /// As [`View::list_or_empty`] or [`View::list`].
    pub fn maybe_list(&self, path: &str) -> Result<Vec<View<'p>>, Refusal> {
        match self.compat {
            Compat::Off => self.list_or_empty(path),
            Compat::Buildbot => self.list(path),
        }
    }

    /// Any value, for a property. Without `compat`: null where it is not there. As Buildbot: it must be there.
    ///
    /// # Errors
    /// As [`View::need`], as Buildbot.
    pub fn maybe_value(&self, path: &str) -> Result<Value, Refusal> {
        match self.compat {
            Compat::Off => Ok(self.get(path).map_or(Value::Null, Json::to_value)),
            Compat::Buildbot => self.need(path).map(Json::to_value),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::View;
    use crate::Compat::{Buildbot, Off};
    use crate::Refusal;

    const PAYLOAD: &[u8] = br#"{"t": "x", "n": null, "five": 5, "half": 0.5, "gone": "[REDACTED]", "l": [{}]}"#;

    /// What both modes make of the same reading: without `compat`, then as Buildbot.
    fn both<T: Debug>(read: impl Fn(View<'_>) -> Result<T, Refusal>) -> [String; 2] {
        [Off, Buildbot].map(|compat| match View::read(PAYLOAD, |root| read(root.reading(compat))) {
            Ok(value) => format!("{value:?}"),
            Err(refusal) => refusal.message().to_owned(),
        })
    }

    #[test]
    fn the_mode_decides_how_strictly_a_field_is_read() {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let missing = "`m` is missing";
        assert_eq!(both(|root| root.maybe("m").map(owned)), ["None", missing]);
        assert_eq!(both(|root| root.maybe("n").map(owned)), ["None", "None"]);
        assert_eq!(both(|root| root.identifier("n").map(owned)), ["`n` is null, expected a text", "None"]);
        assert_eq!(both(|root| root.identifier("m").map(owned)), [missing, missing]);
        let shown = |path: &'static str| both(move |root| root.shown(path).map(|text| text.into_owned()));
        assert_eq!(shown("n"), ["`n` is null, expected a text", r#""None""#]);
        assert_eq!(shown("five"), ["`five` is a number, expected a text", r#""5""#]);
        let or_empty = |path: &'static str| both(move |root| root.shown_or_empty(path).map(|text| text.into_owned()));
        assert_eq!(or_empty("n"), [r#""""#, r#""None""#]);
        assert_eq!(or_empty("m"), [r#""""#, missing]);
        let number = |path: &'static str| both(move |root| root.shown_number(path).map(|text| text.into_owned()));
        assert_eq!(number("half"), [r#""0.5""#, r#""0.5""#]);
        assert_eq!(number("t"), ["`t` is a text, expected a number", r#""x""#]);
        let count = |path: &'static str| both(move |root| root.shown_count(path).map(|text| text.into_owned()));
        assert_eq!(count("half"), ["`half` is a number, expected an integer that is not negative", r#""0.5""#]);
        assert_eq!(both(|root| root.person("t", "gone")), [r#"Some("x")"#, r#"Some("x <[REDACTED]>")"#]);
        assert_eq!(both(|root| root.person("m", "n")), ["None", missing]);
        assert_eq!(both(|root| root.maybe_date("n")), ["None", "`n` is null, expected a text"]);
        assert_eq!(both(|root| root.maybe_list("n").map(|list| list.len())), ["0", "`n` is null, expected a list"]);
        assert_eq!(both(|root| root.maybe_value("m")), ["Null", missing]);
    }

    #[test]
    fn all_that_is_reached_from_a_view_is_read_in_its_mode() {
        let read = |root: View<'_>| root.list("l")?[0].maybe("m").map(|text| text.map(str::to_owned));
        assert_eq!(both(read), ["None", "`l[0].m` is missing"]);
    }
}
