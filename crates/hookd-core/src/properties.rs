//! Build properties. What all changes of a delivery have in common is there once, however many changes there are.

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
    own: Map<String, Value>,
}

impl Properties {
    /// Properties of these layers.
    pub fn from_layers(shared: Option<Arc<Map<String, Value>>>, own: Map<String, Value>) -> Self {
        Self { shared: shared.filter(|shared| !shared.is_empty()), own }
    }

    /// The same, all of which is shared with clones from now on.
    #[must_use]
    pub fn into_shared(self) -> Self {
        Self::from_layers(Some(Arc::new(self.to_map())), Map::new())
    }

    /// Those that are shared with other changes; some of them may be hidden by [own](Self::own) ones.
    pub fn shared(&self) -> Option<&Arc<Map<String, Value>>> {
        self.shared.as_ref()
    }

    /// Those that are not shared.
    pub fn own(&self) -> &Map<String, Value> {
        &self.own
    }

    /// Sets a property, which is not shared.
    pub fn insert(&mut self, name: String, value: Value) {
        self.own.insert(name, value);
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.own.get(name).or_else(|| self.shared.as_ref()?.get(name))
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

type Entries<'p> = std::iter::Peekable<serde_json::map::Iter<'p>>;

/// An iterator over [`Properties`], by name.
pub struct Iter<'p> {
    own: Entries<'p>,
    shared: Option<Entries<'p>>,
}

impl<'p> Iterator for Iter<'p> {
    type Item = (&'p String, &'p Value);

    fn next(&mut self) -> Option<Self::Item> {
        let Some(shared) = &mut self.shared else { return self.own.next() };
        match (self.own.peek(), shared.peek()) {
            (Some((own, _)), Some((name, _))) if own == name => {
                shared.next();
                self.own.next()
            }
            (Some((own, _)), Some((name, _))) if own > name => shared.next(),
            (Some(_), _) => self.own.next(),
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
        Self { shared: None, own }
    }
}

impl FromIterator<(String, Value)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(properties: I) -> Self {
        properties.into_iter().collect::<Map<_, _>>().into()
    }
}

impl Extend<(String, Value)> for Properties {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, properties: I) {
        self.own.extend(properties);
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
    fn clones_share_what_is_shared() {
        let base = of(json!({"a": "long"})).into_shared();
        let mut clone = base.clone();
        clone.insert("b".to_owned(), json!(1));
        assert!(Arc::ptr_eq(base.shared().unwrap(), clone.shared().unwrap()));
        assert!(base != clone && !base.is_empty() && Properties::default().into_shared().is_empty());
    }
}
