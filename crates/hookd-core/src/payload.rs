//! A JSON payload as a dialect reads it: by path, with errors that name the path.
//!
//! [`Json`] borrows its texts from the body where it can, and has the rest of itself in an [`Arena`], which is given back
//! at once: payloads have hundreds of values, of which a dialect reads a few. [`View`] is a place in it; reading from a view either gives
//! what was asked for or a [`Refusal`] such as `` `commits[3].author.name` is missing ``.
//!
//! Objects keep the last of duplicate keys, as Python's `json` does.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use bumpalo::Bump;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::{Refusal, python};

/// The memory that parsed JSON lies in.
#[derive(Debug, Default)]
pub struct Arena(Bump);

impl Arena {
    /// An arena for the JSON of a text of so many bytes; it grows when that takes more.
    pub fn for_text(length: usize) -> Self {
        Self(Bump::with_capacity(length))
    }
}

/// A JSON value that borrows from the text it was parsed from, and from an arena.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number: an integer of 64 bits, or a double.
    Number(Number),
    /// A text.
    Text(&'a str),
    /// A list.
    List(&'a [Json<'a>]),
    /// An object, in the order of its keys in the text.
    Object(&'a [(&'a str, Json<'a>)]),
}

impl<'a> Json<'a> {
    /// Parses `text`, all of it.
    ///
    /// # Errors
    /// A refusal that says where the JSON is broken, when it is; also for 128 levels and more.
    pub fn parse(text: &'a [u8], arena: &'a Arena) -> Result<Self, Refusal> {
        // Looked at once as a whole, and not again for each text in it.
        let text = std::str::from_utf8(text).map_err(|error| Refusal::new(format!("broken JSON: {error}")))?;
        let mut parser = Parser { arena: &arena.0, values: Vec::with_capacity(128), keys: Vec::with_capacity(128) };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Value(&mut parser)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| Refusal::new(format!("broken JSON: {error}")))?;
        Ok(parser.values.pop().expect("a value was read"))
    }

    /// The value of `key` where this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        match self {
            Json::Object(pairs) => pairs.iter().rfind(|(k, _)| *k == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The same value, owned, for properties.
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => Value::Number(n.clone()),
            Json::Text(t) => Value::String((*t).to_owned()),
            Json::List(items) => Value::Array(items.iter().map(Json::to_value).collect()),
            Json::Object(pairs) => Value::Object(pairs.iter().map(|(k, v)| ((*k).to_owned(), v.to_value())).collect()),
        }
    }

    /// Whether Python takes it for true: not null, false, zero or empty.
    pub fn is_truthy(&self) -> bool {
        match self {
            Json::Null => false,
            Json::Bool(b) => *b,
            Json::Number(n) => n.as_f64() != Some(0.0),
            Json::Text(t) => !t.is_empty(),
            Json::List(items) => !items.is_empty(),
            Json::Object(pairs) => !pairs.is_empty(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a text",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}

/// One step from a place in a payload to one inside it.
#[derive(Debug)]
enum Step<'p> {
    Path(&'p str),
    Index(&'p str, usize),
}

#[derive(Debug)]
struct Trail<'p> {
    parent: Option<Rc<Trail<'p>>>,
    step: Step<'p>,
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = &self.parent {
            write!(f, "{parent}.")?;
        }
        match self.step {
            Step::Path(path) => f.write_str(path),
            Step::Index(path, index) => write!(f, "{path}[{index}]"),
        }
    }
}

/// A place in a payload.
///
/// Paths are keys joined by dots: `pull_request.base.ref`.
#[derive(Clone, Debug)]
pub struct View<'p> {
    json: &'p Json<'p>,
    trail: Option<Rc<Trail<'p>>>,
}

impl<'p> View<'p> {
    /// The whole payload.
    pub fn root(json: &'p Json<'p>) -> Self {
        Self { json, trail: None }
    }

    /// The value at this place.
    pub fn json(&self) -> &'p Json<'p> {
        self.json
    }

    /// What is at `path`, null included; `None` where there is nothing, or something on the way is not an object.
    pub fn get(&self, path: &str) -> Option<&'p Json<'p>> {
        path.split('.').try_fold(self.json, |json, key| json.get(key))
    }

    /// What is at `path`, null included.
    ///
    /// # Errors
    /// A refusal that names the first key on the way that is missing or is not an object.
    pub fn need(&self, path: &'p str) -> Result<&'p Json<'p>, Refusal> {
        let mut json = self.json;
        let mut walked = 0;
        for key in path.split('.') {
            if !matches!(json, Json::Object(_)) {
                return Err(self.unexpected(&path[..walked], json, "an object"));
            }
            walked += key.len() + usize::from(walked > 0);
            json = json.get(key).ok_or_else(|| Refusal::new(format!("{} is missing", self.named(&path[..walked]))))?;
        }
        Ok(json)
    }

    /// The place at `path`, which must be there; it may be null.
    ///
    /// # Errors
    /// As [`View::need`].
    pub fn at(&self, path: &'p str) -> Result<View<'p>, Refusal> {
        Ok(View { json: self.need(path)?, trail: self.trail(Step::Path(path)) })
    }

    /// The text at `path`.
    ///
    /// # Errors
    /// As [`View::need`], and when it is not a text.
    pub fn text(&self, path: &'p str) -> Result<&'p str, Refusal> {
        match self.need(path)? {
            Json::Text(text) => Ok(text),
            other => Err(self.unexpected(path, other, "a text")),
        }
    }

    /// The text at `path`; `None` where it is null or not there.
    ///
    /// # Errors
    /// When it is something else than a text.
    pub fn optional_text(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        match self.get(path) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.unexpected(path, other, "a text")),
        }
    }

    /// The text at `path`, which must be there; `None` where it is null.
    ///
    /// # Errors
    /// As [`View::need`], and when it is neither a text nor null.
    pub fn nullable_text(&self, path: &'p str) -> Result<Option<&'p str>, Refusal> {
        match self.need(path)? {
            Json::Null => Ok(None),
            Json::Text(text) => Ok(Some(text)),
            other => Err(self.unexpected(path, other, "a text")),
        }
    }

    /// What Python's `str()` makes of the value at `path`: for texts that Buildbot formats, whatever was sent.
    ///
    /// # Errors
    /// As [`View::need`].
    pub fn python_str(&self, path: &'p str) -> Result<Cow<'p, str>, Refusal> {
        Ok(python::str_of(self.need(path)?))
    }

    /// The items of the list at `path`.
    ///
    /// # Errors
    /// As [`View::need`], and when it is not a list.
    pub fn list(&self, path: &'p str) -> Result<Vec<View<'p>>, Refusal> {
        match self.need(path)? {
            Json::List(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, json)| View { json, trail: self.trail(Step::Index(path, index)) })
                .collect()),
            other => Err(self.unexpected(path, other, "a list")),
        }
    }

    /// The texts of the list at `path`; none where it is not there.
    ///
    /// # Errors
    /// When it is not a list of texts.
    pub fn texts(&self, path: &str) -> Result<Vec<&'p str>, Refusal> {
        match self.get(path) {
            None => Ok(Vec::new()),
            Some(Json::List(items)) => items
                .iter()
                .map(|item| match item {
                    Json::Text(text) => Ok(*text),
                    other => Err(self.unexpected(path, other, "a list of texts")),
                })
                .collect(),
            Some(other) => Err(self.unexpected(path, other, "a list of texts")),
        }
    }

    /// Whether `path` is there and Python takes it for true.
    pub fn is_truthy(&self, path: &str) -> bool {
        self.get(path).is_some_and(Json::is_truthy)
    }

    /// A refusal that says that what is at `path` is not what was expected.
    pub fn unexpected(&self, path: &str, found: &Json<'_>, expected: &str) -> Refusal {
        Refusal::new(format!("{} is {}, expected {expected}", self.named(path), found.kind()))
    }

    /// The name of `path` under this place, for messages.
    fn named(&self, path: &str) -> String {
        match (&self.trail, path) {
            (None, "") => "the payload".to_owned(),
            (None, path) => format!("`{path}`"),
            (Some(trail), "") => format!("`{trail}`"),
            (Some(trail), path) => format!("`{trail}.{path}`"),
        }
    }

    fn trail(&self, step: Step<'p>) -> Option<Rc<Trail<'p>>> {
        Some(Rc::new(Trail { parent: self.trail.clone(), step }))
    }
}

/// Builds JSON in an arena. What of lists and objects is read so far is on stacks, until their length is known.
struct Parser<'a> {
    arena: &'a Bump,
    values: Vec<Json<'a>>,
    /// Those of the objects among them.
    keys: Vec<&'a str>,
}

/// Reads any value, onto the stack.
struct Value<'p, 'a>(&'p mut Parser<'a>);

impl<'a> Value<'_, 'a> {
    fn push<E>(self, value: Json<'a>) -> Result<(), E> {
        self.0.values.push(value);
        Ok(())
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Value<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Value<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(Json::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        self.push(Json::Number(number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.push(Json::Text(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let value = self.0.arena.alloc_str(value);
        self.push(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let start = self.0.values.len();
        while access.next_element_seed(Value(self.0))?.is_some() {}
        let Parser { arena, values, .. } = &mut *self.0;
        let list = arena.alloc_slice_fill_iter(values.drain(start..));
        self.push(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let (start, first_key) = (self.0.values.len(), self.0.keys.len());
        while let Some(key) = access.next_key_seed(Key(self.0.arena))? {
            self.0.keys.push(key);
            access.next_value_seed(Value(self.0))?;
        }
        let Parser { arena, values, keys } = &mut *self.0;
        let object = arena.alloc_slice_fill_iter(keys.drain(first_key..).zip(values.drain(start..)));
        self.push(Json::Object(object))
    }
}

/// Reads a key.
struct Key<'a>(&'a Bump);

impl<'de: 'a, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = &'a str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'a str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Key<'a> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<&'a str, E> {
        Ok(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<&'a str, E> {
        Ok(self.0.alloc_str(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Arena, Json, View};

    const PAYLOAD: &[u8] = br#"{"a": {"b": "text", "n": null, "x": 5}, "l": [{"k": "v"}, {}], "a2": 1, "a2": 2}"#;

    #[test]
    fn errors_name_the_path() {
        let arena = Arena::default();
        let json = Json::parse(PAYLOAD, &arena).unwrap();
        let root = View::root(&json);
        assert_eq!(root.text("a.b").unwrap(), "text");
        assert_eq!(root.text("a.c").unwrap_err().message(), "`a.c` is missing");
        assert_eq!(root.text("a.n").unwrap_err().message(), "`a.n` is null, expected a text");
        assert_eq!(root.text("a.b.c").unwrap_err().message(), "`a.b` is a text, expected an object");
        assert_eq!(root.nullable_text("a.n").unwrap(), None);
        assert_eq!(root.optional_text("nowhere").unwrap(), None);
        let items = root.list("l").unwrap();
        assert_eq!(items[0].text("k").unwrap(), "v");
        assert_eq!(items[1].text("k").unwrap_err().message(), "`l[1].k` is missing");
        assert_eq!(root.at("a").unwrap().text("y").unwrap_err().message(), "`a.y` is missing");
        let list = Json::parse(b"[]", &arena).unwrap();
        assert_eq!(View::root(&list).text("a").unwrap_err().message(), "the payload is a list, expected an object");
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let arena = Arena::default();
        let json = Json::parse(PAYLOAD, &arena).unwrap();
        assert_eq!(View::root(&json).python_str("a2").unwrap(), "2");
    }

    /// Any JSON of some levels.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 100, 8, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..8).prop_map(Value::from),
                vec((any::<String>(), inner), 0..8).prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn is_what_serde_json_makes_of_it(value in any_json()) {
            let arena = Arena::default();
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(Json::parse(text.as_bytes(), &arena).unwrap().to_value(), value.clone());
            }
        }
    }

    #[test]
    fn refuses_what_is_not_json() {
        for broken in [&b""[..], b"{", b"{} x", b"NaN", b"\"\\ud800\"", b"\xff", b"1e999"] {
            assert!(
                Json::parse(broken, &Arena::default()).unwrap_err().message().starts_with("broken JSON: "),
                "{broken:?}"
            );
        }
        assert!(Json::parse(&b"[".repeat(200_000), &Arena::default()).is_err());
    }
}
