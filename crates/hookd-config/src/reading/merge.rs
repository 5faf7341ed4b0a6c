//! Several files as one table: sections are merged option by option, and so are the tables of dialects.
//!
//! Invariants: nothing replaces anything, so that the order of the files does not matter, but for that of `[[sinks]]` and `[[pollers]]`;
//! positions stay apart, since each file has a range of offsets of its own.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::sections::names;

/// A key with its position.
pub(crate) type Key<'t> = Spanned<Cow<'t, str>>;

/// A key that is given twice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Twice {
    /// The way to it, itself included.
    pub(crate) path: Vec<String>,
    /// The offset of the one that came first.
    pub(crate) first: usize,
    /// The offset of the other one.
    pub(crate) second: usize,
}

/// Moves all positions in a table by `base`.
pub(crate) fn shifted(table: DeTable<'_>, base: usize) -> DeTable<'_> {
    table.into_iter().map(|(key, value)| (moved(key, base), shifted_value(value, base))).collect()
}

fn shifted_value(value: Spanned<DeValue<'_>>, base: usize) -> Spanned<DeValue<'_>> {
    let span = value.span();
    let inner = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(shifted(table, base)),
        DeValue::Array(mut items) => {
            for item in items.iter_mut() {
                let taken = std::mem::replace(item, Spanned::new(0..0, DeValue::Boolean(false)));
                *item = shifted_value(taken, base);
            }
            DeValue::Array(items)
        }
        other => other,
    };
    Spanned::new(span.start + base..span.end + base, inner)
}

fn moved<T>(spanned: Spanned<T>, base: usize) -> Spanned<T> {
    let span = spanned.span();
    Spanned::new(span.start + base..span.end + base, spanned.into_inner())
}

/// Adds a table to another. A key that both have stays as it is in the first, and is returned.
pub(crate) fn merge<'t>(into: &mut DeTable<'t>, from: DeTable<'t>) -> Vec<Twice> {
    let mut twice = Vec::new();
    merge_at(&mut Vec::new(), into, from, &mut twice);
    twice
}

fn merge_at<'t>(path: &mut Vec<String>, into: &mut DeTable<'t>, from: DeTable<'t>, twice: &mut Vec<Twice>) {
    for (key, value) in from {
        let Some((first, _)) = into.get_key_value(key.get_ref().as_ref()) else {
            into.insert(key, value);
            continue;
        };
        let (first, second) = (first.span().start, key.span().start);
        path.push(key.get_ref().to_string());
        let known = into.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut);
        match (known, value.into_inner()) {
            (Some(DeValue::Table(known)), DeValue::Table(more)) if is_merged(path) => {
                merge_at(path, known, more, twice);
            }
            (Some(DeValue::Array(known)), DeValue::Array(more)) if is_list(path) => {
                more.into_iter().for_each(|table| known.push(table));
            }
            _ => twice.push(Twice { path: path.clone(), first, second }),
        }
        path.pop();
    }
}

/// Whether this is a section to which each file adds tables.
fn is_list(path: &[String]) -> bool {
    matches!(path, [section] if names::LISTS.contains(&section.as_str()))
}

/// Whether the table at this path may be spread over files: a section, or a dialect.
fn is_merged(path: &[String]) -> bool {
    match path {
        [_] => true,
        [section, _] => section == names::DIALECTS,
        _ => false,
    }
}
