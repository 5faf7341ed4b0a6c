//! Whitelists of payload entries that become build properties.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Glob, Json};

/// A list of `fnmatch` patterns over the flattened payload, as Buildbot's `github_property_whitelist`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PropertyWhitelist(Vec<Glob>);

impl PropertyWhitelist {
    /// The entries of `payload` whose flattened name, such as `github.head.sha` under the root `github`, matches.
    ///
    /// Objects are descended into, lists are taken whole, as Buildbot's `PullRequestMixin.extractProperties`.
    pub fn extract(&self, root: &str, payload: &Json<'_>) -> Map<String, Value> {
        let mut properties = Map::new();
        if !self.0.is_empty() {
            self.collect(root, payload, &mut properties);
        }
        properties
    }

    fn collect(&self, base: &str, object: &Json<'_>, properties: &mut Map<String, Value>) {
        let Json::Object(pairs) = object else { return };
        let last: HashMap<&str, usize> = pairs.iter().enumerate().map(|(index, (key, _))| (&**key, index)).collect();
        for (index, (key, value)) in pairs.iter().enumerate() {
            if last[&**key] != index {
                continue;
            }
            let name = format!("{base}.{key}");
            if matches!(value, Json::Object(_)) {
                self.collect(&name, value, properties);
            } else if self.0.iter().any(|glob| glob.matches(&name)) {
                properties.insert(name, value.to_value());
            }
        }
    }
}

impl Serialize for PropertyWhitelist {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Glob::source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::View;

    #[test]
    fn flattens_objects_and_takes_lists_whole() {
        let whitelist: PropertyWhitelist = serde_json::from_str(r#"["github.head.*", "github.labels"]"#).unwrap();
        let text = br#"{"head": {"sha": "x", "repo": {"id": 1}}, "labels": [{"a": 1}], "n": 2}"#;
        let expected =
            serde_json::json!({"github.head.sha": "x", "github.head.repo.id": 1, "github.labels": [{"a": 1}]});
        let extracted = View::read(text, |payload| Ok(whitelist.extract("github", payload.json()))).unwrap();
        assert_eq!(Value::Object(extracted), expected);
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let whitelist: PropertyWhitelist = serde_json::from_str(r#"["github.*"]"#).unwrap();
        let text = br#"{"head": {"sha": "x"}, "head": 1}"#;
        let extracted = View::read(text, |payload| Ok(whitelist.extract("github", payload.json()))).unwrap();
        assert_eq!(Value::Object(extracted), serde_json::json!({"github.head": 1}));
    }
}
