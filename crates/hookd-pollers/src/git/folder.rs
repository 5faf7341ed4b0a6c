//! The work folder: a bare repository with the commits and trees of the refs that are followed.
//!
//! It is made when something has to be fetched, and made anew when it is broken; nothing in it is needed. Heads that were
//! fetched are `refs/hookd/new/NAME`, and what stored positions name, while a ref moves on, is `refs/hookd/at/NAME-N`, so
//! that no clean-up deletes it. The configuration of the remote repository is never read, and its hooks are never run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{Call, Commands, Failure, REMOTE};
use crate::folder::WorkFolder;

/// How long fetching may print nothing: it reports its progress all the time.
const FETCH_SILENCE: Duration = Duration::from_secs(15 * 60);

/// The most that a local command may print, in bytes: a line for each ref.
const MAX_REFS_BYTES: usize = 256 << 20;

/// Where our refs are.
const REFS: &str = "refs/hookd/";

/// The ref for the head that was fetched of the remote ref of this local name.
pub(crate) fn new_ref(local_name: &str) -> String {
    format!("{REFS}new/{local_name}")
}

/// The ref for a stored position of the remote ref of this local name.
pub(crate) fn at_ref(local_name: &str, index: usize) -> String {
    format!("{REFS}at/{local_name}-{index}")
}

/// The work folder of a poller.
pub(crate) struct Folder<'a> {
    commands: &'a Commands,
    parent: WorkFolder,
    repository: PathBuf,
}

impl<'a> Folder<'a> {
    /// The repository in this folder, which nobody else may use meanwhile.
    pub(crate) fn lock(commands: &'a Commands, parent: &Path) -> Result<Self, Failure> {
        let parent = WorkFolder::lock(parent).map_err(Failure::Other)?;
        Ok(Self { commands, repository: parent.join("repository.git"), parent })
    }

    /// Makes the repository unless it is there, for objects with names of this length.
    pub(crate) async fn make(&self, name_length: usize) -> Result<(), Failure> {
        let is_sha256 = name_length == 64;
        match fs::read_to_string(self.repository.join("config")) {
            Ok(config) if config.contains("sha256") == is_sha256 => return Ok(()),
            Ok(_) => self.discard().await?,
            Err(_) if self.repository.exists() => self.discard().await?,
            Err(_) => {}
        }
        let new = self.parent.join("new.git");
        self.remove(&new).await?;
        let mut arguments = vec!["--quiet".into(), "--bare".into(), "--template=".into()];
        if is_sha256 {
            arguments.push("--object-format=sha256".into());
        }
        arguments.extend(["--".into(), new.clone().into()]);
        self.commands.run(Call { arguments, folder: None, ..self.local("init", Vec::new()) }).await?;
        fs::rename(&new, &self.repository).map_err(|error| self.failed(&self.repository, &error))
    }

    /// Deletes the repository.
    pub(crate) async fn discard(&self) -> Result<(), Failure> {
        // So that what is half deleted is never taken for a repository.
        let broken = self.parent.join("broken.git");
        self.remove(&broken).await?;
        match fs::rename(&self.repository, &broken) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(&self.repository, &error)),
            _ => self.remove(&broken).await,
        }
    }

    async fn remove(&self, path: &Path) -> Result<(), Failure> {
        let removed = path.to_owned();
        let removed = tokio::task::spawn_blocking(move || match fs::symlink_metadata(&removed) {
            Ok(file) if file.is_dir() => fs::remove_dir_all(&removed),
            Ok(_) => fs::remove_file(&removed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        });
        let removed = removed.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        removed.map_err(|error| self.failed(path, &error))
    }

    fn failed(&self, path: &Path, error: &io::Error) -> Failure {
        Failure::Other(format!("cannot change `{}`: {error}", path.display()))
    }

    fn local(&self, command: &'static str, input: Vec<u8>) -> Call<'_> {
        let folder = Some(self.repository.as_path());
        Call { command, arguments: Vec::new(), folder, is_remote: false, input, most: MAX_REFS_BYTES, silence: None }
    }

    /// Runs a command in the repository: what it reads, and at most how much it may write.
    pub(crate) async fn run_cut(
        &self,
        command: &'static str,
        arguments: &[&str],
        input: Vec<u8>,
        most: usize,
    ) -> Result<super::command::Written, Failure> {
        let arguments = arguments.iter().map(Into::into).collect();
        self.commands.run_cut(Call { arguments, most, ..self.local(command, input) }).await
    }

    /// Our refs and what they point to.
    pub(crate) async fn refs(&self) -> Result<BTreeMap<String, String>, Failure> {
        let arguments = vec!["--format=%(objectname) %(refname)".into(), REFS.into()];
        let output = self.commands.run(Call { arguments, ..self.local("for-each-ref", Vec::new()) }).await?;
        let text = String::from_utf8_lossy(&output);
        let refs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(refs.map(|(object, name)| (name.to_owned(), object.to_owned())).collect())
    }

    /// Sets our refs to objects that are there, and deletes those without one, all or none.
    pub(crate) async fn set_refs(&self, refs: &BTreeMap<String, Option<String>>) -> Result<(), Failure> {
        if refs.is_empty() {
            return Ok(());
        }
        let line = |(name, object): (&String, &Option<String>)| match object {
            Some(object) => format!("update {name} {object}\n"),
            None => format!("delete {name}\n"),
        };
        let input: String = refs.iter().map(line).collect();
        let call = Call { arguments: vec!["--stdin".into()], ..self.local("update-ref", input.into_bytes()) };
        self.commands.run(call).await.map(drop)
    }

    /// The commits that these names lead to; `None` for what is not there or is no commit.
    pub(crate) async fn commits(&self, names: &[String]) -> Result<Vec<Option<String>>, Failure> {
        let input: String = names.iter().map(|name| format!("{name}^{{commit}}\n")).collect();
        let arguments = vec!["--batch-check=%(objectname) %(objecttype)".into()];
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.commands.run(Call { arguments, ..self.local("cat-file", input.into_bytes()) }).await?;
        let text = String::from_utf8_lossy(&output);
        let found: Vec<_> = text.lines().map(|line| line.strip_suffix(" commit").map(str::to_owned)).collect();
        if found.len() == names.len() {
            Ok(found)
        } else {
            Err(Failure::Broken("`git cat-file` answered less than it was asked".to_owned()))
        }
    }

    /// Fetches these refs of the remote to refs of ours.
    pub(crate) async fn fetch(&self, refs: &[(&[u8], String)]) -> Result<(), Failure> {
        let mut input = Vec::new();
        for (remote, local) in refs {
            input.extend_from_slice(b"+");
            input.extend_from_slice(remote);
            input.extend_from_slice(format!(":{local}\n").as_bytes());
        }
        let options =
            ["--stdin", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-gc", "--progress"];
        let mut arguments: Vec<_> = options.iter().map(Into::into).collect();
        arguments.push(REMOTE.into());
        let call = Call { arguments, is_remote: true, silence: Some(FETCH_SILENCE), ..self.local("fetch", input) };
        match self.commands.run(call).await {
            Err(Failure::Other(cause)) if self.is_broken().await => Err(Failure::Broken(cause)),
            outcome => outcome.map(drop),
        }
    }

    /// Whether the repository is why fetching failed: commits are missing, or a git that was killed left a lock.
    async fn is_broken(&self) -> bool {
        let arguments = vec!["--count".into(), "--all".into()];
        let can_walk = self.commands.run(Call { arguments, ..self.local("rev-list", Vec::new()) }).await.is_ok();
        let repository = self.repository.clone();
        !can_walk || tokio::task::spawn_blocking(move || has_lock(&repository)).await.unwrap_or(true)
    }

    /// Packs what has accumulated, and deletes what nothing refers to. That it fails is no reason to stop polling.
    pub(crate) async fn clean_up(&self) {
        let arguments = vec!["--auto".into(), "--quiet".into()];
        let call = Call { arguments, is_remote: true, ..self.local("gc", Vec::new()) };
        if let Err(failure) = self.commands.run(call).await {
            tracing::debug!(folder = %self.repository.display(), "cannot clean up: {}", failure.into_cause());
        }
    }
}

/// Whether a file of a lock of git is in the folder, but among objects.
fn has_lock(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        is_lock || (path.is_dir() && entry.file_name() != "objects" && has_lock(&path))
    })
}
