//! The readers that the mode of a view decides over.
//!
//! Without `compat`, what describes a change is left out where it is not as it should be, and what identifies it must be
//! right. Buildbot's hooks index into the payload, so that what they read must be there, and put what they find into a
//! change or a text as Python would, null included.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use super::View;
use crate::{Compat, Json, Refusal, person};

/// What GitLab writes in place of an e-mail address that its owner keeps private.
const REDACTED: &str = "[REDACTED]";

/// How many bytes a text, and keys an object, may have that is taken for a list as Python would.
const MAX_PYTHON_ITEMS: usize = 1000;

impl<'p> View<'p> {
    /// The same place, and all that is reached from it, read in this mode.
    #[must_use]
    pub fn reading(self, compat: Compat) -> Self {
        Self { compat, ..self }
    }

    /// A text that describes. Without `compat`: `None` where it is null, not there, or no text. As Buildbot: it must be
    /// there, and may be null.
    ///
    /// # Errors
    /// As Buildbot, as [`View::nullable_text`].
    pub fn maybe(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        match self.compat {
            Compat::Off => Ok(self.or_left_out(self.described_text(path))),
            Compat::Buildbot => self.nullable_text(path),
        }
    }

    /// A text that describes, as [`View::maybe`]; as Buildbot it may not be null either.
    ///
    /// # Errors
    /// As Buildbot, as [`View::text`].
    pub fn maybe_text(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        match self.compat {
            Compat::Off => self.maybe(path),
            Compat::Buildbot => self.text(path).map(Some),
        }
    }

    /// As [`View::maybe`], with `None` also for an empty one.
    ///
    /// # Errors
    /// As [`View::maybe`].
    pub fn maybe_nonempty(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        Ok(self.maybe(path)?.filter(|text| !text.is_empty()))
    }

    /// The first of the texts at `paths` that is there and not empty, each read as by [`View::maybe`].
    ///
    /// # Errors
    /// As [`View::maybe`], for those up to it.
    pub fn maybe_first(&self, paths: &[&str]) -> Result<Option<&'p str>, Refusal> {
        for path in paths {
            if let Some(text) = self.maybe_nonempty(path)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
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

    /// A text that identifies, as a part of a longer one. Without `compat`: it must be a text. As Buildbot: whatever is
    /// there, as Python's `str()` writes it, null as `None`.
    ///
    /// # Errors
    /// As [`View::text`] or [`View::python_str`].
    pub fn shown(&self, path: &str) -> Result<Cow<'p, str>, Refusal> {
        match self.compat {
            Compat::Off => self.text(path).map(Cow::Borrowed),
            Compat::Buildbot => self.python_str(path),
        }
    }

    /// A text that describes, as a part of a longer one. Without `compat`: empty where it is null, not there, or no
    /// text. As Buildbot: as [`View::shown`].
    ///
    /// # Errors
    /// As Buildbot, as [`View::python_str`].
    pub fn shown_or_empty(&self, path: &str) -> Result<Cow<'p, str>, Refusal> {
        match self.compat {
            Compat::Off => Ok(Cow::Borrowed(self.maybe(path)?.unwrap_or_default())),
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

    /// A count that describes, as a part of a text. Without `compat`: `None` where it is null, not there, or no count. As
    /// Buildbot: as [`View::shown`].
    ///
    /// # Errors
    /// As Buildbot, as [`View::python_str`].
    pub fn maybe_shown_count(&self, path: &str) -> Result<Option<Cow<'p, str>>, Refusal> {
        match self.compat {
            Compat::Off => {
                let count = self.described(path).and_then(|found| found.map(|_| self.shown_count(path)).transpose());
                Ok(self.or_left_out(count))
            }
            Compat::Buildbot => self.python_str(path).map(Some),
        }
    }

    /// `name <email>`, from the texts at these paths. Without `compat`: what there is of it, `None` where there is
    /// nothing; empty texts, and addresses that GitLab replaced by `[REDACTED]`, count as not there. As Buildbot: both
    /// must be there, and are written as by [`View::shown`].
    ///
    /// # Errors
    /// As Buildbot, as [`View::python_str`].
    pub fn person(&self, name: &str, email: &str) -> Result<Option<String>, Refusal> {
        match self.compat {
            Compat::Off => {
                let email = self.maybe(email)?.filter(|email| *email != REDACTED);
                Ok(person(self.maybe(name)?, email))
            }
            Compat::Buildbot => Ok(Some(format!("{} <{}>", self.python_str(name)?, self.python_str(email)?))),
        }
    }

    /// A date, in seconds since 1970. Without `compat`: `None` where it is null, not there, or no date. As Buildbot: it
    /// must be a text, and is `None` where it is no date that hookd can read: Buildbot reads more of them.
    ///
    /// # Errors
    /// As Buildbot, as [`View::text`].
    pub fn maybe_date(&self, path: &str) -> Result<Option<i64>, Refusal> {
        Ok(self.maybe_text(path)?.and_then(|text| self.or_left_out(self.date_in(path, text).map(Some))))
    }

    /// The items of a list that describes. Without `compat`: none where it is null, not there, or no list. As Buildbot:
    /// it must be there; an empty text or object has no items either.
    ///
    /// # Errors
    /// As Buildbot, as [`View::list`].
    pub fn maybe_list(&self, path: &str) -> Result<Vec<View<'p>>, Refusal> {
        match self.compat {
            Compat::Off => Ok(self
                .or_left_out(self.described(path).and_then(|found| match found {
                    Some(_) => self.list(path).map(Some),
                    None => Ok(None),
                }))
                .unwrap_or_default()),
            Compat::Buildbot => match self.need(path)? {
                Json::Text("") | Json::Object([]) => Ok(Vec::new()),
                _ => self.list(path),
            },
        }
    }

    /// The texts of a list that describes; none where it is not there. Without `compat`: what is null, or no list of
    /// texts, is left out. As Buildbot: a short text is a list of its characters, an object of its keys.
    ///
    /// # Errors
    /// As Buildbot, when it is neither of these, or an item is not a text.
    pub fn maybe_texts(&self, path: &str) -> Result<Vec<Cow<'p, str>>, Refusal> {
        if self.compat == Compat::Off {
            let items = self.maybe_list(path)?;
            return Ok(items.iter().filter_map(|item| item.maybe_own_text()).map(Cow::Borrowed).collect());
        }
        let unexpected = |found: &Json<'_>| self.unexpected(path, found, "a list of texts");
        match self.get(path) {
            None => Ok(Vec::new()),
            Some(Json::Text(text)) if text.len() <= MAX_PYTHON_ITEMS => {
                Ok(text.chars().map(|c| Cow::Owned(c.to_string())).collect())
            }
            Some(Json::Object(pairs)) if pairs.len() <= MAX_PYTHON_ITEMS => {
                let mut known = HashSet::new();
                let keys = pairs.iter().map(|(key, _)| *key).filter(|key| known.insert(*key));
                Ok(keys.map(Cow::Borrowed).collect())
            }
            Some(Json::List(items)) => items
                .iter()
                .map(|item| if let Json::Text(text) = item { Ok(Cow::Borrowed(*text)) } else { Err(unexpected(item)) })
                .collect(),
            Some(other) => Err(unexpected(other)),
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

    /// What was read of something that describes. A refusal is noted, and it is left out.
    pub fn or_left_out<T>(&self, read: Result<Option<T>, Refusal>) -> Option<T> {
        read.unwrap_or_else(|problem| {
            if let Some(left_out) = self.left_out {
                left_out.note(problem);
            }
            None
        })
    }

    /// What is at `path`; `None` where that, or something on the way, is null or not there.
    fn described(&self, path: &str) -> Result<Option<&'p Json<'p>>, Refusal> {
        let (mut json, mut walked) = (self.json, 0);
        for key in path.split('.') {
            match json {
                Json::Null => return Ok(None),
                Json::Object(_) => {}
                other => return Err(self.unexpected(&path[..walked], other, "an object")),
            }
            walked += key.len() + usize::from(walked > 0);
            let Some(next) = json.get(key) else { return Ok(None) };
            json = next;
        }
        Ok(Some(json).filter(|json| **json != Json::Null))
    }

    fn described_text(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        self.described(path)?.map(|json| self.text_in(path, json)).transpose()
    }

    /// The text at this place; one that is null, or no text, is left out.
    fn maybe_own_text(&self) -> Option<&'p str> {
        match self.json {
            Json::Null => None,
            json => self.or_left_out(self.text_in("", json).map(Some)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::View;
    use crate::Compat::{Buildbot, Off};
    use crate::{HookRequest, Refusal};

    const PAYLOAD: &[u8] = br#"{
        "t": "x", "n": null, "five": 5, "half": 0.5, "gone": "[REDACTED]", "l": [{}], "mixed": ["a", null, 5, "b"],
        "keys": {"k": 1, "l": 2, "k": 3}, "odd": "yesterday"
    }"#;

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
        assert_eq!(both(|root| root.maybe_date("five")), ["None", "`five` is a number, expected a text"]);
        assert_eq!(both(|root| root.maybe_date("odd")), ["None", "None"]);
        let texts = |path: &'static str| {
            both(move |root| {
                root.maybe_texts(path).map(|texts| texts.into_iter().map(String::from).collect::<Vec<_>>())
            })
        };
        assert_eq!(texts("m"), ["[]", "[]"]);
        assert_eq!(texts("n"), ["[]", "`n` is null, expected a list of texts"]);
        assert_eq!(texts("mixed"), [r#"["a", "b"]"#, "`mixed` is null, expected a list of texts"]);
        assert_eq!(texts("keys"), ["[]", r#"["k", "l"]"#]);
        assert_eq!(texts("odd"), ["[]", r#"["y", "e", "s", "t", "e", "r", "d", "a", "y"]"#]);
        assert_eq!(both(|root| root.maybe_list("n").map(|list| list.len())), ["0", "`n` is null, expected a list"]);
        assert_eq!(both(|root| root.maybe_value("m")), ["Null", missing]);
    }

    #[test]
    fn all_that_is_reached_from_a_view_is_read_in_its_mode() {
        let read = |root: View<'_>| root.list("l")?[0].maybe("m").map(|text| text.map(str::to_owned));
        assert_eq!(both(read), ["None", "`l[0].m` is missing"]);
    }

    #[test]
    fn what_describes_and_is_wrong_is_left_out_and_noted() {
        let request = HookRequest::post("/").with_body(PAYLOAD);
        let root = request.json().unwrap();
        assert_eq!(root.maybe("t").unwrap(), Some("x"));
        assert_eq!(root.maybe_texts("n").unwrap().len() + root.maybe_list("n").unwrap().len(), 0);
        assert_eq!(request.left_out(), None);
        assert_eq!(root.maybe("five").unwrap(), None);
        assert_eq!(root.maybe("t.name").unwrap(), None);
        assert_eq!(root.maybe_texts("mixed").unwrap(), ["a", "b"]);
        assert_eq!(root.maybe_date("odd").unwrap(), None);
        assert_eq!(root.maybe_shown_count("half").unwrap(), None);
        let expected = "left out: `five` is a number, expected a text; `t` is a text, expected an object; \
                        `mixed[2]` is a number, expected a text; and 2 more";
        assert_eq!(request.left_out().as_deref(), Some(expected));
    }
}
