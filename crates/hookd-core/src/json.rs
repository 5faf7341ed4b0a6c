//! JSON as it was sent, parsed into an arena.
//!
//! [`Json`] borrows its texts from the body where it can; the rest lies in an arena, which is freed as a whole: payloads
//! have hundreds of values, of which a dialect reads a few. Objects keep the last of duplicate keys, as Python's `json`
//! does.

use std::fmt;

use bumpalo::Bump;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::Refusal;

/// How many values one JSON text may have, keys not counted. Each takes some 40 bytes while it is read, and may have two
/// bytes of text. Payloads of forges have 20 bytes for each and more, so that one of 25 MiB stays below.
pub const MAX_JSON_VALUES: usize = 2_000_000;

/// How many objects a JSON text may have, however short it is. Empty ones do not count.
const FREE_JSON_OBJECTS: usize = 500;

/// How many bytes a JSON text must have for each further object. One with a single member takes more than 600 bytes where it
/// becomes a property; in payloads of forges it has a hundred bytes of text and more.
const BYTES_PER_JSON_OBJECT: usize = 24;

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
    /// Parses the whole of `text` into `arena`.
    ///
    /// # Errors
    /// A refusal that says where the JSON is broken; also for 128 levels and more, for more than [`MAX_JSON_VALUES`], and for
    /// more objects than its length allows.
    pub(crate) fn parse(text: &'a [u8], arena: &'a Bump) -> Result<&'a Self, Refusal> {
        // Checked once as a whole, and not again for each text in it.
        let text = std::str::from_utf8(text).map_err(|error| Refusal::new(format!("broken JSON: {error}")))?;
        let max_objects = FREE_JSON_OBJECTS + text.len() / BYTES_PER_JSON_OBJECT;
        let (values, keys) = (Vec::with_capacity(128), Vec::with_capacity(128));
        let mut parser = Parser { arena, values, keys, count: 0, objects: 0, max_objects };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Value(&mut parser)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| Refusal::new(format!("broken JSON: {error}")))?;
        Ok(arena.alloc(parser.values.pop().expect("a value was read")))
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

    /// Whether it is true to Python: not null, false, zero or empty.
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

    pub(crate) fn kind(&self) -> &'static str {
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

/// Builds JSON in an arena. The members of lists and objects are on stacks until their number is known.
struct Parser<'a> {
    arena: &'a Bump,
    values: Vec<Json<'a>>,
    /// Those of the objects among them.
    keys: Vec<&'a str>,
    /// How many values were read.
    count: usize,
    /// How many of them are objects that are not empty.
    objects: usize,
    max_objects: usize,
}

/// Reads any value, onto the stack.
struct Value<'p, 'a>(&'p mut Parser<'a>);

impl<'a> Value<'_, 'a> {
    fn push<E: de::Error>(self, value: Json<'a>) -> Result<(), E> {
        self.0.count += 1;
        if self.0.count > MAX_JSON_VALUES {
            return Err(E::custom(format_args!("it has more than {MAX_JSON_VALUES} values")));
        }
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

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.push(Json::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.push(Json::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.push(Json::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.push(Json::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        self.push(Json::Number(number))
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<(), E> {
        self.push(Json::Text(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
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
        let Parser { arena, values, keys, objects, max_objects, .. } = &mut *self.0;
        *objects += usize::from(keys.len() > first_key);
        if objects > max_objects {
            return Err(de::Error::custom(format_args!(
                "it has more than {max_objects} objects, the limit for its length"
            )));
        }
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

    use super::{Bump, Json, MAX_JSON_VALUES};

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
            let arena = Bump::new();
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(Json::parse(text.as_bytes(), &arena).unwrap().to_value(), value.clone());
            }
        }
    }

    #[test]
    fn refuses_what_is_not_json() {
        for broken in [&b""[..], b"{", b"{} x", b"NaN", b"\"\\ud800\"", b"\xff", b"1e999"] {
            let refusal = Json::parse(broken, &Bump::new()).unwrap_err().to_string();
            assert!(refusal.starts_with("broken JSON: "), "{broken:?}: {refusal}");
        }
        assert!(Json::parse(&b"[".repeat(200_000), &Bump::new()).is_err());
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 2)).into_bytes();
        assert!(Json::parse(&list(MAX_JSON_VALUES), &Bump::new()).is_ok());
        let refusal = Json::parse(&list(MAX_JSON_VALUES + 1), &Bump::new()).unwrap_err().to_string();
        assert!(refusal.starts_with("broken JSON: it has more than 2000000 values"), "{refusal}");
    }

    #[test]
    fn objects_take_some_bytes_each() {
        let list = |count: usize, object: &str| format!("[{}0]", format!("{object},").repeat(count)).into_bytes();
        for (count, object, is_taken) in [
            (500, r#"{"":0}"#, true),
            (700, r#"{"":0}"#, true),
            (800, r#"{"":0}"#, false),
            (100_000, "{}", true),
            (100_000, r#"{"id":"0123456789abcdef"}"#, true),
        ] {
            assert_eq!(Json::parse(&list(count, object), &Bump::new()).is_ok(), is_taken, "{count} {object}");
        }
        let refusal = Json::parse(&list(10_000, r#"{"":0}"#), &Bump::new()).unwrap_err().to_string();
        assert!(
            refusal.starts_with("broken JSON: it has more than 3416 objects, the limit for its length"),
            "{refusal}"
        );
    }
}
