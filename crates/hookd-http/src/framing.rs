//! Where the body of a request ends.
//!
//! Invariant: a body ends here exactly where it ends for actix, or earlier bytes are refused by both; nothing behind the
//! end of a body is ever given to actix as part of it.

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunks (RFC 9112, 7.1).
    Chunked(Chunked),
    /// All that comes until the connection is closed: the body is malformed, or the method is `CONNECT` without a body.
    UntilClose,
}

/// Where in a chunked body its reader is; the same states as actix has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunked {
    /// At the first digit of a chunk's size.
    SizeStart,
    /// In the size, which is this so far.
    Size(u64),
    /// In white space behind the size.
    SizeSpace(u64),
    /// In the extension of a chunk of this size.
    Extension(u64),
    /// At the line feed behind the size.
    SizeLineFeed(u64),
    /// In the bytes of a chunk, of which so many are to come.
    Data(u64),
    /// At the carriage return behind the bytes of a chunk.
    DataReturn,
    /// At the line feed behind the bytes of a chunk.
    DataLineFeed,
    /// At the beginning of a line behind the last chunk, which is empty if it is the end.
    TrailerStart,
    /// In a line of the trailer.
    Trailer,
    /// At the line feed of a line of the trailer.
    TrailerLineFeed,
    /// At the line feed that ends the body.
    EndLineFeed,
}

impl Chunked {
    /// The beginning of a body.
    pub(crate) const START: Self = Self::SizeStart;
}

impl Framing {
    /// No body.
    pub(crate) const NONE: Self = Self::Length(0);

    /// Whether nothing more is to come.
    pub(crate) fn is_complete(self) -> bool {
        self == Self::NONE
    }

    /// How many of these bytes, which follow those before, belong to the body.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            match *self {
                Self::Length(0) => break,
                Self::Length(left) => {
                    let taken = shorter(left, bytes.len() - at);
                    *self = Self::Length(left - taken as u64);
                    at += taken;
                }
                Self::Chunked(Chunked::Data(left)) => {
                    let taken = shorter(left, bytes.len() - at);
                    let left = left - taken as u64;
                    *self = Self::Chunked(if left == 0 { Chunked::DataReturn } else { Chunked::Data(left) });
                    at += taken;
                }
                Self::Chunked(state) => {
                    *self = state.next(bytes[at]);
                    at += 1;
                }
                Self::UntilClose => return bytes.len(),
            }
        }
        at
    }
}

impl Chunked {
    /// What follows a byte that is not of a chunk's data.
    fn next(self, byte: u8) -> Framing {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        let state = match (self, byte, digit) {
            (Self::SizeStart, _, Some(digit)) => Self::Size(digit),
            (Self::Size(size), _, Some(digit)) => match size.checked_mul(16) {
                Some(size) => Self::Size(size + digit),
                None => return Framing::UntilClose,
            },
            (Self::Size(size) | Self::SizeSpace(size), b' ' | b'\t', _) => Self::SizeSpace(size),
            (Self::Size(size) | Self::SizeSpace(size), b';', _) => Self::Extension(size),
            (Self::Size(size) | Self::SizeSpace(size) | Self::Extension(size), b'\r', _) => Self::SizeLineFeed(size),
            (Self::Extension(_), 0..=0x08 | 0x0A..=0x1F | 0x7F, _) => return Framing::UntilClose,
            (Self::Extension(size), _, _) => Self::Extension(size),
            (Self::SizeLineFeed(0), b'\n', _) => Self::TrailerStart,
            (Self::SizeLineFeed(size), b'\n', _) => Self::Data(size),
            (Self::DataReturn, b'\r', _) => Self::DataLineFeed,
            (Self::DataLineFeed, b'\n', _) => Self::SizeStart,
            (Self::TrailerStart, b'\r', _) => Self::EndLineFeed,
            (Self::Trailer, b'\r', _) => Self::TrailerLineFeed,
            (Self::TrailerStart | Self::Trailer, _, _) => Self::Trailer,
            (Self::TrailerLineFeed, b'\n', _) => Self::TrailerStart,
            (Self::EndLineFeed, b'\n', _) => return Framing::NONE,
            _ => return Framing::UntilClose,
        };
        Framing::Chunked(state)
    }
}

/// The smaller of a number of bytes that are to come and one of bytes that are there.
fn shorter(left: u64, there: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of these bytes is the body, given in pieces of each length; and whether it is complete.
    fn taken(start: Framing, bytes: &[u8]) -> (usize, bool) {
        let results: Vec<_> = (1..=bytes.len())
            .map(|length| {
                let mut framing = start;
                let taken = bytes.chunks(length).map(|piece| framing.advance(piece)).sum();
                (taken, framing.is_complete())
            })
            .collect();
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        results[0]
    }

    #[test]
    fn ends_after_its_length() {
        assert_eq!(taken(Framing::Length(3), b"abcGET /"), (3, true));
        assert_eq!(taken(Framing::Length(9), b"abcGET /"), (8, false));
        assert_eq!(taken(Framing::NONE, b"GET /"), (0, true));
    }

    #[test]
    fn ends_after_the_last_chunk_and_its_trailer() {
        let chunked = Framing::Chunked(Chunked::START);
        for body in [
            "0\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "03;name=\"0\"\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "3\r\n0\r\n\r\n0\r\nTrailer: 0\r\nAnother: 1\r\n\r\n",
        ] {
            assert_eq!(taken(chunked, format!("{body}GET /").as_bytes()), (body.len(), true), "{body:?}");
        }
        for malformed in ["zz\r\nabc", "\r\n\r\n", "3\r\nabcdef", "-1\r\n", "ffffffffffffffffff\r\n", ";\n", "3\nabc"] {
            assert_eq!(taken(chunked, malformed.as_bytes()), (malformed.len(), false), "{malformed:?}");
        }
    }
}
