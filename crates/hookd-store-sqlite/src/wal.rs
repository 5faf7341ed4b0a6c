//! SQLite's log (the WAL), looked at before SQLite does.
//!
//! After a crash SQLite reads its log up to the first frame that is not whole, and takes what is behind it for the rest of
//! a transaction that was under way. Where that frame went bad on the disk, transactions that were acknowledged are behind
//! it, and would be gone without a word. They can be told from a transaction that was under way: of that there is one at
//! most, since each is synced before the next is written.
//!
//! The form of the log is that of SQLite's documentation ("The Write-Ahead Log", in "Database File Format").

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::beside;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// How the first word of a log reads; the last bit says that its sums are of big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// How often a log is looked at again that seems to be damaged, since a hookd at work may be writing just there.
const LOOKS: usize = 4;

/// What is lost of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// The beginning of the file is bad, and with it all of it.
    Beginning,
    /// The frame of this number is bad, the first being 1, and at least so many transactions are behind it.
    Frame { number: u64, commits: u64 },
}

impl Damage {
    /// Whether the same place is bad; what is behind it may have grown.
    fn is_at(self, other: Self) -> bool {
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

/// What is damaged in the log of the database at this path, so that something acknowledged is lost; `None` where nothing
/// is. Damage in the last transaction looks as if it had been under way, and is not noticed.
///
/// # Errors
/// When the log is there and cannot be read.
pub(super) fn damage(path: &Path) -> io::Result<Option<Damage>> {
    let log = log_of(path);
    let mut found = look(&log)?;
    for _ in 1..LOOKS {
        if found.is_none() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        let again = look(&log)?;
        found = found.filter(|damage| again.is_some_and(|again| again.is_at(*damage)));
    }
    Ok(found)
}

/// Keeps a copy of the log, beside it: SQLite is about to begin it anew.
///
/// # Errors
/// When it cannot be copied.
pub(super) fn keep(path: &Path) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let copy = beside(path, &format!("-wal-damaged-{seconds}"));
    std::fs::copy(log_of(path), &copy)?;
    Ok(copy)
}

pub(super) fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn look(log: &Path) -> io::Result<Option<Damage>> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::with_capacity(1 << 18, file);
    let mut header = [0; HEADER];
    // A log that nothing was ever written to, or that never reached the disk.
    if !is_read(&mut file, &mut header)? || header == [0; HEADER] {
        return Ok(None);
    }
    let is_big_endian = word(&header, 0) & 1 == 1;
    let sums = summed((0, 0), &header[..24], is_big_endian);
    if word(&header, 0) & !1 != MAGIC || sums != stored_sums(&header, 24) {
        return Ok(Some(Damage::Beginning));
    }
    let Ok(page) = usize::try_from(word(&header, 8)) else { return Ok(None) };
    let mut frame = vec![0; FRAME_HEADER + page];
    let (mut before, mut count, mut bad, mut commits) = (sums, 0, None, 0);
    while is_read(&mut file, &mut frame)? {
        count += 1;
        let sums = summed(summed(before, &frame[..8], is_big_endian), &frame[FRAME_HEADER..], is_big_endian);
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

/// SQLite's sums, gone on with.
fn summed(sums: (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    let read = |bytes: &[u8; 4]| if is_big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    let (words, _) = bytes.as_chunks::<4>();
    let (pairs, _) = words.as_chunks::<2>();
    pairs.iter().fold(sums, |(one, two), [first, second]| {
        let one = one.wrapping_add(read(first)).wrapping_add(two);
        (one, two.wrapping_add(read(second)).wrapping_add(one))
    })
}
