//! What is printed for people: tables, and texts that a sender chose.
//!
//! Invariant: what comes from outside cannot move the cursor, colour the terminal or turn the direction of writing: control
//! characters and invisible ones are written as `\u{…}`.

use std::io;

use jiff::Timestamp;
use serde_json::Value;

use super::Output;

/// How many characters of a cell of a table are shown, in the last column and in the others: a sender may choose lines of
/// any length, and each other row is as wide as the widest.
const MAX_LAST_CELL_CHARS: usize = 300;
const MAX_CELL_CHARS: usize = 120;

/// A text that may come from outside, on one line.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if is_plain(char) { shown.push(char) } else { shown.extend(char.escape_unicode()) }
    }
    shown
}

/// The same of a text of several lines.
pub(super) fn shown_lines(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn is_plain(char: char) -> bool {
    !char.is_control()
        && !matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The beginning of a text, with `…` where that is not all.
fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some(_) => text.chars().take(max_chars - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// Prints rows with columns of equal width; the last column is as wide as it is. Of long texts the beginning is shown.
pub(super) fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]], output: &mut Output<'_>) -> io::Result<()> {
    let max = |column: usize| if column + 1 < COLUMNS { MAX_CELL_CHARS } else { MAX_LAST_CELL_CHARS };
    let rows: Vec<[String; COLUMNS]> =
        rows.iter().map(|row| std::array::from_fn(|column| cut(&shown(&row[column]), max(column)))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| if column + 1 < COLUMNS { width(column) } else { 0 });
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(output.out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// A number with a comma between thousands: `4,310`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Prints JSON over several lines.
pub(super) fn json(value: &Value, output: &mut Output<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *output.out, value)?;
    writeln!(output.out)
}

/// A time of the REST API, to the second.
#[expect(clippy::cast_possible_truncation, reason = "fractions of a second are not shown")]
pub(super) fn time(seconds: &Value) -> String {
    let time = seconds.as_f64().and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

/// A text of an answer; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_obeys_a_sender() {
        assert_eq!(shown("tëa ✓ \u{1f600}"), "tëa ✓ \u{1f600}");
        assert_eq!(shown("\x1b[2Ja\nb\u{202e}c\u{9b}"), r"\u{1b}[2Ja\u{a}b\u{202e}c\u{9b}");
        let mut out = Vec::new();
        let rows = [["A", "B"], ["longer", "\x07"]].map(|row| row.map(str::to_owned));
        table(&rows, &mut Output { out: &mut out, err: &mut Vec::new() }).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "A       B\nlonger  \\u{7}\n");
    }

    #[test]
    fn one_long_text_does_not_fill_the_terminal() {
        let mut out = Vec::new();
        let rows = [["a".repeat(120), "ü".repeat(300)], ["b".repeat(121), "x".repeat(80_000)]];
        table(&rows, &mut Output { out: &mut out, err: &mut Vec::new() }).unwrap();
        let expected = format!("{}  {}\n{}…  {}…\n", rows[0][0], rows[0][1], "b".repeat(119), "x".repeat(299));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn thousands_are_set_apart() {
        let grouped = [0, 999, 1000, 4310, 12_345_678].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "4,310", "12,345,678"]);
    }
}
