//! Python's `str()` and `int()` of JSON values: what Buildbot's f-strings and formats make of payloads.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Number;

use crate::Json;

/// `str(value)` of a value that Python's `json.loads` gave.
pub(crate) fn str<'p>(json: &'p Json<'p>) -> Cow<'p, str> {
    match json {
        Json::Text(text) => Cow::Borrowed(text),
        other => {
            let mut out = String::new();
            repr(other, &mut out);
            Cow::Owned(out)
        }
    }
}

/// `int(value)` as text, of integers, texts of digits, numbers without their fraction, and booleans; `None` for the
/// rest, for texts with underscores or digits beyond ASCII, and beyond 64 bits.
pub(crate) fn int(json: &Json<'_>) -> Option<String> {
    match json {
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // Beyond that, doubles are not exact; `+ 0.0` takes the sign from zero.
            Some(float) => (float.abs() < 2_f64.powi(53)).then(|| format!("{:.0}", float.trunc() + 0.0)),
            None => Some(number.to_string()),
        },
        Json::Bool(value) => Some(u8::from(*value).to_string()),
        Json::Text(text) => text.trim().parse::<i64>().ok().map(|number| number.to_string()),
        _ => None,
    }
}

fn repr(json: &Json<'_>, out: &mut String) {
    match json {
        Json::Null => out.push_str("None"),
        Json::Bool(true) => out.push_str("True"),
        Json::Bool(false) => out.push_str("False"),
        Json::Number(number) => number_repr(number, out),
        Json::Text(text) => text_repr(text, out),
        Json::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                repr(item, out);
            }
            out.push(']');
        }
        Json::Object(pairs) => {
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                text_repr(key, out);
                out.push_str(": ");
                repr(value, out);
            }
            out.push('}');
        }
    }
}

fn number_repr(number: &Number, out: &mut String) {
    match number.as_f64().filter(|_| number.is_f64()) {
        None => write!(out, "{number}").expect("a String takes all"),
        Some(float) => {
            // Python: the shortest digits; as exponent from 1e16 and below 1e-4, with at least two exponent digits.
            let size = float.abs();
            if size != 0.0 && !(1e-4..1e16).contains(&size) {
                let text = format!("{float:e}");
                let (digits, exponent) = text.split_once('e').expect("`{:e}` writes an exponent");
                let (sign, exponent) = match exponent.strip_prefix('-') {
                    Some(exponent) => ('-', exponent),
                    None => ('+', exponent),
                };
                write!(out, "{digits}e{sign}{exponent:0>2}").expect("a String takes all");
            } else {
                write!(out, "{float:?}").expect("a String takes all");
            }
        }
    }
}

fn text_repr(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() && u32::from(c) < 0x100 => {
                write!(out, "\\x{:02x}", u32::from(c)).expect("a String takes all");
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::*;

    #[test]
    fn formats_values_as_python_does() {
        for (json, python) in [
            ("null", "None"),
            ("true", "True"),
            ("5", "5"),
            ("-0.5", "-0.5"),
            ("1.0", "1.0"),
            ("1e16", "1e+16"),
            ("1.5e-7", "1.5e-07"),
            ("123456789012345.0", "123456789012345.0"),
            ("\"plain\"", "plain"),
            (r#"["a'b", "c", {"k": null}]"#, r#"["a'b", 'c', {'k': None}]"#),
            (r#"{"a": "x\n\\"}"#, r"{'a': 'x\n\\'}"),
        ] {
            let arena = Bump::new();
            assert_eq!(str(Json::parse(json.as_bytes(), &arena).unwrap()), python, "{json}");
        }
    }

    #[test]
    fn takes_integers_as_python_does() {
        for (json, python) in [
            ("7", Some("7")),
            ("-7", Some("-7")),
            ("7.9", Some("7")),
            ("-0.5", Some("0")),
            ("true", Some("1")),
            ("\" 007 \"", Some("7")),
            ("1e300", None),
            ("\"x\"", None),
            ("\"1_0\"", None),
            ("null", None),
            ("[]", None),
        ] {
            let arena = Bump::new();
            assert_eq!(int(Json::parse(json.as_bytes(), &arena).unwrap()).as_deref(), python, "{json}");
        }
    }
}
