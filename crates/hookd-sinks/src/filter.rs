//! Which changes a sink takes, in the terms of Buildbot's `ChangeFilter` (`buildbot/changes/filter.py`).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use hookd_core::{Glob, Pattern};
use hookd_store::LoggedChange;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

/// A value that a field is compared with: a text, or none at all. TOML has no null, so `false` stands for none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted(Option<String>);

/// One value, or a list of values of which any is enough.
#[derive(Clone, Debug)]
struct OneOrMore<T>(Vec<T>);

/// The values, regular expressions and patterns of one field.
struct Conditions<'f> {
    eq: &'f Option<OneOrMore<Wanted>>,
    not_eq: &'f Option<OneOrMore<Wanted>>,
    re: &'f Option<OneOrMore<Pattern>>,
    not_re: &'f Option<OneOrMore<Pattern>>,
    glob: &'f Option<OneOrMore<Glob>>,
}

macro_rules! change_filter {
    ($($field:ident $not_eq:ident $re:ident $not_re:ident $glob:ident;)*) => {
        /// Which changes a sink takes: those that meet every condition. Without conditions that is every change.
        #[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct ChangeFilter {
            /// The dialect that took the change: a name, or a list of names.
            dialect: Option<OneOrMore<Wanted>>,
            $(
                #[doc = concat!("The ", stringify!($field), ": a value, or a list of which one must be equal. `false` \
                    stands for none.")]
                $field: Option<OneOrMore<Wanted>>,
                #[doc = concat!("A value that the ", stringify!($field), " must not be, or a list of such values. \
                    `false` stands for none.")]
                $not_eq: Option<OneOrMore<Wanted>>,
                #[doc = concat!("A regular expression that the ", stringify!($field), " must match from its beginning \
                    (Python's `re.match`), or a list of which one must. None does not match.")]
                $re: Option<OneOrMore<Pattern>>,
                #[doc = concat!("A regular expression that the ", stringify!($field), " must not match from its \
                    beginning, or a list of which none may. None passes.")]
                $not_re: Option<OneOrMore<Pattern>>,
                #[doc = concat!("A pattern of Python's `fnmatch` that the whole ", stringify!($field), " must match, \
                    or a list of which one must. None does not match.")]
                $glob: Option<OneOrMore<Glob>>,
            )*
        }

        impl ChangeFilter {
            /// The field whose conditions contradict each other, so that no change passes: each of the values that it
            /// must be is excluded by another condition.
            pub fn contradiction(&self) -> Option<&'static str> {
                $(
                    let conditions = Conditions {
                        eq: &self.$field,
                        not_eq: &self.$not_eq,
                        re: &self.$re,
                        not_re: &self.$not_re,
                        glob: &self.$glob,
                    };
                    let dropped = |Wanted(value): &Wanted| conditions.dropped_by(value.as_deref()).is_some();
                    if self.$field.as_ref().is_some_and(|wanted| wanted.0.iter().all(dropped)) {
                        return Some(stringify!($field));
                    }
                )*
                None
            }

            /// The option that the change does not meet first, such as `branch_re`; `None` where the change passes.
            pub fn dropped_by(&self, logged: &LoggedChange) -> Option<&'static str> {
                let change = &logged.change;
                if self.dialect.as_ref().is_some_and(|wanted| !wanted.has(Some(&logged.dialect))) {
                    return Some("dialect");
                }
                $(
                    let conditions = Conditions {
                        eq: &self.$field,
                        not_eq: &self.$not_eq,
                        re: &self.$re,
                        not_re: &self.$not_re,
                        glob: &self.$glob,
                    };
                    match conditions.dropped_by(change.$field.as_text()) {
                        None => {}
                        Some(Condition::Eq) => return Some(stringify!($field)),
                        Some(Condition::NotEq) => return Some(stringify!($not_eq)),
                        Some(Condition::Re) => return Some(stringify!($re)),
                        Some(Condition::NotRe) => return Some(stringify!($not_re)),
                        Some(Condition::Glob) => return Some(stringify!($glob)),
                    }
                )*
                None
            }
        }
    };
}

impl ChangeFilter {
    /// The dialects of which one must have taken a change; empty where any may.
    pub fn dialects(&self) -> Vec<&str> {
        self.dialect
            .iter()
            .flat_map(|wanted| &wanted.0)
            .map(|Wanted(name)| name.as_deref().unwrap_or_default())
            .collect()
    }
}

change_filter! {
    project project_not_eq project_re project_not_re project_glob;
    repository repository_not_eq repository_re repository_not_re repository_glob;
    branch branch_not_eq branch_re branch_not_re branch_glob;
    category category_not_eq category_re category_not_re category_glob;
    codebase codebase_not_eq codebase_re codebase_not_re codebase_glob;
}

/// The kind of a condition.
enum Condition {
    Eq,
    NotEq,
    Re,
    NotRe,
    Glob,
}

impl Conditions<'_> {
    /// The condition that this value does not meet first. As in `buildbot/util/ssfilter.py`, a field that is none matches
    /// no regular expression, and passes one that must not match.
    fn dropped_by(&self, value: Option<&str>) -> Option<Condition> {
        let matches = |patterns: &OneOrMore<Pattern>| {
            value.is_some_and(|value| patterns.0.iter().any(|pattern| pattern.matches_start_of(value)))
        };
        let globs = |globs: &OneOrMore<Glob>| value.is_some_and(|value| globs.0.iter().any(|glob| glob.matches(value)));
        if self.eq.as_ref().is_some_and(|wanted| !wanted.has(value)) {
            Some(Condition::Eq)
        } else if self.not_eq.as_ref().is_some_and(|unwanted| unwanted.has(value)) {
            Some(Condition::NotEq)
        } else if self.re.as_ref().is_some_and(|patterns| !matches(patterns)) {
            Some(Condition::Re)
        } else if self.not_re.as_ref().is_some_and(matches) {
            Some(Condition::NotRe)
        } else if self.glob.as_ref().is_some_and(|patterns| !globs(patterns)) {
            Some(Condition::Glob)
        } else {
            None
        }
    }
}

impl OneOrMore<Wanted> {
    fn has(&self, value: Option<&str>) -> bool {
        // A change keeps none of some fields as an empty text.
        self.0.iter().any(|Wanted(wanted)| wanted.as_deref().unwrap_or_default() == value.unwrap_or_default())
    }
}

/// A field of a change, which may be none.
trait AsText {
    fn as_text(&self) -> Option<&str>;
}

impl AsText for String {
    fn as_text(&self) -> Option<&str> {
        Some(self)
    }
}

impl AsText for Option<String> {
    fn as_text(&self) -> Option<&str> {
        self.as_deref()
    }
}

/// What may stand in a filter on its own or in a list.
trait Item: Sized {
    const EXPECTED: &'static str;

    fn from_text(text: &str) -> Result<Self, String>;

    fn none() -> Option<Self> {
        None
    }
}

impl Item for Wanted {
    const EXPECTED: &'static str = "a string, `false` for none, or a list of these";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(Some(text.to_owned())))
    }

    fn none() -> Option<Self> {
        Some(Self(None))
    }
}

impl Item for Pattern {
    const EXPECTED: &'static str = "a regular expression, or a list of them";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

impl Item for Glob {
    const EXPECTED: &'static str = "a pattern, or a list of patterns";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

/// An item that is read on its own, so that a list reports the place of one that is wrong.
struct Single<T>(T);

struct SingleVisitor<T>(PhantomData<T>);

impl<T: Item> Visitor<'_> for SingleVisitor<T> {
    type Value = Single<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Single<T>, E> {
        T::from_text(text).map(Single).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Single<T>, E> {
        match T::none().filter(|_| !value) {
            Some(none) => Ok(Single(none)),
            None => Err(E::invalid_type(de::Unexpected::Bool(value), &self)),
        }
    }
}

impl<'de, T: Item> Deserialize<'de> for Single<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SingleVisitor(PhantomData))
    }
}

struct OneOrMoreVisitor<T>(PhantomData<T>);

impl<'de, T: Item> Visitor<'de> for OneOrMoreVisitor<T> {
    type Value = OneOrMore<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMore<T>, E> {
        SingleVisitor(PhantomData).visit_str(text).map(|Single(item)| OneOrMore(vec![item]))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<OneOrMore<T>, E> {
        SingleVisitor(PhantomData).visit_bool(value).map(|Single(item)| OneOrMore(vec![item]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMore<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(Single(item)) = items.next_element()? {
            all.push(item);
        }
        if all.is_empty() { Err(de::Error::custom("an empty list matches no change")) } else { Ok(OneOrMore(all)) }
    }
}

impl<'de, T: Item> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMoreVisitor(PhantomData))
    }
}

impl<T: Item> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OneOrMore".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut items = vec![json_schema!({ "type": "string" })];
        if T::none().is_some() {
            items.push(json_schema!({ "const": false }));
        }
        let list = json_schema!({ "type": "array", "minItems": 1, "items": { "anyOf": items } });
        items.push(list);
        json_schema!({ "title": T::EXPECTED, "anyOf": items })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hookd_core::Change;
    use hookd_store::Timestamp;
    use serde_json::json;

    use super::*;

    fn change(branch: Option<&str>, category: Option<&str>) -> LoggedChange {
        let change = Change {
            branch: branch.map(str::to_owned),
            category: category.map(str::to_owned),
            project: "acme".to_owned(),
            ..Change::default()
        };
        LoggedChange {
            changeid: 1,
            deliveryid: 1,
            received_at: Timestamp::from_micros(0),
            dialect: Arc::from("github"),
            hookd_id: String::new(),
            change,
        }
    }

    fn dropped_by(filter: serde_json::Value, change: &LoggedChange) -> Option<&'static str> {
        serde_json::from_value::<ChangeFilter>(filter).unwrap().dropped_by(change)
    }

    #[test]
    fn knows_conditions_that_contradict_each_other() {
        for (filter, field) in [
            (json!({}), None),
            (json!({"branch": "main", "branch_not_eq": "other"}), None),
            (json!({"branch": ["main", "other"], "branch_not_eq": "main"}), None),
            (json!({"branch": "main", "branch_not_eq": ["main"]}), Some("branch")),
            (json!({"category": "pull", "category_re": "^push"}), Some("category")),
            (json!({"project": false, "project_glob": "*"}), Some("project")),
        ] {
            let shown = filter.to_string();
            let filter: ChangeFilter = serde_json::from_value(filter).unwrap();
            assert_eq!(filter.contradiction(), field, "{shown}");
        }
    }

    #[test]
    fn every_condition_must_be_met() {
        let main = change(Some("main"), None);
        for (filter, dropped) in [
            (json!({}), None),
            (json!({"branch": "main"}), None),
            (json!({"branch": ["x", "main"], "project": "acme"}), None),
            (json!({"branch": "main", "project": "other"}), Some("project")),
            (json!({"branch": "mai"}), Some("branch")),
            (json!({"branch_not_eq": ["main"]}), Some("branch_not_eq")),
            (json!({"branch_re": "ma"}), None),
            (json!({"branch_re": "ain"}), Some("branch_re")),
            (json!({"branch_re": ["x", "m.*n$"]}), None),
            (json!({"branch_not_re": "ma"}), Some("branch_not_re")),
            (json!({"branch_glob": "m*"}), None),
            (json!({"branch_glob": "m"}), Some("branch_glob")),
            (json!({"dialect": ["gitlab", "github"]}), None),
            (json!({"dialect": "gitlab"}), Some("dialect")),
        ] {
            assert_eq!(dropped_by(filter.clone(), &main), dropped, "{filter}");
        }
    }

    #[test]
    fn none_is_a_value_of_its_own() {
        let none = change(None, None);
        for (filter, dropped) in [
            (json!({"branch": false}), None),
            (json!({"branch": ["main", false]}), None),
            (json!({"branch": "main"}), Some("branch")),
            (json!({"branch_not_eq": false}), Some("branch_not_eq")),
            (json!({"branch_re": ".*"}), Some("branch_re")),
            (json!({"branch_not_re": ".*"}), None),
            (json!({"branch_glob": "*"}), Some("branch_glob")),
            (json!({"codebase": false}), None),
            (json!({"project": false}), Some("project")),
        ] {
            assert_eq!(dropped_by(filter.clone(), &none), dropped, "{filter}");
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (filter, message) in [
            (
                json!({"branch": true}),
                "invalid type: boolean `true`, expected a string, `false` for none, or a list of these",
            ),
            (
                json!({"branch_re": false}),
                "invalid type: boolean `false`, expected a regular expression, or a list of them",
            ),
            (json!({"branch": []}), "an empty list matches no change"),
            (json!({"branch_re": "("}), "bad regular expression `(`: unclosed group"),
        ] {
            let error = serde_json::from_value::<ChangeFilter>(filter).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
