//! The WAL, examined before SQLite reads it.
//!
//! After a crash SQLite reads its WAL up to the first frame that is not whole, and takes what is behind it for the rest of
//! a transaction that was under way. Where that frame went bad on the disk, transactions that were acknowledged are behind
//! it, and would be gone without a word. They differ from a transaction that was under way: of that there is one at most,
//! since each is synced before the next is written.
//!
//! The form of the WAL is that of SQLite's documentation ("The Write-Ahead Log", in "Database File Format").

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::paths;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The first word of a WAL; the last bit says that its sums are of big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// What is lost of a WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The beginning of the file is bad, and with it all of it.
    Beginning,
    /// The frame of this number is bad, the first being 1, and at least so many transactions are behind it.
    Frame { number: u64, commits: u64 },
}

impl Damage {
    /// Whether the same place is bad; what is behind it may have grown.
    pub(crate) fn is_at(self, other: Self) -> bool {
        match (self, other) {
            (Self::Beginning, Self::Beginning) => true,
            (Self::Frame { number, .. }, Self::Frame { number: other, .. }) => number == other,
            _ => false,
        }
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame { number, commits } => {
                write!(f, "frame {number} is bad, and {commits} transactions behind it are lost")
            }
            Self::Beginning => f.write_str("its beginning is bad, and all that is in it is lost"),
        }
    }
}

/// What is damaged in the WAL of the database at this path, so that something acknowledged is lost; `None` where nothing
/// is. Damage in the last transaction looks as if it had been under way, and is not noticed. Beside a hookd that is at work
/// it may meet what is just being written.
///
/// # Errors
/// When the WAL is there and cannot be read.
pub(crate) fn damage(path: &Path) -> io::Result<Option<Damage>> {
    let file = match File::open(paths::wal(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::with_capacity(1 << 18, file);
    let mut header = [0; HEADER_BYTES];
    // A WAL that nothing was ever written to, or that never reached the disk.
    if !is_read(&mut file, &mut header)? || header == [0; HEADER_BYTES] {
        return Ok(None);
    }
    let is_big_endian = word(&header, 0) & 1 == 1;
    let sums = summed((0, 0), &header[..24], is_big_endian);
    if word(&header, 0) & !1 != MAGIC || sums != stored_sums(&header, 24) {
        return Ok(Some(Damage::Beginning));
    }
    let Ok(page) = usize::try_from(word(&header, 8)) else { return Ok(None) };
    let mut frame = vec![0; FRAME_HEADER_BYTES + page];
    let (mut before, mut count, mut bad, mut commits) = (sums, 0, None, 0);
    while is_read(&mut file, &mut frame)? {
        count += 1;
        let sums = summed(summed(before, &frame[..8], is_big_endian), &frame[FRAME_HEADER_BYTES..], is_big_endian);
        // Behind the bad one each is compared with what the one before it says.
        before = stored_sums(&frame, 16);
        let is_whole = frame[8..16] == header[16..24] && sums == before;
        let is_commit = word(&frame, 4) != 0;
        match bad {
            None if !is_whole => bad = Some(count),
            Some(_) if is_whole && is_commit => commits += 1,
            _ => {}
        }
    }
    // The last one may have been under way, and not synced.
    Ok(bad.filter(|_| commits > 1).map(|number| Damage::Frame { number, commits: commits - 1 }))
}

/// Keeps a copy of the WAL, beside it: SQLite is about to begin it anew.
///
/// # Errors
/// When it cannot be copied.
pub(crate) fn keep(path: &Path) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let copy = paths::beside(path, &format!("-wal-damaged-{seconds}"));
    std::fs::copy(paths::wal(path), &copy)?;
    Ok(copy)
}

/// Reads as much as fits; `false` where there is less.
fn is_read(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn stored_sums(bytes: &[u8], at: usize) -> (u32, u32) {
    (word(bytes, at), word(bytes, at + 4))
}

/// SQLite's sums, continued over more bytes.
fn summed(sums: (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    let read = |bytes: &[u8; 4]| if is_big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    let (words, _) = bytes.as_chunks::<4>();
    let (pairs, _) = words.as_chunks::<2>();
    pairs.iter().fold(sums, |(one, two), [first, second]| {
        let one = one.wrapping_add(read(first)).wrapping_add(two);
        (one, two.wrapping_add(read(second)).wrapping_add(one))
    })
}
