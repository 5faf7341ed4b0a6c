//! Which state of a file was read, to notice that there is another one.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a file must have been left alone before its times tell its states apart: the clock that stamps files is
/// slower than two writes.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// One state of a file: which file it is, its size and its times to the nanosecond. Whoever writes a file may set the time
/// of modification back, but not that of the change of its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Whether the file had been left alone for long enough when it was looked at.
    is_settled: bool,
}

impl Stamp {
    /// The state of the file at this path, which links lead to.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::new(&metadata, SystemTime::now()))
    }

    fn new(metadata: &Metadata, now: SystemTime) -> Self {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
        // Also a file from the future, after the clock was set back.
        let age = now.abs_diff(u64::try_from(changed.0).unwrap_or(0));
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed,
            is_settled: age > SETTLED_AFTER.as_secs(),
        }
    }

    /// Whether what was read in this state may differ from what is in the file in the other, later state.
    pub(super) fn may_differ(&self, later: &Self) -> bool {
        !self.is_settled || Self { is_settled: true, ..*later } != *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(path: &Path) -> Stamp {
        let later = SystemTime::now() + SETTLED_AFTER + Duration::from_secs(2);
        Stamp::new(&std::fs::metadata(path).unwrap(), later)
    }

    #[test]
    fn tells_states_apart_that_have_the_same_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("file"), folder.path().join("other"));
        std::fs::write(&path, "one").unwrap();
        let first = settled(&path);
        assert!(!first.may_differ(&Stamp::of(&path).unwrap()));
        // Another file in its place, of the same size and time of modification.
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&other, "two").unwrap();
        std::fs::File::open(&other).unwrap().set_modified(modified).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(first.may_differ(&Stamp::of(&path).unwrap()));
    }

    #[test]
    fn a_file_that_was_just_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let fresh = Stamp::of(&path).unwrap();
        assert!(fresh.may_differ(&fresh));
        assert!(!settled(&path).may_differ(&fresh));
    }
}
