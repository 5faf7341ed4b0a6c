//! Leads: which of several hookds that share a store does a part of the work.
//!
//! All of them receive. What must be done by one at a time, such as the delivery to a sink, is led: a lease with a holder, an
//! epoch and an end, which the holder renews. Whoever holds it next has a greater epoch, and a move of a cursor that names
//! an older one does not take place. A store that only one hookd can open gives every lead at once, and for good.

use std::fmt;
use std::time::Instant;

use tokio::sync::watch;

use crate::{Store, StoreError, Timestamp};

/// A part of the work that one hookd does at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The delivery to the sink of this name, whose cursor has the same one.
    Sink(String),
    /// The polls of the poller of this name.
    Poller(String),
    /// The deletion of expired data.
    Expiry,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sink(name) => write!(f, "sink {name}"),
            Self::Poller(name) => write!(f, "poller {name}"),
            Self::Expiry => f.write_str("expiry"),
        }
    }
}

/// That this hookd leads a part, until a moment of its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Grows with each other hookd that takes the part.
    pub epoch: u64,
    /// When it ends unless it is renewed; before that nobody else can have it. `None`: never.
    pub until: Option<Instant>,
    /// How often the leader was [asked](crate::Log::ask) to do its part now.
    pub asked: u64,
}

impl Lead {
    /// That of the only hookd that there can be.
    pub const UNLIMITED: Self = Self { epoch: 0, until: None, asked: 0 };

    /// Whether it has not ended yet.
    pub fn lasts(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// The candidacy for a part, and whether this hookd does. Dropping it gives the part up.
pub struct Leadership {
    lead: watch::Receiver<Option<Lead>>,
    /// What keeps the candidacy, and ends it when it is dropped.
    _candidacy: Box<dyn Send + Sync>,
}

impl Leadership {
    /// That of the only hookd that there can be.
    pub fn unlimited() -> Self {
        let (sender, lead) = watch::channel(Some(Lead::UNLIMITED));
        Self { lead, _candidacy: Box::new(sender) }
    }

    /// One that a store shows here; `candidacy` is dropped with it.
    pub fn new(lead: watch::Receiver<Option<Lead>>, candidacy: impl Send + Sync + 'static) -> Self {
        Self { lead, _candidacy: Box::new(candidacy) }
    }

    /// The lead, if this hookd has it now.
    pub fn current(&self) -> Option<Lead> {
        self.lead.borrow().filter(Lead::lasts)
    }

    /// Waits until this hookd leads. For ever, once the store is closed.
    pub async fn gained(&mut self) -> Lead {
        loop {
            let lead = *self.lead.borrow_and_update();
            if let Some(lead) = lead.filter(Lead::lasts) {
                return lead;
            }
            if self.lead.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the lead of this epoch has ended.
    pub async fn lost(&mut self, epoch: u64) {
        while self.asked(epoch, u64::MAX).await.is_some() {}
    }

    /// Waits until the leader has been asked more often than `before`, and returns how often it has; `None` when the lead of
    /// this epoch has ended.
    pub async fn asked(&mut self, epoch: u64, before: u64) -> Option<u64> {
        loop {
            let lead = *self.lead.borrow_and_update();
            let lead = lead.filter(|lead| lead.epoch == epoch && lead.lasts())?;
            if lead.asked > before {
                return Some(lead.asked);
            }
            let end = async {
                match lead.until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.lead.changed() => if changed.is_err() { return None },
                () = end => {}
            }
        }
    }
}

/// One of the hookds that share a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its name: host and process.
    pub name: String,
    /// Whether it is the one that answers.
    pub is_this: bool,
    /// Whether it has said lately that it is alive. One that has not for an hour is no longer listed.
    pub is_alive: bool,
    /// When it opened the store.
    pub started_at: Timestamp,
    /// What it leads, in order.
    pub leads: Vec<String>,
    /// How many pending deliveries it follows up.
    pub pending: u64,
}

/// The name of another hookd that shares the store, is alive and leads this part; `None` where there is none.
///
/// # Errors
/// When the store cannot be read. Blocks on the store.
pub fn leader(store: &dyn Store, part: &Part) -> Result<Option<String>, StoreError> {
    let part = part.to_string();
    let leads = |replica: &Replica| replica.is_alive && !replica.is_this && replica.leads.contains(&part);
    Ok(store.reader().replicas()?.into_iter().find(leads).map(|replica| replica.name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_lead_is_lost_when_it_ends_or_another_one_has_it() {
        let lead = |epoch, left: u64| {
            Some(Lead { epoch, until: Some(Instant::now() + Duration::from_millis(left)), asked: 2 })
        };
        let (sender, receiver) = watch::channel(None);
        let mut leadership = Leadership::new(receiver, ());
        assert_eq!(leadership.current(), None);
        sender.send_replace(lead(3, 20));
        assert_eq!(leadership.gained().await.epoch, 3);
        // By time alone.
        leadership.lost(3).await;
        assert_eq!(leadership.current(), None);
        // A renewal is none.
        sender.send_replace(lead(3, 60_000));
        assert_eq!(leadership.asked(3, 1).await, Some(2));
        assert!(tokio::time::timeout(Duration::from_millis(20), leadership.lost(3)).await.is_err());
        sender.send_replace(None);
        leadership.lost(3).await;
        sender.send_replace(lead(5, 60_000));
        leadership.lost(3).await;
        assert_eq!(leadership.gained().await.epoch, 5);
        drop(sender);
        leadership.lost(5).await;
    }

    #[tokio::test]
    async fn an_unlimited_lead_is_there_at_once_and_never_lost() {
        let mut leadership = Leadership::unlimited();
        assert_eq!(leadership.gained().await, Lead::UNLIMITED);
        assert!(tokio::time::timeout(Duration::from_millis(20), leadership.lost(0)).await.is_err());
    }
}
