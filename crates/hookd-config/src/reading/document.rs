//! TOML with the position of every key and value, from one file or several.

use hookd_core::{PathStep, Problem};
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::merge::{self, Key, Twice};
use super::report::{self, Finding, Report};
use super::sources::Source;
use crate::sections::names;

/// A configuration, parsed.
///
/// Offsets count through all of its files, in their order, with one more after the end of each.
pub(crate) struct Document<'t> {
    /// At least one; the others are those that it includes.
    parts: Vec<Part<'t>>,
    root: DeTable<'t>,
}

/// One of its files.
struct Part<'t> {
    name: &'t str,
    text: &'t str,
    /// The offset of its beginning.
    base: usize,
}

impl<'t> Document<'t> {
    /// Parses files, of which there is at least one, and merges them. The names of the files are those in messages.
    ///
    /// # Errors
    /// Syntax errors, one for each line: further ones on the same line mostly follow from the first. Then options that
    /// two files have, and files that include others in their turn.
    pub(crate) fn parse(sources: &'t [Source]) -> Result<Self, Report> {
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        let (mut whole, mut problems) = (Self { parts: Vec::new(), root: DeTable::new() }, Vec::new());
        let (mut base, mut twice) = (0, Vec::new());
        for source in sources {
            let (part, errors) = Self::parse_one(source);
            problems.extend(errors);
            let Self { mut parts, root } = part;
            parts.iter_mut().for_each(|part| part.base = base);
            whole.parts.extend(parts);
            let root = merge::shifted(root, base);
            if base > 0
                && let Some((key, _)) = root.get_key_value(names::INCLUDE)
            {
                let message =
                    format!("`{}` is for `{}` alone: an included file includes no others", names::INCLUDE, names[0]);
                problems.push(whole.at(key.span().start, message));
            } else {
                twice.extend(merge::merge(&mut whole.root, root));
            }
            base += source.text.len() + 1;
        }
        problems.extend(twice.iter().map(|twice| whole.given_twice(twice)));
        if problems.is_empty() { Ok(whole) } else { Err(Report::new(problems, &names)) }
    }

    /// One file, with its syntax errors.
    fn parse_one(source: &'t Source) -> (Self, Vec<Finding>) {
        let Source { name, text } = source;
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Self { parts: vec![Part { name, text, base: 0 }], root: root.into_inner() };
        let mut problems: Vec<Finding> = errors
            .iter()
            .map(|error| {
                let offset = error.span().map_or(text.len(), |span| span.start);
                let message = error.message().trim_end_matches(", expected nothing");
                let first = match message {
                    "duplicate key" => error.span().and_then(|span| document.first_of(text.get(span)?, offset)),
                    _ => None,
                };
                document.at(offset, format!("broken TOML: {message}{}", first.unwrap_or_default()))
            })
            .collect();
        report::sort(&mut problems, &[name]);
        problems.dedup_by_key(|problem| problem.line);
        (document, problems)
    }

    /// An option that two files have. It is shown: only sections, dialects and their options are merged.
    fn given_twice(&self, twice: &Twice) -> Finding {
        let what = match twice.path.as_slice() {
            [section, name] if section == names::DIALECTS => format!("dialect `{name}`"),
            [section, name, option] if section == names::DIALECTS => format!("dialect `{name}`: `{option}`"),
            [section, option] => format!("section `{section}`: `{option}`"),
            path => format!("`{}`", path.join(".")),
        };
        let first = self.at(twice.first, String::new());
        self.at(twice.second, format!("{what} is given twice, first at {}", first.place()))
    }

    /// Which key it is that is given again at this offset, and where it was given first, for a message. The key itself is
    /// shown where it is a section or an option, but not inside the value of an option: there it may be a secret.
    fn first_of(&self, key: &str, offset: usize) -> Option<String> {
        let key = key.trim_matches(['"', '\'']);
        let mut nearest: Option<(usize, bool)> = None;
        for (name, value) in &self.root {
            // The options of a dialect are one level deeper than those of another section.
            let shown_depth = match name.get_ref().as_ref() {
                names::DIALECTS => 2,
                names::AUTH => 0,
                _ => 1,
            };
            visit(name, value.get_ref(), 0, &mut |found, depth| {
                let start = found.span().start;
                if found.get_ref() == key && start < offset && nearest.is_none_or(|(other, _)| other < start) {
                    nearest = Some((start, depth <= shown_depth));
                }
            });
        }
        let (first, is_shown) = self.same_header(offset).or(nearest)?;
        let first = self.at(first, String::new());
        let shown = if is_shown { format!(" `{key}`") } else { String::new() };
        Some(format!("{shown}, first given at {}", first.place()))
    }

    /// Where the table was given first whose header is given again at this offset: by the same header, or by keys that begin
    /// with its name. And whether its last key may be shown. The parser forgets the first one.
    fn same_header(&self, offset: usize) -> Option<(usize, bool)> {
        let text = self.parts.first()?.text;
        let before = text.get(..offset)?;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let header = |line: &str| line.split(']').next().map(|header| header.trim().to_owned());
        let again = header(text[start..].lines().next()?).filter(|header| header.starts_with('['))?;
        let name = again.trim_start_matches('[');
        let is_shown = again.matches('.').count() < 2 && !again.contains(names::AUTH);
        let (mut at, mut is_top) = (0, true);
        for line in before[..start].split_inclusive('\n') {
            if header(line).as_ref() == Some(&again) {
                let shift = offset - start - text[start..].find('[')?;
                return Some((at + line.find('[')? + shift, is_shown));
            }
            is_top &= !line.trim_start().starts_with('[');
            let rest = line.trim_start().strip_prefix(name).map(str::trim_start);
            if is_top && rest.is_some_and(|rest| rest.starts_with(['.', '='])) {
                return Some((at + line.len() - line.trim_start().len(), is_shown));
            }
            at += line.len();
        }
        None
    }

    /// The name of the file in messages; that of the one that includes the others.
    pub(crate) fn name(&self) -> &str {
        self.parts[0].name
    }

    /// The names of all files, in their order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.parts.iter().map(|part| part.name).collect()
    }

    /// The top-level keys, in no particular order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.root.iter().map(|(key, _)| key.get_ref().as_ref())
    }

    /// The top-level value with this key.
    pub(crate) fn value(&self, key: &str) -> Option<&DeValue<'t>> {
        self.root.get(key).map(Spanned::get_ref)
    }

    /// Whether there is a value of a section's option, `path`.
    pub(crate) fn has(&self, path: &[PathStep]) -> bool {
        let [PathStep::Key(section), PathStep::Key(option)] = path else { return false };
        self.value(section).and_then(DeValue::as_table).is_some_and(|table| table.contains_key(option.as_str()))
    }

    /// A finding at the key that `path` leads to, or at the longest part of the path that is in the file.
    pub(crate) fn at_key(&self, path: &[PathStep], message: impl Into<String>) -> Finding {
        let (key, value) = self.find(path);
        self.at(key.or(value).unwrap_or_default(), message)
    }

    /// A finding at the value that `path` leads to, or at the longest part of the path that is in the file.
    pub(crate) fn at_value(&self, path: &[PathStep], message: impl Into<String>) -> Finding {
        let (_, value) = self.find(path);
        self.at(value.unwrap_or_default(), message)
    }

    /// The offsets in bytes of the key and of the value that `path` leads to.
    fn find(&self, path: &[PathStep]) -> (Option<usize>, Option<usize>) {
        let (mut key_at, mut value_at) = (None, None);
        let mut table = Some(&self.root);
        let mut value: Option<&DeValue<'_>> = None;
        for step in path {
            let next = match step {
                PathStep::Key(key) => table.and_then(|table| table.get_key_value(key.as_str())).map(|(key, value)| {
                    key_at = Some(key.span().start);
                    value
                }),
                PathStep::Index(index) => value.and_then(DeValue::as_array).and_then(|list| list.get(*index)),
            };
            let Some(next) = next else { break };
            value_at = Some(next.span().start);
            value = Some(next.get_ref());
            table = next.get_ref().as_table();
        }
        (key_at, value_at)
    }

    fn at(&self, offset: usize, message: impl Into<String>) -> Finding {
        let part = self.parts.iter().rev().find(|part| part.base <= offset).unwrap_or(&self.parts[0]);
        let before = &part.text[..part.text.floor_char_boundary(offset - part.base)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Finding {
            line: Some(before.matches('\n').count() + 1),
            column: Some(before[line_start..].chars().count() + 1),
            ..Finding::in_file(part.name, message)
        }
    }
}

/// Calls `each` with a key, its depth, and all keys in its value.
fn visit<'t>(key: &Key<'t>, value: &DeValue<'t>, depth: usize, each: &mut dyn FnMut(&Key<'t>, usize)) {
    each(key, depth);
    visit_value(value, depth + 1, each);
}

fn visit_value<'t>(value: &DeValue<'t>, depth: usize, each: &mut dyn FnMut(&Key<'t>, usize)) {
    match value {
        DeValue::Table(table) => table.iter().for_each(|(key, value)| visit(key, value.get_ref(), depth, each)),
        DeValue::Array(items) => items.iter().for_each(|item| visit_value(item.get_ref(), depth, each)),
        _ => {}
    }
}

/// A table as the JSON object that options are read from. A value that JSON cannot represent becomes null and a problem.
pub(crate) fn json_object(table: &DeTable<'_>) -> (Map<String, Value>, Vec<Problem>) {
    let mut problems = Vec::new();
    let object = object(table, &mut Vec::new(), &mut problems);
    (object, problems)
}

fn object(table: &DeTable<'_>, path: &mut Vec<PathStep>, problems: &mut Vec<Problem>) -> Map<String, Value> {
    let mut object = Map::new();
    for (key, value) in table {
        let key = key.get_ref().to_string();
        path.push(PathStep::Key(key.clone()));
        object.insert(key, json(value.get_ref(), path, problems));
        path.pop();
    }
    object
}

fn json(value: &DeValue<'_>, path: &mut Vec<PathStep>, problems: &mut Vec<Problem>) -> Value {
    let message = match value {
        DeValue::String(text) => return Value::String(text.to_string()),
        DeValue::Boolean(boolean) => return Value::Bool(*boolean),
        DeValue::Table(table) => return Value::Object(object(table, path, problems)),
        DeValue::Array(list) => {
            let mut values = Vec::with_capacity(list.len());
            for (index, item) in list.iter().enumerate() {
                path.push(PathStep::Index(index));
                values.push(json(item.get_ref(), path, problems));
                path.pop();
            }
            return Value::Array(values);
        }
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => return Value::Number(number.into()),
            Err(_) => "the number does not fit into 64 bits",
        },
        DeValue::Float(float) => match float.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => return Value::Number(number),
            None => "the number must be finite",
        },
        DeValue::Datetime(_) => "dates are not supported: write it as a string, in quotes",
    };
    problems.push(Problem { path: path.clone(), message: message.to_owned() });
    Value::Null
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), text: text.to_owned() }
    }

    /// The report on these files.
    fn report(sources: &[Source]) -> String {
        Document::parse(sources).err().expect("it is wrong").to_string()
    }

    const TEXT: &str = "[a]\nb = 1_000\n\"ü\" = { \"ß\" = [0x1f, \"x\"] }\n[a.c.d]\ne = 1.5\n";

    fn path(path: &[&str]) -> Vec<PathStep> {
        path.iter().map(|step| step.parse().map_or(PathStep::Key((*step).to_owned()), PathStep::Index)).collect()
    }

    fn place(finding: &Finding) -> (usize, usize) {
        (finding.line.unwrap(), finding.column.unwrap())
    }

    #[test]
    fn finds_keys_and_values_by_line_and_column() {
        let source = [file("x.toml", TEXT)];
        let document = Document::parse(&source).unwrap();
        for (steps, key, value) in [
            (&["a"][..], (1, 2), (1, 1)),
            (&["a", "b"], (2, 1), (2, 5)),
            (&["a", "ü"], (3, 1), (3, 7)),
            (&["a", "ü", "ß"], (3, 9), (3, 15)),
            (&["a", "ü", "ß", "1"], (3, 9), (3, 22)),
            (&["a", "ü", "ß", "7"], (3, 9), (3, 15)),
            (&["a", "c", "d"], (4, 6), (4, 1)),
            (&["a", "c", "d", "e"], (5, 1), (5, 5)),
            (&["a", "c", "d", "none"], (4, 6), (4, 1)),
            (&["none"], (1, 1), (1, 1)),
        ] {
            let path = path(steps);
            assert_eq!(
                (place(&document.at_key(&path, "")), place(&document.at_value(&path, ""))),
                (key, value),
                "{steps:?}"
            );
        }
    }

    #[test]
    fn becomes_json_and_reports_what_json_cannot_represent() {
        let source = [file("x.toml", TEXT)];
        let document = Document::parse(&source).unwrap();
        let (object, problems) = json_object(document.value("a").unwrap().as_table().unwrap());
        assert_eq!(Value::Object(object), json!({"b": 1000, "ü": {"ß": [31, "x"]}, "c": {"d": {"e": 1.5}}}));
        assert_eq!(problems, []);

        let text = "a = { b = [1, 2026-01-01], c = nan, d = -inf, e = 9223372036854775808, f = -9223372036854775808 }";
        let source = [file("x.toml", text)];
        let document = Document::parse(&source).unwrap();
        let (object, problems) = json_object(document.value("a").unwrap().as_table().unwrap());
        assert_eq!(Value::Object(object), json!({"b": [1, null], "c": null, "d": null, "e": null, "f": i64::MIN}));
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "b[1]: dates are not supported: write it as a string, in quotes",
                "c: the number must be finite",
                "d: the number must be finite",
                "e: the number does not fit into 64 bits",
            ]
        );
    }

    #[test]
    fn a_duplicate_key_is_named_with_its_first_place_but_not_inside_an_option() {
        for (text, message) in [
            ("[a]\n[b]\n[a]", "3:2: broken TOML: duplicate key `a`, first given at x.toml:1:2"),
            ("[a]\nx = 1\n[b]\nx = 1\n'x' = 2", "5:1: broken TOML: duplicate key `x`, first given at x.toml:4:1"),
            ("[a]\nx = { y = 1, y = 2 }", "2:14: broken TOML: duplicate key, first given at x.toml:2:7"),
            (
                "[change_hook_dialects]\ngithub = { strict = true, strict = true }",
                "2:27: broken TOML: duplicate key `strict`, first given at x.toml:2:12",
            ),
            (
                "[change_hook_dialects.github]\nsecret = { hunter2 = 1, hunter2 = 2 }",
                "2:25: broken TOML: duplicate key, first given at x.toml:2:12",
            ),
        ] {
            let report = report(&[file("x.toml", text)]);
            assert_eq!(report, format!("x.toml:{message}"), "{text}");
        }
    }

    #[test]
    fn syntax_errors_show_no_value() {
        for value in [
            "hunter2",
            "\"hunter2",
            "'hunter2",
            "hunter2\"",
            "\"\\hunter2\"",
            "[hunter2]",
            "{ hunter2 }",
            "{ hunter2 = }",
        ] {
            for line in [format!("secret = {value}"), format!("secret {value}"), format!("secret = 'x' {value}")] {
                let report = report(&[file("x.toml", &line)]);
                assert!(!report.contains("hunter2"), "{line}: {report}");
            }
        }
    }

    #[test]
    fn reports_syntax_errors_of_each_line() {
        assert_eq!(
            report(&[file("x.toml", "a = b\nc = 1\nc = 2\nd = 'x\n[e]\nf = = 1\n")]),
            "x.toml:1:5: broken TOML: string values must be quoted, expected literal string\n\
             x.toml:3:1: broken TOML: duplicate key `c`, first given at x.toml:2:1\n\
             x.toml:4:7: broken TOML: invalid literal string, expected `'`\n\
             x.toml:6:5: broken TOML: extra `=`"
        );
    }

    #[test]
    fn files_are_merged_and_positions_name_the_right_one() {
        let files = [
            file("a.toml", "[server]\nx = 1\n[[sinks]]\nname = 'a'\n[change_hook_dialects.d]\ny = 1"),
            file(
                "b.toml",
                "'ü' = 'ß'\n[server]\nz = 2\n[[sinks]]\nname = 'b'\n[change_hook_dialects]\nd.w = 3\ne = true\n",
            ),
            file("c.toml", ""),
        ];
        let document = Document::parse(&files).unwrap();
        for (steps, at) in [
            (&["server", "x"][..], "a.toml:2:5"),
            (&["server", "z"], "b.toml:3:5"),
            (&["sinks", "0", "name"], "a.toml:4:8"),
            (&["sinks", "1", "name"], "b.toml:5:8"),
            (&["change_hook_dialects", "d", "y"], "a.toml:6:5"),
            (&["change_hook_dialects", "d", "w"], "b.toml:7:7"),
            (&["change_hook_dialects", "e"], "b.toml:8:5"),
            (&["ü"], "b.toml:1:7"),
        ] {
            assert_eq!(document.at_value(&path(steps), "").to_string(), format!("{at}: "), "{steps:?}");
        }
    }

    #[test]
    fn what_two_files_have_is_an_error_with_both_places() {
        let files = [
            file(
                "a.toml",
                "change_hook_auth = []\n[server]\nx = { y = 1 }\n[change_hook_dialects]\nd = { s = 1 }\ne = true",
            ),
            file(
                "b.toml",
                "change_hook_auth = []\n[server]\n\nx = { z = 1 }\n[change_hook_dialects]\nd = { s = 2 }\ne = {}",
            ),
            file("c.toml", "server = 1\n[a\n"),
            file("d.toml", "include = []\n"),
        ];
        assert_eq!(
            report(&files),
            "b.toml:1:1: `change_hook_auth` is given twice, first at a.toml:1:1\n\
             b.toml:4:1: section `server`: `x` is given twice, first at a.toml:3:1\n\
             b.toml:6:7: dialect `d`: `s` is given twice, first at a.toml:5:7\n\
             b.toml:7:1: dialect `e` is given twice, first at a.toml:6:1\n\
             c.toml:1:1: `server` is given twice, first at a.toml:2:2\n\
             c.toml:2:3: broken TOML: unclosed table, expected `]`\n\
             d.toml:1:1: `include` is for `a.toml` alone: an included file includes no others"
        );
    }
}
