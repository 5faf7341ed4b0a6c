//! A sender: one connection at a time, and a record of everything sent that survives hookd.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use hookd_tests::http::{Answer, Connection};

use super::webhook::{Kind, Webhook};

/// One in this many requests repeats one that was already answered.
const AGAIN: usize = 12;

/// A sender of webhooks.
pub(crate) struct Sender {
    name: String,
    random: fastrand::Rng,
    /// Webhooks without an answer, to be sent again.
    pub(crate) unanswered: Option<Webhook>,
    /// Webhooks answered with 202.
    pub(crate) acknowledged: Vec<Webhook>,
    /// How many of them had been answered before the last call of [`Sender::send_until_killed`].
    pub(crate) checked: usize,
    pub(crate) figures: Figures,
}

/// Counters.
#[derive(Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Requests, including those without an answer.
    pub(crate) requests: usize,
    /// Requests sent again because they got no answer.
    pub(crate) resent: usize,
    /// Requests sent again although they had been answered.
    pub(crate) again: usize,
}

impl Sender {
    pub(crate) fn new(name: String, random: fastrand::Rng) -> Self {
        let (acknowledged, figures) = (Vec::new(), Figures::default());
        Self { name, random, unanswered: None, acknowledged, checked: 0, figures }
    }

    /// Sends one webhook after the other until hookd is gone. Counts the answers in `answered`.
    pub(crate) fn send_until_killed(&mut self, address: SocketAddr, answered: &AtomicUsize) {
        let mut connection = Connection::new(address);
        self.checked = self.acknowledged.len();
        loop {
            let is_over = if self.random.usize(0..AGAIN) == 0 {
                !self.send_again(&mut connection)
            } else {
                !self.send(&mut connection)
            };
            if is_over {
                return;
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends the webhooks without an answer, to a hookd that is not killed.
    pub(crate) fn send_rest(&mut self, address: SocketAddr) {
        self.checked = self.acknowledged.len();
        if self.unanswered.is_some() {
            assert!(self.send(&mut Connection::new(address)), "hookd answers while it is not killed");
        }
    }

    /// The webhooks acknowledged since the last check.
    pub(crate) fn fresh(&self) -> &[Webhook] {
        &self.acknowledged[self.checked..]
    }

    /// Sends a webhook without an answer, or a new one; returns whether there was an answer.
    fn send(&mut self, connection: &mut Connection) -> bool {
        let mut webhook = match self.unanswered.take() {
            Some(webhook) => {
                self.figures.resent += 1;
                webhook
            }
            None => Webhook::any(format!("{}-{}", self.name, self.figures.requests), &mut self.random),
        };
        self.figures.requests += 1;
        webhook.attempts += 1;
        let Ok(answer) = connection.send_once(&webhook.request) else {
            self.unanswered = Some(webhook);
            return false;
        };
        assert_eq!(answer.line(), webhook.answer(), "{}", webhook.id);
        webhook.deliveryid = Some(delivery_of(&answer));
        self.acknowledged.push(webhook);
        true
    }

    /// Repeats an answered webhook; returns whether there was an answer, which must then be the same.
    fn send_again(&mut self, connection: &mut Connection) -> bool {
        let Some(webhook) = self.random.choice(&self.acknowledged) else { return true };
        if webhook.kind == Kind::Base {
            return true;
        }
        self.figures.requests += 1;
        self.figures.again += 1;
        let Ok(answer) = connection.send_once(&webhook.request) else { return false };
        assert_eq!(answer.line(), webhook.answer(), "{}, again", webhook.id);
        assert_eq!(Some(delivery_of(&answer)), webhook.deliveryid, "{}, again", webhook.id);
        true
    }
}

fn delivery_of(answer: &Answer) -> i64 {
    let id = answer.header("X-Hookd-Delivery").expect("an answer names its delivery");
    id.parse().expect("a delivery has a number")
}
