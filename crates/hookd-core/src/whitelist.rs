//! Whitelists of payload entries that become build properties.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Glob, Json, Properties, Refusal};

/// How many properties a payload may give; those of the largest events of forges have some 700 entries.
pub const MAX_EXTRACTED_PROPERTIES: usize = 10_000;

/// How many bytes the flattened names may have together of all entries that a pattern might match. Deep objects have long
/// names, so that without a limit they could become the square of what was sent.
pub const MAX_FLATTENED_NAME_BYTES: usize = 4 << 20;

/// A list of `fnmatch` patterns over the flattened payload, as Buildbot's `github_property_whitelist`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PropertyWhitelist(Vec<Glob>);

/// An extraction that is under way.
struct Extraction<'w> {
    patterns: &'w [Glob],
    properties: Map<String, Value>,
    /// The name of the entry that is being looked at.
    name: String,
    /// The bytes of names that may still be looked at.
    name_bytes_left: usize,
}

impl PropertyWhitelist {
    /// The entries of `payload` whose flattened name, such as `github.head.sha` under the root `github`, matches. All
    /// changes of a delivery share them.
    ///
    /// Objects are descended into, lists are taken whole, as Buildbot's `PullRequestMixin.extractProperties`.
    ///
    /// # Errors
    /// A refusal beyond [`MAX_EXTRACTED_PROPERTIES`] or [`MAX_FLATTENED_NAME_BYTES`].
    pub fn extract(&self, root: &str, payload: &Json<'_>) -> Result<Properties, Refusal> {
        if self.0.is_empty() {
            return Ok(Properties::default());
        }
        let mut extraction = Extraction {
            patterns: &self.0,
            properties: Map::new(),
            name: root.to_owned(),
            name_bytes_left: MAX_FLATTENED_NAME_BYTES,
        };
        extraction.collect(payload)?;
        Ok(Properties::from(extraction.properties).into_shared())
    }
}

impl PropertyWhitelist {
    /// What an operator should know about the patterns of `option`, for [`Hook::warnings`](crate::Hook::warnings): one that
    /// lacks the name of the root, `github` for example, matches no entry of any payload.
    pub fn warnings(&self, option: &str, root: &str) -> Vec<String> {
        let beginning = format!("{root}.");
        let cannot_match = |pattern: &&Glob| !pattern.may_match_beginning(&beginning);
        let warning = |pattern: &Glob| {
            let pattern = pattern.source();
            format!(
                "`{option}`: `{pattern}` can never match: names begin with `{beginning}`, as in `{beginning}{pattern}`"
            )
        };
        self.0.iter().filter(cannot_match).map(warning).collect()
    }
}

impl Extraction<'_> {
    fn collect(&mut self, object: &Json<'_>) -> Result<(), Refusal> {
        let Json::Object(pairs) = object else { return Ok(()) };
        self.name.push('.');
        let base = self.name.len();
        if self.patterns.iter().any(|pattern| pattern.may_match_beginning(&self.name)) {
            let last: HashMap<&str, usize> = pairs.iter().enumerate().map(|(index, (key, _))| (*key, index)).collect();
            for (index, (key, value)) in pairs.iter().enumerate() {
                if last[*key] == index {
                    self.name.push_str(key);
                    self.entry(value)?;
                    self.name.truncate(base);
                }
            }
        }
        self.name.truncate(base - 1);
        Ok(())
    }

    fn entry(&mut self, value: &Json<'_>) -> Result<(), Refusal> {
        let too_many =
            || Refusal::new(format!("the names of its properties have more than {MAX_FLATTENED_NAME_BYTES} bytes"));
        self.name_bytes_left = self.name_bytes_left.checked_sub(self.name.len()).ok_or_else(too_many)?;
        if matches!(value, Json::Object(_)) {
            return self.collect(value);
        }
        if self.patterns.iter().any(|pattern| pattern.matches(&self.name)) {
            if self.properties.len() >= MAX_EXTRACTED_PROPERTIES {
                return Err(Refusal::new(format!("it has more than {MAX_EXTRACTED_PROPERTIES} properties")));
            }
            self.properties.insert(self.name.clone(), value.to_value());
        }
        Ok(())
    }
}

impl Serialize for PropertyWhitelist {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Glob::source))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::View;

    fn extract(patterns: &[&str], text: &str) -> Result<Value, Refusal> {
        let whitelist: PropertyWhitelist = serde_json::from_value(json!(patterns)).unwrap();
        View::read(text.as_bytes(), |payload| whitelist.extract("github", payload.json()))
            .map(|properties| Value::Object(properties.to_map()))
    }

    #[test]
    fn flattens_objects_and_takes_lists_whole() {
        let text = r#"{"head": {"sha": "x", "repo": {"id": 1}}, "labels": [{"a": 1}], "n": 2}"#;
        let expected = json!({"github.head.sha": "x", "github.head.repo.id": 1, "github.labels": [{"a": 1}]});
        assert_eq!(extract(&["github.head.*", "github.labels"], text).unwrap(), expected);
        for (pattern, expected) in [
            ("github.head.sha", json!({"github.head.sha": "x"})),
            ("*.sha", json!({"github.head.sha": "x"})),
            ("github.h?ad.[r]epo.id", json!({"github.head.repo.id": 1})),
            ("git[h]ub.n", json!({"github.n": 2})),
            ("github.head", json!({})),
            ("gitlab.*", json!({})),
        ] {
            assert_eq!(extract(&[pattern], text).unwrap(), expected, "{pattern}");
        }
    }

    #[test]
    fn warns_of_patterns_without_the_name_of_the_root() {
        let patterns = ["github.*", "*", "git[h]ub.n", "head.*", "github", "gitlab.*"];
        let whitelist: PropertyWhitelist = serde_json::from_value(json!(patterns)).unwrap();
        let warnings = whitelist.warnings("github_property_whitelist", "github");
        let of = |pattern: &str| {
            format!(
                "`github_property_whitelist`: `{pattern}` can never match: names begin with `github.`, as in \
                 `github.{pattern}`"
            )
        };
        assert_eq!(warnings, ["head.*", "github", "gitlab.*"].map(of));
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let text = r#"{"head": {"sha": "x"}, "head": 1}"#;
        assert_eq!(extract(&["github.*"], text).unwrap(), json!({"github.head": 1}));
    }

    #[test]
    fn names_are_bounded_and_those_that_no_pattern_wants_are_not_built() {
        let wide: Vec<String> = (0..5000).map(|number| format!(r#""k{number}":0"#)).collect();
        let wide = format!("{{{}}}", wide.join(","));
        let deep = (0..100).fold(wide, |inner, _| format!(r#"{{"{}":{inner}}}"#, "d".repeat(1000)));
        let text = format!(r#"{{"deep":{deep},"head":{{"sha":"x"}}}}"#);
        let refusal = extract(&["github.*"], &text).unwrap_err();
        assert!(refusal.message().contains("4194304 bytes"), "{refusal}");
        assert_eq!(extract(&["github.head.*"], &text).unwrap(), json!({"github.head.sha": "x"}));
    }

    #[test]
    fn the_number_of_properties_is_bounded() {
        let entries = |count: usize| {
            let entries: Vec<String> = (0..count).map(|number| format!(r#""{number}":0"#)).collect();
            format!("{{{}}}", entries.join(","))
        };
        assert_eq!(extract(&["github.*"], &entries(10_000)).unwrap().as_object().unwrap().len(), 10_000);
        assert!(extract(&["github.*"], &entries(10_001)).unwrap_err().message().contains("10000 properties"));
    }
}
