//! The work folder of a poller: private, and nobody else's while a poll uses it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A work folder that is in use.
pub(crate) struct WorkFolder {
    path: PathBuf,
    _lock: fs::File,
}

impl WorkFolder {
    /// Makes the folder if it does not exist, and keeps everybody else out until this is dropped.
    ///
    /// # Errors
    /// Where it cannot be made, or is in use.
    pub(crate) fn lock(path: &Path) -> Result<Self, String> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            format!("cannot {what} the work folder `{}`: {error}", path.display())
        };
        // What is private at the remote is no more public here.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| failed("make", &error))?;
        let lock = fs::File::options().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(|error| failed("lock", &error))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => failed("lock", &"another poller or hookd uses it"),
            fs::TryLockError::Error(error) => failed("lock", &error),
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The path of something in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only we may read: it may have secrets in it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let (path, new) = (self.join(name), self.join(&format!("{name}.new")));
        let write = || {
            // One that was left behind may have other permissions.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            fs::rename(&new, &path)
        };
        write().map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        Ok(path)
    }

    /// Deletes something in it, with all that it contains.
    ///
    /// # Errors
    /// Where it cannot be deleted.
    pub(crate) fn remove(&self, name: &str) -> Result<(), String> {
        let path = self.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("cannot delete `{}`: {error}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_is_private_and_has_one_user() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = WorkFolder::lock(&path).unwrap();
        let error = WorkFolder::lock(&path).err().unwrap();
        assert!(error.ends_with("another poller or hookd uses it"), "{error}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        fs::write(folder.join("file.new"), "left behind").unwrap();
        let file = folder.write("file", "secret").unwrap();
        assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (0o600, "secret"));
        drop(folder);
        WorkFolder::lock(&path).unwrap();
    }
}
