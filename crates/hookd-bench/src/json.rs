//! Writes JSON members in the order in which GitHub sends them, which a map would not keep.

use std::fmt::{Display, Write as _};

/// An object that is being appended to a text.
pub(crate) struct Object<'t> {
    text: &'t mut String,
    is_empty: bool,
}

impl<'t> Object<'t> {
    pub(crate) fn new(text: &'t mut String) -> Self {
        text.push('{');
        Self { text, is_empty: true }
    }

    /// Continues an object that has members, but no closing brace yet.
    pub(crate) fn resume(text: &'t mut String) -> Self {
        Self { text, is_empty: false }
    }

    /// A member that is a text.
    pub(crate) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        quote(self.text, value);
        self
    }

    /// A member that is JSON already: a number, a literal, or what an [`Object`] has written.
    pub(crate) fn raw(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        write!(self.text, "{value}").expect("writing to a String does not fail");
        self
    }

    /// A member that is a list of texts.
    pub(crate) fn texts<'v>(mut self, key: &str, values: impl IntoIterator<Item = &'v str>) -> Self {
        self.key(key);
        self.text.push('[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            quote(self.text, value);
        }
        self.text.push(']');
        self
    }

    /// Leaves the object open, for [`Object::resume`].
    pub(crate) fn pause(self) {}

    pub(crate) fn end(self) {
        self.text.push('}');
    }

    fn key(&mut self, key: &str) {
        if !self.is_empty {
            self.text.push(',');
        }
        self.is_empty = false;
        quote(self.text, key);
        self.text.push(':');
    }
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            character if character < ' ' => {
                write!(text, "\\u{:04x}", u32::from(character)).expect("writing to a String does not fail");
            }
            character => text.push(character),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_members_in_order_and_escapes_strings() {
        let mut text = String::new();
        let object = Object::new(&mut text).text("b", "\"\\\n\u{1}ö").raw("a", 1).texts("list", ["x", "y"]);
        object.texts("none", []).end();
        assert_eq!(text, r#"{"b":"\"\\\n\u0001ö","a":1,"list":["x","y"],"none":[]}"#);
    }
}
