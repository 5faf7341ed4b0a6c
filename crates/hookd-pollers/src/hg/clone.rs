//! The clone of a repository: made, brought up to date, and mended by itself.

use std::path::Path;

use super::Failed;
use super::commands::{CLONE, Commands, MAX_LIST_BYTES};
use super::names::{ids, is_hash};
use crate::folder::WorkFolder;
use crate::tool::Failure;

/// What is tried when the clone does not take what the other side has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    None,
    /// It was interrupted when it was changed.
    Recover,
    /// It is broken, or that of another repository.
    Anew,
}

/// Brings the clone up to date. Returns the revset of what the other side does not have any more.
pub(crate) async fn update(commands: &Commands, folder: &WorkFolder) -> Result<String, Failed> {
    pull(commands, folder).await?;
    let template = "--template={node} {p1node} {p2node}\\n";
    let printed = match commands.exchange("outgoing", &["--quiet", template]).await {
        Ok(printed) => printed,
        // There is nothing.
        Err(Failure::Exited { code: 1, .. }) => return Ok("none()".to_owned()),
        Err(failure) => return Err(Failed::Other(failure.into_message())),
    };
    let printed = String::from_utf8_lossy(&printed);
    let rows: Vec<Vec<&str>> = printed.lines().map(|line| line.split(' ').collect()).collect();
    let gone: std::collections::BTreeSet<&str> = rows.iter().filter_map(|row| row.first().copied()).collect();
    // Whatever descends from one that is gone is gone as well.
    let is_root = |row: &&Vec<&str>| !row[1..].iter().any(|parent| gone.contains(parent));
    let roots = rows.iter().filter(is_root).map(|row| row[0].to_owned()).filter(|hash| is_hash(hash));
    Ok(format!("{}::", ids(&roots.collect::<Vec<_>>())))
}

async fn pull(commands: &Commands, folder: &WorkFolder) -> Result<(), Failed> {
    let mut last = String::new();
    for repair in [Repair::None, Repair::Recover, Repair::Anew] {
        match repair {
            Repair::None => {}
            Repair::Recover => {
                // It fails where there is nothing to recover.
                let _ = commands.local("recover", Vec::new(), MAX_LIST_BYTES).await;
            }
            Repair::Anew => folder.remove(CLONE).map_err(Failed::Other)?,
        }
        if !is_there(&folder.join(CLONE)) {
            folder.remove(CLONE).map_err(Failed::Other)?;
            commands.init().await?;
        }
        match commands.exchange("pull", &[]).await {
            Ok(_) => return Ok(()),
            Err(Failure::Exited { message, .. }) => last = message,
            Err(failure) => return Err(Failed::Other(failure.into_message())),
        }
        // Only where the other side answers can it be the clone.
        if repair == Repair::None && commands.ask("identify", &["--id"], &[]).await.is_err() {
            break;
        }
    }
    Err(Failed::Other(last))
}

/// Whether there is a clone: its list of requirements is written last.
fn is_there(clone: &Path) -> bool {
    clone.join(".hg/requires").exists()
}
