//! The envelope of each part of a block, and the version of what is in it.
//!
//! | bytes | |
//! |---|---|
//! | all but the last nine | a zstd frame that says its content's size, made with the [dictionary](super::dictionary) |
//! | one | the version of the format, [`VERSION`] |
//! | eight | XXH3 (64 bits) of all of that, little-endian |

use std::sync::{Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

use super::dictionary::{self, Compressor, Part};
use super::wire::broken;
use crate::error::Failure;

/// The version of the format that this build writes, and the only one that it reads.
pub(super) const VERSION: u8 = 3;

/// How many decompressors are kept: each has some hundred kilobytes, and to make one takes as long as to decompress a
/// small block.
const MAX_IDLE_DECOMPRESSORS: usize = 4;

/// Decompressors that are not in use.
static DECOMPRESSORS: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());

/// Compresses a part.
///
/// # Errors
/// When zstd fails, which it does for lack of memory only.
pub(super) fn pack(compressor: &mut Compressor, part: &Part) -> Result<Vec<u8>, Failure> {
    let mut packed = compressor.compress(part).map_err(|error| broken(&error.to_string()))?;
    seal(&mut packed);
    Ok(packed)
}

/// Appends version and hash.
pub(super) fn seal(bytes: &mut Vec<u8>) {
    bytes.push(VERSION);
    bytes.extend(xxh3_64(bytes).to_le_bytes());
}

/// A part as it was before it was compressed.
///
/// # Errors
/// When it is broken, or of another version.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, Failure> {
    let frame = frame(packed)?;
    let size = get_frame_content_size(frame).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or_else(|| broken("it does not say its size"))?;
    let idle = idle_decompressors().pop();
    let mut decompressor = match idle {
        Some(decompressor) => decompressor,
        None => dictionary::decompressor().map_err(|error| broken(&error.to_string()))?,
    };
    let part = decompressor.decompress(frame, size).map_err(|error| broken(&error.to_string()))?;
    let mut idle = idle_decompressors();
    if idle.len() < MAX_IDLE_DECOMPRESSORS {
        idle.push(decompressor);
    }
    Ok(part)
}

fn idle_decompressors() -> MutexGuard<'static, Vec<Decompressor<'static>>> {
    DECOMPRESSORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The zstd frame of a part.
///
/// # Errors
/// When it is broken, or of another version.
pub(super) fn frame(packed: &[u8]) -> Result<&[u8], Failure> {
    unseal(packed)
}

/// What was [sealed](seal). The hash shows pages of the file that went bad, which would otherwise be taken for what was
/// written; zstd's own checksum does the same over what is decompressed, and takes eight times as long.
///
/// # Errors
/// When it is broken, or of another version.
pub(super) fn unseal(bytes: &[u8]) -> Result<&[u8], Failure> {
    let (rest, hash) = bytes.split_last_chunk().ok_or_else(|| broken("it ends too soon"))?;
    if u64::from_le_bytes(*hash) != xxh3_64(rest) {
        return Err(broken("its bytes are not those that were written"));
    }
    match rest.split_last() {
        Some((&VERSION, content)) => Ok(content),
        Some((version, _)) => Err(broken(&format!("it has version {version} of the format, expected {VERSION}"))),
        None => Err(broken("it ends too soon")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_comes_back_and_one_that_went_bad_is_noticed() {
        let mut part = Part::new();
        part.end().extend(b"what is stored ".repeat(20));
        let packed = pack(&mut Compressor::new().unwrap(), &part).unwrap();
        assert_eq!(unpack(&packed).unwrap(), part.bytes());
        for index in 0..packed.len() {
            let mut bad = packed.clone();
            bad[index] ^= 1;
            let error = unpack(&bad).unwrap_err().to_string();
            assert!(error.contains("its bytes are not those that were written"), "{index}: {error}");
        }
        assert!(unpack(&packed[..5]).is_err());
    }

    #[test]
    fn a_part_of_another_version_is_refused() {
        let mut packed = pack(&mut Compressor::new().unwrap(), &Part::new()).unwrap();
        packed.truncate(packed.len() - 9);
        packed.push(VERSION + 1);
        packed.extend(xxh3_64(&packed).to_le_bytes());
        let error = unpack(&packed).unwrap_err().to_string();
        assert!(error.contains(&format!("version {} of the format, expected {VERSION}", VERSION + 1)), "{error}");
    }
}
