//! The spool: a folder with requests that could not be sent, one file each, in the order in which they were pushed.
//!
//! Invariants:
//! - A file is complete and on disk once it has its name, and is removed only when the other side has taken or refused what
//!   is in it. So a hook that is killed loses nothing, and what is sent twice has the same id.
//! - Adding needs no lock; sending does. So a hook that waits for the other side delays nobody else's push for long.
//! - There are no credentials in it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Deadline;

/// How long a lock that another hook has is waited for at a time.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The age of a half-written file whose writer is certainly gone.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Where requests go that the other side refused for good.
const REFUSED: &str = "refused";

/// The version of the files.
const FORMAT: u32 = 1;

/// How much a spool keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    entries: usize,
    bytes: u64,
}

/// Of the requests that wait, and again of those that were refused.
const LIMITS: Limits = Limits { entries: 1000, bytes: 256 << 20 };

/// The folder.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    limits: Limits,
}

/// A request that waits.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Parcel {
    format: u32,
    pub(crate) master: String,
    /// The id of the delivery.
    pub(crate) id: String,
    /// How many changes are in it.
    pub(crate) changes: usize,
    /// JSON, byte for byte as it is sent.
    pub(crate) body: String,
}

/// The right to send, which one process has at a time.
pub(crate) struct Lock(#[expect(dead_code, reason = "held, and unlocked when it is closed")] File);

/// What went wrong with the spool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("spool {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("spool {} is full: {entries} requests, {bytes} bytes", folder.display())]
    Full { folder: PathBuf, entries: usize, bytes: u64 },
}

impl Parcel {
    pub(crate) fn new(master: &str, id: &str, changes: usize, body: &str) -> Self {
        Self { format: FORMAT, master: master.to_owned(), id: id.to_owned(), changes, body: body.to_owned() }
    }
}

impl Spool {
    /// The spool in this folder, which is made if it is not there.
    pub(crate) fn open(folder: &Path) -> Result<Self, SpoolError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        Ok(Self { folder: folder.to_owned(), limits: LIMITS })
    }

    /// Keeps a request behind those that are there, durably. Returns its file.
    pub(crate) fn add(&self, parcel: &Parcel) -> Result<PathBuf, SpoolError> {
        let text = serde_json::to_vec(parcel).map_err(|error| at(&self.folder)(error.into()))?;
        let (files, bytes) = self.files(&self.folder)?;
        if files.len() >= self.limits.entries || bytes + text.len() as u64 > self.limits.bytes {
            return Err(SpoolError::Full { folder: self.folder.clone(), entries: files.len(), bytes });
        }
        // Names grow with time, also when the clock was set back.
        let newest = files.last().and_then(|file| time_of(file)).unwrap_or_default();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let time = now.max(newest + 1);
        let name = format!("{time:020}-{}-{}.json", std::process::id(), mark(&parcel.master));
        let (written, path) = (self.folder.join(format!(".{name}")), self.folder.join(&name));
        self.write(&text, &written, &path).map_err(at(&path)).inspect_err(|_| drop(fs::remove_file(&written)))?;
        Ok(path)
    }

    fn write(&self, text: &[u8], written: &Path, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(written)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(written, path)?;
        self.sync()
    }

    /// Makes what was renamed or removed durable.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    /// Waits for the right to send. None where another hook still has it at the deadline.
    pub(crate) fn lock(&self, deadline: Deadline) -> Result<Option<Lock>, SpoolError> {
        let path = self.folder.join("lock");
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
                Err(TryLockError::WouldBlock) if deadline.left().is_zero() => return Ok(None),
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_PAUSE),
            }
        }
        self.remove_abandoned();
        Ok(Some(Lock(file)))
    }

    /// Half-written files of hooks that were killed.
    fn remove_abandoned(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
            if name.as_encoded_bytes().starts_with(b".") && age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// The requests that wait for each master, oldest first, with a mark that stands for the master.
    pub(crate) fn waiting(&self) -> Result<BTreeMap<String, Vec<PathBuf>>, SpoolError> {
        let mut waiting: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for file in self.files(&self.folder)?.0 {
            waiting.entry(mark_of(&file).to_owned()).or_default().push(file);
        }
        Ok(waiting)
    }

    /// Those for one master.
    pub(crate) fn waiting_for(&self, master: &str) -> Result<Vec<PathBuf>, SpoolError> {
        Ok(self.waiting()?.remove(&mark(master)).unwrap_or_default())
    }

    /// A request.
    pub(crate) fn read(&self, file: &Path) -> Result<Parcel, SpoolError> {
        let text = fs::read(file).map_err(at(file))?;
        let parcel: Parcel = serde_json::from_slice(&text).map_err(|error| at(file)(error.into()))?;
        if parcel.format == FORMAT {
            return Ok(parcel);
        }
        Err(at(file)(io::Error::other(format!("it has format {}, expected {FORMAT}", parcel.format))))
    }

    /// Forgets a request that the other side has taken.
    pub(crate) fn remove(&self, file: &Path) -> Result<(), SpoolError> {
        fs::remove_file(file).and_then(|()| self.sync()).map_err(at(file))
    }

    /// Puts a request that will never be taken beside the others, for people to look at; the oldest of those make room.
    /// Returns where it is.
    pub(crate) fn set_aside(&self, file: &Path) -> Result<PathBuf, SpoolError> {
        let folder = self.folder.join(REFUSED);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let (files, mut bytes) = self.files(&folder)?;
        let mut count = files.len();
        for old in files {
            if count < self.limits.entries && bytes <= self.limits.bytes {
                break;
            }
            bytes -= fs::metadata(&old).map_or(0, |data| data.len());
            count -= 1;
            fs::remove_file(&old).map_err(at(&old))?;
        }
        let path = folder.join(file.file_name().unwrap_or_default());
        fs::rename(file, &path).and_then(|()| self.sync()).map_err(at(file))?;
        Ok(path)
    }

    /// The requests in a folder, oldest first, and how many bytes they have.
    fn files(&self, folder: &Path) -> Result<(Vec<PathBuf>, u64), SpoolError> {
        let (mut files, mut bytes) = (Vec::new(), 0);
        for entry in fs::read_dir(folder).map_err(at(folder))? {
            let entry = entry.map_err(at(folder))?;
            let path = entry.path();
            if time_of(&path).is_some() {
                // Another hook may have sent it in between.
                bytes += entry.metadata().map_or(0, |data| data.len());
                files.push(path);
            }
        }
        files.sort();
        Ok((files, bytes))
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> SpoolError {
    move |error| SpoolError::Io { path: path.to_owned(), error }
}

/// The parts of a name: time, process, mark.
fn parts(file: &Path) -> Option<[&str; 3]> {
    let name = file.file_name()?.to_str()?.strip_suffix(".json")?;
    let mut parts = name.splitn(3, '-');
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// When it was added, in nanoseconds since 1970; none of a file that is no request.
fn time_of(file: &Path) -> Option<u128> {
    parts(file)?[0].parse().ok()
}

fn mark_of(file: &Path) -> &str {
    parts(file).map_or("", |parts| parts[2])
}

/// What stands for a master in names of files.
fn mark(master: &str) -> String {
    hex::encode(&Sha256::digest(master)[..4])
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const MASTER: &str = "http://localhost:8010/change_hook/base";

    fn spool() -> (tempfile::TempDir, Spool) {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("in/it")).unwrap();
        (folder, spool)
    }

    fn parcel(id: &str) -> Parcel {
        Parcel::new(MASTER, id, 1, "[\"ü\"]")
    }

    fn soon() -> Deadline {
        Deadline::new(Instant::now(), Duration::from_millis(60))
    }

    #[test]
    fn returns_what_was_added_in_its_order() {
        let (_folder, spool) = spool();
        for n in 0..20 {
            spool.add(&parcel(&n.to_string())).unwrap();
            spool.add(&Parcel::new("http://other/", "x", 1, "")).unwrap();
        }
        let files = spool.waiting_for(MASTER).unwrap();
        let ids: Vec<String> = files.iter().map(|file| spool.read(file).unwrap().id).collect();
        assert_eq!(ids, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(spool.read(&files[0]).unwrap(), parcel("0"));
        spool.remove(&files[0]).unwrap();
        assert_eq!(spool.waiting_for(MASTER).unwrap(), files[1..]);
        assert_eq!(spool.waiting().unwrap().len(), 2);
    }

    #[test]
    fn the_order_survives_a_clock_that_was_set_back() {
        let (_folder, spool) = spool();
        let late = format!("{:020}-1-{}.json", u64::MAX / 2, mark(MASTER));
        fs::write(spool.folder.join(&late), serde_json::to_vec(&parcel("late")).unwrap()).unwrap();
        let next = spool.add(&parcel("next")).unwrap();
        assert_eq!(spool.waiting_for(MASTER).unwrap(), [spool.folder.join(late), next]);
    }

    #[test]
    fn is_bounded_in_number_and_bytes() {
        let (_folder, mut spool) = spool();
        spool.limits = Limits { entries: 2, bytes: 1000 };
        spool.add(&parcel("1")).unwrap();
        let long = Parcel::new(MASTER, "2", 1, &"x".repeat(900));
        assert!(matches!(spool.add(&long), Err(SpoolError::Full { entries: 1, .. })));
        spool.add(&parcel("2")).unwrap();
        let full = spool.add(&parcel("3")).unwrap_err().to_string();
        assert!(full.contains(" is full: 2 requests, "), "{full}");
        // What was refused makes room for the next.
        for n in 3..8 {
            let first = spool.waiting_for(MASTER).unwrap().remove(0);
            let kept = spool.set_aside(&first).unwrap();
            assert!(kept.exists() && !first.exists());
            spool.add(&parcel(&n.to_string())).unwrap();
        }
        assert_eq!(fs::read_dir(spool.folder.join(REFUSED)).unwrap().count(), 2);
    }

    #[test]
    fn one_process_sends_at_a_time() {
        let (_folder, spool) = spool();
        let lock = spool.lock(soon()).unwrap().expect("nobody else has it");
        assert!(spool.lock(soon()).unwrap().is_none());
        // Adding does not wait.
        spool.add(&parcel("1")).unwrap();
        drop(lock);
        assert!(spool.lock(soon()).unwrap().is_some());
    }

    #[test]
    fn a_damaged_file_is_an_error_with_its_path() {
        let (_folder, spool) = spool();
        let file = spool.add(&parcel("1")).unwrap();
        for text in ["{", r#"{"format":9,"master":"","id":"","changes":0,"body":""}"#] {
            fs::write(&file, text).unwrap();
            let error = spool.read(&file).unwrap_err().to_string();
            assert!(error.starts_with(&format!("spool {}: ", file.display())), "{error}");
        }
        // Files that are not of the spool are left alone.
        fs::write(spool.folder.join("notes.txt"), "").unwrap();
        assert_eq!(spool.waiting_for(MASTER).unwrap().len(), 1);
    }
}
