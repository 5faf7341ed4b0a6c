//! Texts as PostgreSQL takes them. It knows no NUL, which a payload may have: NUL is stored as U+0001 and `0`, and U+0001
//! as U+0001 and `1`. That changes neither which texts are equal nor their order.

use std::borrow::Cow;

const ESCAPE: char = '\u{1}';

/// A text for the database.
pub(crate) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(ESCAPE, "\u{1}1").replace('\0', "\u{1}0"))
}

/// The same where there may be none.
pub(crate) fn stored_option(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(stored)
}

/// A text from the database.
pub(crate) fn read(text: String) -> String {
    if text.contains(ESCAPE) { text.replace("\u{1}0", "\0").replace("\u{1}1", "\u{1}") } else { text }
}

/// Whether a part of a stored text equals this one only where the texts themselves do: not where it begins with what may be
/// the second half of an escape.
pub(crate) fn is_found_exactly(part: &str) -> bool {
    !part.starts_with(['0', '1'])
}

/// A pattern for `LIKE` that finds this text as a part.
pub(crate) fn like_part(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in stored(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_as_it_was_and_in_the_same_order() {
        let texts =
            ["", "\0", "\0\0", "\0a", "\u{1}", "\u{1}0", "\u{1}1", "\u{1}\0", "\u{2}", "0", "1", "a\0b", "\u{fc}"];
        for one in texts {
            assert!(!stored(one).contains('\0'));
            assert_eq!(read(stored(one).into_owned()), one, "{one:?}");
            for other in texts {
                assert_eq!(stored(one).cmp(&stored(other)), one.cmp(other), "{one:?} and {other:?}");
            }
        }
    }
}
