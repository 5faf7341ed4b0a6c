//! Texts that a sender chose, as they are shown: characters that nobody would see are written out.
//!
//! A branch named `main` with a right-to-left override in it looks like another one, and one with a zero-width space like
//! the one without. So control characters, bidirectional ones and those of no width are shown by their numbers.

use maud::{Markup, PreEscaped, html};

/// How many characters of a text are in a list.
const MAX_LISTED_CHARS: usize = 160;

/// A text of one line.
pub(super) fn text(text: &str) -> Markup {
    shown(text, |_| false)
}

/// A text of several lines.
pub(super) fn lines(text: &str) -> Markup {
    shown(text, |c| matches!(c, '\n' | '\t'))
}

/// The beginning of a text of one line, for lists; `…` says that there is more.
pub(super) fn listed(text: &str) -> Markup {
    match text.char_indices().nth(MAX_LISTED_CHARS) {
        Some((end, _)) => html! { (self::text(&text[..end])) "…" },
        None => self::text(text),
    }
}

/// A text of one line, kept apart from what stands beside it: Hebrew and Arabic do not reorder that.
pub(super) fn apart(text: &str) -> Markup {
    html! { bdi { (listed(text)) } }
}

/// A text without what nobody would see, for places that take no markup.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).collect()
}

fn shown(text: &str, is_kept: impl Fn(char) -> bool) -> Markup {
    let is_written_out = |c: char| is_unseen(c) && !is_kept(c);
    if !text.contains(is_written_out) {
        return html! { (text) };
    }
    let mut shown = String::with_capacity(2 * text.len());
    let mut rest = text;
    while let Some(place) = rest.find(is_written_out) {
        let (before, from) = rest.split_at(place);
        shown.push_str(&html! { (before) }.into_string());
        let mut after = from.chars();
        if let Some(c) = after.next() {
            shown.push_str(&html! { i { (format!("U+{:04X}", u32::from(c))) } }.into_string());
        }
        rest = after.as_str();
    }
    shown.push_str(&html! { (rest) }.into_string());
    PreEscaped(shown)
}

/// Whether a character shows nothing itself, or changes the order of others: controls, Unicode's format characters, its
/// separators of lines and paragraphs, and letters that are blank by design.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_see_is_written_out() {
        for (sent, seen) in [
            ("main", "main"),
            ("ma\u{202e}in", "ma<i>U+202E</i>in"),
            ("\u{2066}a\u{2069}", "<i>U+2066</i>a<i>U+2069</i>"),
            ("a\u{200b}b\u{feff}", "a<i>U+200B</i>b<i>U+FEFF</i>"),
            ("\0\x1b[31m\u{9b}", "<i>U+0000</i><i>U+001B</i>[31m<i>U+009B</i>"),
            ("a\nb\tc", "a<i>U+000A</i>b<i>U+0009</i>c"),
            ("<b>\u{7f}&", "&lt;b&gt;<i>U+007F</i>&amp;"),
            ("עברית ü 日本", "עברית ü 日本"),
            ("\u{e0041}", "<i>U+E0041</i>"),
        ] {
            assert_eq!(text(sent).into_string(), seen);
        }
        assert_eq!(lines("a\nb\tc\r\u{202d}").into_string(), "a\nb\tc<i>U+000D</i><i>U+202D</i>");
        assert_eq!(plain("a\u{202e}b\nc"), "abc");
    }

    #[test]
    fn lists_have_the_beginnings_of_long_texts() {
        let long = "ü".repeat(1000);
        assert_eq!(listed(&long).into_string(), format!("{}…", "ü".repeat(MAX_LISTED_CHARS)));
        assert_eq!(apart("main").into_string(), "<bdi>main</bdi>");
    }
}
