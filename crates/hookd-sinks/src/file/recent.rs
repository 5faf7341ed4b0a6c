//! The last lines of a file, searched for those of changes that may have been written already.
//!
//! A change that is asked for was written last, or with so many lines behind it as were written while it was in doubt. So
//! the search is bounded by lines, however long they are, and its result is kept while the file stays as it is: after a crash,
//! each of many changes is asked for.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use hookd_store::MAX_DONE_BEYOND;

use super::lines::{CHUNK_BYTES, end_of_lines, read};
use crate::document::BEGINNING;

/// How many lines are searched. What is sent and not noted is no more than a cursor can note beyond its position, and while
/// one change is in doubt no more than that overtakes it; twice as many allow for what an operator has sent once more.
const MAX_LINES: usize = 4 * MAX_DONE_BEYOND;

/// What was found in a file.
#[derive(Default)]
pub(super) struct RecentLines {
    /// Which file that was, and how long.
    state: Option<FileState>,
    /// The offsets of lines by the `hookd_id` of their change.
    offsets: HashMap<Box<[u8]>, u64>,
}

/// Device, inode, and length.
type FileState = (u64, u64, u64);

fn state(metadata: &Metadata) -> FileState {
    (metadata.dev(), metadata.ino(), metadata.len())
}

impl RecentLines {
    /// The offset of the line of a change among the last lines of a file; none where there is no such line, or no file. A
    /// line that was torn off is none.
    pub(super) fn find(&mut self, path: &Path, hookd_id: &str) -> io::Result<Option<u64>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Err(io::Error::other("it is not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if self.state != Some(state(&metadata)) {
            *self = Self::default();
            let file = File::open(path)?;
            let state = state(&file.metadata()?);
            self.search(&file, state.2)?;
            self.state = Some(state);
        }
        Ok(self.offsets.get(hookd_id.as_bytes()).copied())
    }

    /// Takes in the last lines of a file of this length.
    fn search(&mut self, file: &File, length: u64) -> io::Result<()> {
        let mut end = end_of_lines(file, length)?;
        let mut lines = 0;
        // The end of the line that the next chunk begins in the middle of.
        let mut rest = Vec::new();
        while end > 0 && lines < MAX_LINES {
            let start = end.saturating_sub(CHUNK_BYTES);
            let mut bytes = read(file, start, end)?;
            bytes.append(&mut rest);
            // All but the first line begin in this chunk; the first one does at the beginning of the file.
            let first = match bytes.iter().position(|byte| *byte == b'\n') {
                _ if start == 0 => 0,
                Some(newline) => newline + 1,
                None => bytes.len(),
            };
            let mut offset = start + first as u64;
            for line in bytes[first..].split_inclusive(|byte| *byte == b'\n') {
                if let Some(id) = id_of(line) {
                    self.offsets.insert(id.into(), offset);
                }
                offset += line.len() as u64;
                lines += 1;
            }
            bytes.truncate(first);
            rest = bytes;
            end = start;
        }
        Ok(())
    }
}

/// The id of the change that a line has, if it is hookd's.
fn id_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(BEGINNING.as_bytes())?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn file_with(content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn line(id: &str, length: usize) -> String {
        format!("{BEGINNING}{id}\",\"comments\":\"{}\"}}\n", "x".repeat(length))
    }

    fn find(path: &Path, id: &str) -> io::Result<Option<u64>> {
        RecentLines::default().find(path, id)
    }

    #[test]
    fn finds_whole_lines_only() {
        let torn = line("a-3-0", 0).trim_end().to_owned();
        let (_folder, path) = file_with(&format!("{}{}{torn}", line("a-1-0", 0), line("a-2-0", 0)));
        assert_eq!(find(&path, "a-1-0").unwrap(), Some(0));
        assert_eq!(find(&path, "a-2-0").unwrap(), Some(line("a-1-0", 0).len() as u64));
        assert_eq!(find(&path, "a-3-0").unwrap(), None);
        assert_eq!(find(&path, "a-2").unwrap(), None);
        assert_eq!(find(&path.with_extension("none"), "a-1-0").unwrap(), None);
        assert!(find(path.parent().unwrap(), "a-1-0").is_err());
    }

    #[test]
    fn finds_each_of_the_last_lines_however_long_they_are() {
        let lengths = [0, 10, CHUNK_BYTES as usize - 40, 3, CHUNK_BYTES as usize, 200_000, 1, 70_000];
        let all: Vec<_> = (1..).zip(lengths.iter().cycle().take(100)).collect();
        let text: String = all.iter().map(|(number, length)| line(&format!("a-{number}-0"), **length)).collect();
        let (_folder, path) = file_with(&text);
        let (mut recent, mut offset) = (RecentLines::default(), 0);
        for (number, length) in all {
            let id = format!("a-{number}-0");
            assert_eq!(recent.find(&path, &id).unwrap(), Some(offset), "{id}");
            offset += line(&id, *length).len() as u64;
        }
    }

    #[test]
    fn searches_so_many_lines_of_a_long_file() {
        let filler = line("b-1-0", 10).repeat(MAX_LINES - 2);
        let (_folder, path) = file_with(&format!("{}{filler}{}", line("a-1-0", 0), line("a-2-0", 0)));
        assert!(find(&path, "a-1-0").unwrap().is_some());
        let filler = line("b-1-0", 10).repeat(2 * MAX_LINES + CHUNK_BYTES as usize / 10);
        let (_folder, path) = file_with(&format!("{}{filler}{}", line("a-1-0", 0), line("a-2-0", 0)));
        assert_eq!(find(&path, "a-1-0").unwrap(), None);
        assert!(find(&path, "a-2-0").unwrap().is_some());
    }

    #[test]
    fn what_was_found_counts_only_while_the_file_stays_as_it_is() {
        let (_folder, path) = file_with(&line("a-1-0", 0));
        let mut recent = RecentLines::default();
        assert_eq!(recent.find(&path, "a-2-0").unwrap(), None);
        fs::write(&path, format!("{}{}", line("a-1-0", 0), line("a-2-0", 0))).unwrap();
        assert!(recent.find(&path, "a-2-0").unwrap().is_some());
        fs::rename(&path, path.with_extension("1")).unwrap();
        assert_eq!(recent.find(&path, "a-2-0").unwrap(), None);
        fs::write(&path, line("a-3-0", 0)).unwrap();
        assert_eq!(recent.find(&path, "a-2-0").unwrap(), None);
    }
}
