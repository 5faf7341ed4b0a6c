//! Build properties. What all changes of a delivery have in common is there once, however many changes there are.

use std::iter::Peekable;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Build properties by name, with any JSON value.
///
/// They have two layers: some are [shared](Self::shared) with every clone, and cost nothing to clone; the others are a
/// change's own and hide shared ones of the same name. To whoever reads them they are one map, sorted by name.
#[derive(Clone, Default)]
pub struct Properties {
    shared: Option<Arc<Map<String, Value>>>,
    /// Sorted by name, each once. Most changes have one: a tree would take three times the memory.
    own: Vec<(String, Value)>,
}

impl Properties {
    /// Properties of these layers. Of own ones of the same name the last counts.
    pub fn from_layers(shared: Option<Arc<Map<String, Value>>>, own: Vec<(String, Value)>) -> Self {
        Self { shared: shared.filter(|shared| !shared.is_empty()), own: sorted(own) }
    }

    /// The same, all of which is shared with clones from now on.
    #[must_use]
    pub fn into_shared(self) -> Self {
        Self::from_layers(Some(Arc::new(self.to_map())), Vec::new())
    }

    /// Those that are shared with other changes; some of them may be hidden by [own](Self::own) ones.
    pub fn shared(&self) -> Option<&Arc<Map<String, Value>>> {
        self.shared.as_ref()
    }

    /// Those that are not shared, sorted by name.
    pub fn own(&self) -> impl ExactSizeIterator<Item = (&String, &Value)> {
        self.own.iter().map(entry)
    }

    /// Sets a property, which is not shared.
    pub fn insert(&mut self, name: String, value: Value) {
        match self.place(&name) {
            Ok(index) => self.own[index].1 = value,
            Err(index) => self.own.insert(index, (name, value)),
        }
    }

    /// Where an own property is, or where it would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.own.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self.place(name) {
            Ok(index) => Some(&self.own[index].1),
            Err(_) => self.shared.as_ref()?.get(name),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.shared.is_none()
    }

    /// All of them by name.
    pub fn iter(&self) -> Iter<'_> {
        Iter { own: self.own.iter().peekable(), shared: self.shared.as_deref().map(|map| map.iter().peekable()) }
    }

    /// The names of all of them, in order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(name, _)| name)
    }

    /// All of them in one map, copied.
    pub fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

fn entry((name, value): &(String, Value)) -> (&String, &Value) {
    (name, value)
}

/// The same by name, of each name the last.
fn sorted(mut properties: Vec<(String, Value)>) -> Vec<(String, Value)> {
    if !properties.is_sorted_by(|(one, _), (next, _)| one < next) {
        // Stable, so that those of a name stay in their order.
        properties.sort_by(|(one, _), (other, _)| one.cmp(other));
        properties.reverse();
        properties.dedup_by(|(one, _), (other, _)| one == other);
        properties.reverse();
    }
    properties
}

/// An iterator over [`Properties`], by name.
pub struct Iter<'p> {
    own: Peekable<std::slice::Iter<'p, (String, Value)>>,
    shared: Option<Peekable<serde_json::map::Iter<'p>>>,
}

impl<'p> Iterator for Iter<'p> {
    type Item = (&'p String, &'p Value);

    fn next(&mut self) -> Option<Self::Item> {
        let own = &mut self.own;
        let Some(shared) = &mut self.shared else { return own.next().map(entry) };
        match (own.peek(), shared.peek()) {
            (Some((one, _)), Some((name, _))) if one == *name => {
                shared.next();
                own.next().map(entry)
            }
            (Some((one, _)), Some((name, _))) if one > *name => shared.next(),
            (Some(_), _) => own.next().map(entry),
            (None, _) => shared.next(),
        }
    }
}

impl<'p> IntoIterator for &'p Properties {
    type Item = (&'p String, &'p Value);
    type IntoIter = Iter<'p>;

    fn into_iter(self) -> Iter<'p> {
        self.iter()
    }
}

impl From<Map<String, Value>> for Properties {
    fn from(own: Map<String, Value>) -> Self {
        own.into_iter().collect()
    }
}

impl FromIterator<(String, Value)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(properties: I) -> Self {
        Self::from_layers(None, properties.into_iter().collect())
    }
}

impl Extend<(String, Value)> for Properties {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, properties: I) {
        properties.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

impl std::ops::Index<&str> for Properties {
    type Output = Value;

    /// # Panics
    /// When there is no such property.
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or_else(|| panic!("there is no property `{name}`"))
    }
}

impl PartialEq for Properties {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self).finish()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: Value) -> Properties {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn layers_read_as_one_map_that_is_sorted() {
        let mut properties = of(json!({"b": 1, "d": 2, "e": 3})).into_shared();
        properties.extend([("a".to_owned(), json!(4)), ("d".to_owned(), json!(5)), ("f".to_owned(), json!(6))]);
        let text = r#"{"a":4,"b":1,"d":5,"e":3,"f":6}"#;
        assert_eq!(serde_json::to_string(&properties).unwrap(), text);
        assert_eq!(properties, of(serde_json::from_str(text).unwrap()));
        assert_eq!(
            (properties.get("d"), properties.get("b"), properties.get("c")),
            (Some(&json!(5)), Some(&json!(1)), None)
        );
        assert_eq!(properties.keys().map(String::as_str).collect::<String>(), "abdef");
        assert_eq!(properties.into_shared().to_map().len(), 5);
    }

    #[test]
    fn of_properties_of_a_name_the_last_counts() {
        let all = [("b", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)];
        let all = || all.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let mut one_by_one = Properties::default();
        one_by_one.extend(all());
        for properties in [all().collect(), one_by_one] {
            assert_eq!(serde_json::to_string(&properties).unwrap(), r#"{"a":4,"b":5}"#);
        }
    }

    #[test]
    fn clones_share_what_is_shared() {
        let base = of(json!({"a": "long"})).into_shared();
        let mut clone = base.clone();
        clone.insert("b".to_owned(), json!(1));
        assert!(Arc::ptr_eq(base.shared().unwrap(), clone.shared().unwrap()));
        assert!(base != clone && !base.is_empty() && Properties::default().into_shared().is_empty());
    }
}
