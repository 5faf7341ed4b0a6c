//! What every record is made of, written one after the other without names or padding:
//!
//! | kind | bytes |
//! |---|---|
//! | number | unsigned, LEB128: seven bits a byte, the lowest first; the highest bit is set in all bytes but the last |
//! | integer | signed, as a number: twice itself, or for negative ones twice its amount less one (zigzag) |
//! | text | its length in bytes as a number, then UTF-8 |
//! | optional text | the number 0; or its length plus one, then UTF-8 |
//! | optional integer | the byte 0; or the byte 1, then an integer |
//! | list | how many elements as a number, then the elements |
//! | JSON value | a byte for its kind, then: 0 null, 1 false, 2 true; 3 an integer; 4 a number beyond the integers; 5 a float, eight bytes, little-endian; 6 a text; 7 a list of values; 8 a list of names (text), each with its value |

use serde_json::{Map, Number, Value};

use crate::error::Failure;

pub(super) fn write_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// A length or count.
pub(super) fn write_length(to: &mut Vec<u8>, length: usize) {
    write_number(to, length as u64);
}

pub(super) fn write_integer(to: &mut Vec<u8>, integer: i64) {
    write_number(to, zigzag(integer));
}

/// An integer as a number.
pub(super) fn zigzag(integer: i64) -> u64 {
    ((integer << 1) ^ (integer >> 63)).cast_unsigned()
}

pub(super) fn write_text(to: &mut Vec<u8>, text: &str) {
    write_length(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

pub(super) fn write_optional_text(to: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => {
            write_length(to, text.len() + 1);
            to.extend_from_slice(text.as_bytes());
        }
        None => to.push(0),
    }
}

pub(super) fn write_optional_integer(to: &mut Vec<u8>, integer: Option<i64>) {
    match integer {
        Some(integer) => {
            to.push(1);
            write_integer(to, integer);
        }
        None => to.push(0),
    }
}

pub(super) fn write_value(to: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => to.push(0),
        Value::Bool(false) => to.push(1),
        Value::Bool(true) => to.push(2),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => {
                to.push(3);
                write_integer(to, integer);
            }
            (None, Some(number)) => {
                to.push(4);
                write_number(to, number);
            }
            (None, None) => {
                to.push(5);
                to.extend_from_slice(&number.as_f64().unwrap_or_default().to_le_bytes());
            }
        },
        Value::String(text) => {
            to.push(6);
            write_text(to, text);
        }
        Value::Array(values) => {
            to.push(7);
            write_length(to, values.len());
            values.iter().for_each(|value| write_value(to, value));
        }
        Value::Object(map) => {
            to.push(8);
            write_map(to, map.iter());
        }
    }
}

pub(super) fn write_map<'m>(to: &mut Vec<u8>, entries: impl ExactSizeIterator<Item = (&'m String, &'m Value)>) {
    write_length(to, entries.len());
    for (name, value) in entries {
        write_text(to, name);
        write_value(to, value);
    }
}

/// Bytes that are being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Failure> {
        let (byte, rest) = self.0.split_first().ok_or_else(ends_too_soon)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'b [u8], Failure> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(ends_too_soon)?;
        self.0 = rest;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, Failure> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(broken("a number does not end"))
    }

    /// A length or count: no more than there are bytes, so that memory can be reserved for it.
    pub(super) fn length(&mut self) -> Result<usize, Failure> {
        let length = self.size()?;
        if length <= self.left() { Ok(length) } else { Err(ends_too_soon()) }
    }

    /// A number that says how large something elsewhere is.
    pub(super) fn size(&mut self) -> Result<usize, Failure> {
        usize::try_from(self.number()?).map_err(|_| broken("a length is beyond memory"))
    }

    pub(super) fn integer(&mut self) -> Result<i64, Failure> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'b str, Failure> {
        let length = self.size()?;
        self.utf8(length)
    }

    #[inline]
    pub(super) fn optional_text(&mut self) -> Result<Option<&'b str>, Failure> {
        match self.size()? {
            0 => Ok(None),
            length => self.utf8(length - 1).map(Some),
        }
    }

    fn utf8(&mut self, length: usize) -> Result<&'b str, Failure> {
        std::str::from_utf8(self.bytes(length)?).map_err(|_| broken("a text is not UTF-8"))
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<i64>, Failure> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.integer().map(Some),
            _ => Err(broken("an integer is neither there nor missing")),
        }
    }

    pub(super) fn texts(&mut self) -> Result<Vec<String>, Failure> {
        let count = self.length()?;
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            texts.push(self.text()?.to_owned());
        }
        Ok(texts)
    }

    pub(super) fn value(&mut self) -> Result<Value, Failure> {
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::from(self.integer()?),
            4 => Value::from(self.number()?),
            5 => {
                let bytes = self.bytes(size_of::<f64>())?.try_into().map_err(|_| ends_too_soon())?;
                Number::from_f64(f64::from_le_bytes(bytes)).map_or(Value::Null, Value::Number)
            }
            6 => Value::from(self.text()?),
            7 => {
                let count = self.length()?;
                Value::Array((0..count).map(|_| self.value()).collect::<Result<_, _>>()?)
            }
            8 => Value::Object(self.map()?),
            _ => return Err(broken("a JSON value is of an unknown kind")),
        })
    }

    pub(super) fn map(&mut self) -> Result<Map<String, Value>, Failure> {
        self.entries().map(Map::from_iter)
    }

    /// The names and values of a map.
    pub(super) fn entries(&mut self) -> Result<Vec<(String, Value)>, Failure> {
        let count = self.length()?;
        (0..count).map(|_| Ok((self.text()?.to_owned(), self.value()?))).collect()
    }

    /// Passes over a JSON value.
    pub(super) fn pass_value(&mut self) -> Result<(), Failure> {
        match self.byte()? {
            0..=2 => {}
            3 | 4 => drop(self.number()?),
            5 => drop(self.bytes(size_of::<f64>())?),
            6 => self.pass_text()?,
            7 => {
                for _ in 0..self.length()? {
                    self.pass_value()?;
                }
            }
            8 => self.pass_map()?,
            _ => return Err(broken("a JSON value is of an unknown kind")),
        }
        Ok(())
    }

    pub(super) fn pass_map(&mut self) -> Result<(), Failure> {
        for _ in 0..self.length()? {
            self.pass_text()?;
            self.pass_value()?;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn pass_text(&mut self) -> Result<(), Failure> {
        let length = self.size()?;
        self.bytes(length).map(drop)
    }

    #[inline]
    pub(super) fn pass_optional_text(&mut self) -> Result<(), Failure> {
        let length = self.size()?;
        self.bytes(length.saturating_sub(1)).map(drop)
    }
}

fn ends_too_soon() -> Failure {
    broken("it ends too soon")
}

pub(super) fn broken(what: &str) -> Failure {
    Failure::Damaged(format!("a block of the log is broken: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_integers_come_back_at_their_limits() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::MAX];
        let integers = [0, -1, 1, i64::MIN, i64::MAX, -64, 64];
        numbers.iter().for_each(|number| write_number(&mut bytes, *number));
        integers.iter().for_each(|integer| write_integer(&mut bytes, *integer));
        let mut input = Input::new(&bytes);
        assert!(numbers.iter().all(|number| input.number().unwrap() == *number));
        assert!(integers.iter().all(|integer| input.integer().unwrap() == *integer));
        assert!(input.is_empty());
    }

    #[test]
    fn json_values_come_back_and_are_passed_over() {
        let value = json!({
            "a": null, "b": [true, false], "c": -7, "d": u64::MAX, "e": 0.1, "f": {"g": ["ü", {}]}, "h": i64::MIN,
        });
        let mut bytes = Vec::new();
        write_value(&mut bytes, &value);
        let (mut read, mut passed) = (Input::new(&bytes), Input::new(&bytes));
        assert_eq!(read.value().unwrap(), value);
        passed.pass_value().unwrap();
        assert!(read.is_empty() && passed.is_empty());
    }

    #[test]
    fn bytes_that_end_too_soon_are_an_error() {
        let mut bytes = Vec::new();
        write_value(&mut bytes, &json!({"name": ["text", 1.5, 300]}));
        for end in 0..bytes.len() {
            assert!(Input::new(&bytes[..end]).value().is_err(), "{end}");
            assert!(Input::new(&bytes[..end]).pass_value().is_err(), "{end}");
        }
        // A count that there cannot be room for reserves no memory.
        assert!(Input::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).texts().is_err());
    }
}
