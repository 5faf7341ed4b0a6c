//! What an operator may ask of a sink that is at work.

use hookd_store::{SettlementKind, Timestamp};
use tokio::sync::oneshot;

use super::Runner;

/// What an operator asks of a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send nothing more until `Resume`, also after a restart.
    Pause,
    /// Send again.
    Resume,
    /// Make the next attempt now.
    Retry,
    /// Give the first change that waits up: it becomes a dead letter.
    Skip,
    /// Send changes once more that have ended here: dead letters, and those that a filter dropped.
    Requeue(Vec<i64>),
}

/// A command, and where its result goes.
pub(crate) type Asked = (Command, oneshot::Sender<Result<String, String>>);

impl Runner {
    pub(super) async fn obey(&mut self, command: Command) -> Result<String, String> {
        match command {
            Command::Pause => {
                self.is_paused = true;
                self.commit_and_wait().await?;
                Ok("paused".to_owned())
            }
            Command::Resume => {
                self.is_paused = false;
                self.commit_and_wait().await?;
                Ok("resumed".to_owned())
            }
            Command::Retry if self.is_paused => Err("the sink is paused: resume it first".to_owned()),
            Command::Retry => {
                self.probe_at = self.probe_at.map(|_| Timestamp::from_micros(0));
                self.redo_hold = self.redo_hold.map(|(failed, _)| (failed, Timestamp::from_micros(0)));
                self.window.make_due(Timestamp::now());
                Ok("the next attempt is made now".to_owned())
            }
            Command::Skip => {
                let Some((change, retry)) = self.window.head() else {
                    return Err("no change waits".to_owned());
                };
                let (changeid, failed) = (change.changeid, retry.map_or(0, |retry| retry.attempts));
                if !self.may_give_up_head() {
                    return Err(format!("change {changeid} is being delivered at this moment, with others: try again"));
                }
                let last = retry.map(|retry| format!("; last answer: {}", retry.answer)).unwrap_or_default();
                self.give_up(changeid, failed, format!("skipped by an operator{last}"));
                self.commit_and_wait().await?;
                Ok(format!("change {changeid} was skipped, and is a dead letter now"))
            }
            Command::Requeue(changeids) => {
                let count = changeids.len();
                if let Some(waiting) = changeids.iter().find(|changeid| !self.window.is_done(**changeid)) {
                    return Err(format!("change {waiting} has not ended here yet"));
                }
                for changeid in changeids {
                    self.settle(changeid, SettlementKind::Requeued, 0, String::new());
                    if self.redo_under_way != Some(changeid) && !self.redo.contains(&changeid) {
                        self.redo.push_back(changeid);
                    }
                }
                self.commit_and_wait().await?;
                Ok(format!("{count} changes are sent once more"))
            }
        }
    }
}
