//! What is wrong with a type of options itself: names that are read and not known, or known and not read.
//!
//! What an option is called, its schema says; what is read, serde does. Where they differ, an option would be rejected as
//! unknown, or accepted and not read.

use std::fmt;

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::known::Known;

/// Sentences without their subject, for the author of the type: `` reads the option `old`, which … ``.
pub fn flaws<O: DeserializeOwned + JsonSchema>() -> Vec<String> {
    let mut generator = SchemaGenerator::default();
    let schema = O::json_schema(&mut generator);
    let keys = Known::of(&[schema.as_value()], generator.definitions(), None);
    let Some(read) = fields_read::<O>() else {
        // Fields of variants, or of structs that are flattened: what there is of them is in the schema.
        let has_any = keys.is_open || !keys.schemas.is_empty();
        return if has_any { Vec::new() } else { vec!["has options that are not a table of known names".to_owned()] };
    };
    let unknown = read.iter().filter(|name| !keys.is_open && !keys.schemas.contains_key(**name)).map(|name| {
        format!("reads the option `{name}`, which its schema does not have: an alias, or one that `schemars` renames or skips")
    });
    let unread = keys.schemas.keys().filter(|name| !read.contains(name)).map(|name| {
        format!("has the option `{name}` in its schema and does not read it: one that `serde` renames or skips")
    });
    unknown.chain(unread).collect()
}

/// The names of the fields that a struct is read by, aliases included; `None` where it is not read as a struct.
fn fields_read<O: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut fields = None;
    // It ends as soon as it has asked.
    let _ = O::deserialize(Asked(&mut fields));
    fields
}

/// A deserializer that has nothing, and writes down what it is asked for.
struct Asked<'a>(&'a mut Option<&'static [&'static str]>);

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is nothing"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = Some(fields);
        Err(Error::custom("there is nothing"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    macro_rules! options {
        ($($(#[$attribute:meta])* $name:ident { $($field:tt)* })+) => {
            $(#[derive(Deserialize, JsonSchema)]
            $(#[$attribute])*
            #[allow(dead_code, reason = "only what it is read from is of interest")]
            struct $name { $($field)* })+
        };
    }

    options! {
        Plain { #[serde(default, rename = "second")] first: u8, #[serde(skip)] own: u8 }
        Alias { #[serde(default, alias = "old")] new: u8 }
        Hidden { #[schemars(skip)] hidden: u8, shown: u8 }
        Renamed { #[schemars(rename = "said")] read: u8 }
        Flat { own: u8, #[serde(flatten)] plain: Plain }
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        Kebab { two_words: u8 }
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(transparent)]
    #[allow(dead_code, reason = "only what it is read from is of interest")]
    struct Wrapped(Alias);

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only what it is read from is of interest")]
    struct NoTable(Vec<u8>);

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    #[allow(dead_code, reason = "only what it is read from is of interest")]
    enum Tagged {
        One { first: u8 },
        Two,
    }

    #[test]
    fn what_is_read_and_what_is_known_are_the_same() {
        let sound: [Vec<String>; 4] = [flaws::<Plain>(), flaws::<Flat>(), flaws::<Kebab>(), flaws::<Tagged>()];
        assert_eq!(sound.concat(), Vec::<String>::new());
        let alias = "reads the option `old`, which its schema does not have: an alias, or";
        for (found, expected) in [
            (flaws::<Alias>(), vec![alias]),
            (flaws::<Wrapped>(), vec![alias]),
            (flaws::<Hidden>(), vec!["reads the option `hidden`, which its schema does not have"]),
            (flaws::<Renamed>(), vec!["reads the option `read`", "has the option `said` in its schema"]),
            (flaws::<NoTable>(), vec!["has options that are not a table"]),
        ] {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, beginning) in found.iter().zip(expected) {
                assert!(found.starts_with(beginning), "{found}");
            }
        }
    }
}
