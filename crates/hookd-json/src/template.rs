//! Values of a change: texts with places of the payload in braces.

use std::borrow::Cow;

use hookd_core::braces::{self, Piece};
use hookd_core::{Json, Refusal, View};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde_json::Value;

use crate::condition::{Groups, scalar};

/// A text with places in braces: `{author.name}` of the element that the change is made of, `{.repository.url}` of the whole
/// payload, `{branch}` of a named group; `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What it is made of.
    pub parts: Parts,
}

/// The parts of a template.
pub type Parts = Vec<Part>;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// The first of these places that has a value; nothing where none has and it is optional.
    Value {
        /// The places.
        places: Vec<Place>,
        /// Whether there may be no value.
        is_optional: bool,
    },
}

/// A place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the element that the change is made of, or a named group.
    Element(String),
    /// In the whole payload.
    Payload(String),
}

/// What templates are filled in from.
pub(crate) struct Scope<'s, 'p> {
    /// What the change is made of.
    pub(crate) element: View<'p>,
    pub(crate) payload: View<'p>,
    /// What named groups have found. They go before the element.
    pub(crate) groups: &'s Groups,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// What is wrong with it: a brace that is not closed or not opened, or no path in braces.
    pub fn parse(template: &str) -> Result<Self, String> {
        let part = |piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text)),
            Piece::Place(inside) => Part::parse(inside),
        };
        Ok(Self { parts: braces::pieces(template)?.into_iter().map(part).collect::<Result<_, String>>()? })
    }

    /// The text that it makes.
    ///
    /// # Errors
    /// When a value is not there, or is a list or an object.
    pub(crate) fn text(&self, scope: &Scope<'_, '_>) -> Result<String, Refusal> {
        let mut made = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => made.push_str(text),
                Part::Value { places, is_optional } => match scope.first(places)? {
                    Some(value) => made.push_str(&value),
                    None if *is_optional => {}
                    None => return Err(scope.missing(places)),
                },
            }
        }
        Ok(made)
    }

    /// The texts that it makes: one, or those of the list that it consists of.
    ///
    /// # Errors
    /// As [`text`](Self::text). A list that is null is an empty one.
    pub(crate) fn texts(&self, scope: &Scope<'_, '_>) -> Result<Vec<String>, Refusal> {
        match self.only_value(scope) {
            Some(Json::List(items)) => Ok(items.iter().filter_map(scalar).collect()),
            Some(Json::Null) => Ok(Vec::new()),
            _ => Ok(Some(self.text(scope)?).filter(|text| !text.is_empty()).into_iter().collect()),
        }
    }

    /// The JSON value that it makes: a text, or the value of any kind that it consists of.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub(crate) fn value(&self, scope: &Scope<'_, '_>) -> Result<Value, Refusal> {
        match self.only_value(scope) {
            Some(json) => Ok(json.to_value()),
            None => self.text(scope).map(Value::String),
        }
    }

    /// Whether it is the same for all elements.
    pub(crate) fn is_of_payload(&self) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Value { places, .. } => places.iter().all(|place| matches!(place, Place::Payload(_))),
        })
    }

    /// The value that it consists of, where that is all of it, and is there.
    fn only_value<'p>(&self, scope: &Scope<'_, 'p>) -> Option<&'p Json<'p>> {
        let [Part::Value { places, .. }] = self.parts.as_slice() else { return None };
        places.iter().find_map(|place| match place {
            Place::Element(path) if scope.group(path).is_some() => None,
            Place::Element(path) => scope.element.get(path),
            Place::Payload(path) => scope.payload.get(path),
        })
    }
}

impl Part {
    /// Parses what stands in braces: `a.b`, `.a.b`, `a|b`, `a?`.
    fn parse(inside: &str) -> Result<Self, String> {
        let (paths, is_optional) = match inside.strip_suffix('?') {
            Some(paths) => (paths, true),
            None => (inside, false),
        };
        let place = |path: &str| {
            let is_path = |path: &str| !path.split('.').any(|key| key.trim().is_empty());
            match path.strip_prefix('.') {
                Some(path) if is_path(path) => Ok(Place::Payload(path.to_owned())),
                None if is_path(path) => Ok(Place::Element(path.to_owned())),
                _ => Err(format!(
                    "`{{{inside}}}` is no place of a payload, expected keys joined by dots, such as `{{a.b}}`"
                )),
            }
        };
        Ok(Self::Value { places: paths.split('|').map(place).collect::<Result<_, _>>()?, is_optional })
    }
}

impl<'p> Scope<'_, 'p> {
    fn group(&self, name: &str) -> Option<&str> {
        self.groups.iter().rfind(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// The first of these places that has a value.
    fn first(&self, places: &[Place]) -> Result<Option<Cow<'_, str>>, Refusal> {
        for place in places {
            let (view, path) = match place {
                Place::Element(path) => match self.group(path) {
                    Some(text) => return Ok(Some(Cow::Borrowed(text))),
                    None => (self.element, path),
                },
                Place::Payload(path) => (self.payload, path),
            };
            match view.get(path) {
                None | Some(Json::Null) => {}
                Some(json) => {
                    let text = scalar(json).ok_or_else(|| view.unexpected(path, json, "a text or a number"))?;
                    return Ok(Some(Cow::Owned(text)));
                }
            }
        }
        Ok(None)
    }

    /// That the first of these places has no value.
    fn missing(&self, places: &[Place]) -> Refusal {
        let (view, path) = match places.first() {
            Some(Place::Payload(path)) => (self.payload, path),
            Some(Place::Element(path)) => (self.element, path),
            None => return Refusal::new("a value is missing"),
        };
        match view.need(path) {
            Err(refusal) => refusal,
            Ok(json) => view.unexpected(path, json, "a text or a number"),
        }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "a text with places such as `{author.name}`", "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(template: &str, groups: &Groups) -> Result<String, String> {
        let payload = br#"{"a": {"b": "x", "n": 7, "t": true, "none": null, "list": ["p", 1]}, "item": {"b": "y"}}"#;
        View::read(payload, |payload| {
            let element = payload.at("item")?;
            Template::parse(template).unwrap().text(&Scope { element, payload, groups })
        })
        .map_err(|refusal| refusal.message().to_owned())
    }

    #[test]
    fn fills_in_values() {
        let groups = vec![("branch".to_owned(), "main".to_owned())];
        for (template, made) in [
            ("", ""),
            ("plain", "plain"),
            ("{b} {.a.b}", "y x"),
            ("{.a.n}/{.a.t}", "7/true"),
            ("{{{b}}}", "{y}"),
            ("{branch}", "main"),
            ("{c|.a.none|b}", "y"),
            ("<{c?}>", "<>"),
        ] {
            assert_eq!(text(template, &groups).as_deref(), Ok(made), "{template}");
        }
    }

    #[test]
    fn names_what_is_missing() {
        for (template, message) in [
            ("{c}", "`item.c` is missing"),
            ("{.a.c|c}", "`a.c` is missing"),
            ("{.a.none}", "`a.none` is null, expected a text or a number"),
            ("{.a.list}", "`a.list` is a list, expected a text or a number"),
        ] {
            assert_eq!(text(template, &Groups::new()).unwrap_err(), message, "{template}");
        }
    }

    #[test]
    fn refuses_what_is_no_template() {
        for (template, message) in [
            ("{a", "`{a` has a `{` without its `}`"),
            ("a}", "`a}` has a `}` without its `{`"),
            ("{}", "`{}` is no place of a payload"),
            ("{a..b}", "`{a..b}` is no place of a payload"),
            ("{.}", "`{.}` is no place of a payload"),
            ("{a|}", "`{a|}` is no place of a payload"),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
