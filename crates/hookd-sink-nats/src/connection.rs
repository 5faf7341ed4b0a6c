//! One connection to a server, and requests over it.
//!
//! The client of `async-nats` reconnects by itself, and sends then what waits. Here a connection ends where it breaks: whoever
//! has asked hears of it at once, and the next attempt makes another one, and can say why that fails. What the client may send
//! nevertheless was reported as possibly arrived.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, Message, ServerError, Subscriber};
use tokio::sync::watch;

/// How many complaints of the server are remembered.
const MAX_COMPLAINTS: usize = 64;

/// How often a connection is tried that nobody uses.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A connection.
pub(crate) struct Connection {
    client: Client,
    seen: watch::Sender<Seen>,
    /// Host and port.
    authority: String,
}

/// What has happened to a connection.
#[derive(Default)]
struct Seen {
    is_broken: bool,
    /// The last complaints of the server; it names the subject in them, and not the request.
    complaints: VecDeque<String>,
    /// How many there were.
    count: usize,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may have arrived: the time is over, or the connection broke.
    Unanswered(String),
    /// Nobody answers requests on this subject: no stream takes it.
    NoResponders,
    /// The server does not let this user; nothing has arrived.
    Forbidden(String),
    /// The server takes no message of this size; nothing has arrived.
    TooLarge(String),
    /// Nothing was sent.
    NotSent(String),
}

impl Connection {
    /// Connects to the server of these options; its address is for messages.
    ///
    /// # Errors
    /// What the client says.
    pub(crate) async fn open(
        options: ConnectOptions,
        server: &async_nats::ServerAddr,
        authority: String,
    ) -> Result<Self, async_nats::ConnectError> {
        let seen = watch::Sender::new(Seen::default());
        let noted = seen.clone();
        let options = options
            .name("hookd")
            .max_reconnects(1)
            .ignore_discovered_servers()
            .ping_interval(PING_INTERVAL)
            .event_callback(move |event| {
                noted.send_modify(|seen| seen.note(event));
                std::future::ready(())
            });
        let client = options.connect(server).await?;
        Ok(Self { client, seen, authority })
    }

    /// Whether it broke, or was given up.
    pub(crate) fn is_broken(&self) -> bool {
        self.seen.borrow().is_broken
    }

    /// Gives it up, after an answer that did not come.
    pub(crate) fn give_up(&self) {
        self.seen.send_modify(|seen| seen.is_broken = true);
    }

    /// Sends a message and waits for the first that answers it, for so long.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn request(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> Result<Message, Failure> {
        let request = Request::new().headers(headers).payload(payload.into()).timeout(Some(timeout));
        let answered = self.client.send_request(subject.to_owned(), request);
        let answer = self.unless_it_breaks(subject, answered).await?;
        answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => Failure::NoResponders,
            RequestErrorKind::MaxPayloadExceeded => {
                Failure::TooLarge(format!("the server takes messages of up to {} bytes", self.client.max_payload()))
            }
            RequestErrorKind::TimedOut => {
                // Perhaps the connection leads nowhere.
                self.give_up();
                let after = hookd_core::duration::format(timeout);
                Failure::Unanswered(format!("`{}` did not answer within {after}", self.authority))
            }
            RequestErrorKind::InvalidSubject => Failure::NotSent(error.to_string()),
            RequestErrorKind::Other => {
                self.give_up();
                Failure::Unanswered(format!("the connection to `{}` broke: {error}", self.authority))
            }
        })
    }

    /// A new subject that the server delivers to this connection, and what comes there.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub(crate) async fn inbox(&self) -> Result<(String, Subscriber), Failure> {
        let subject = self.client.new_inbox();
        match self.client.subscribe(subject.clone()).await {
            Ok(subscriber) => Ok((subject, subscriber)),
            Err(error) => Err(Failure::NotSent(format!("the connection to `{}` broke: {error}", self.authority))),
        }
    }

    /// Waits for what comes of something that was sent to a subject.
    ///
    /// # Errors
    /// Where the connection breaks before, or the server refuses what was sent.
    pub(crate) async fn unless_it_breaks<F: Future>(&self, subject: &str, awaited: F) -> Result<F::Output, Failure> {
        let mut seen = self.seen.subscribe();
        let count = seen.borrow().count;
        // An answer that is there counts, whatever happened after it.
        tokio::select! {
            biased;
            output = awaited => Ok(output),
            seen = seen.wait_for(|seen| seen.is_broken || seen.refusal(subject, count).is_some()) => {
                match seen.as_ref().ok().and_then(|seen| seen.refusal(subject, count)) {
                    Some(refusal) => Err(Failure::Forbidden(refusal.to_owned())),
                    None => Err(Failure::Unanswered(format!("the connection to `{}` broke", self.authority))),
                }
            }
        }
    }
}

impl Seen {
    fn note(&mut self, event: Event) {
        match event {
            Event::Disconnected | Event::Closed => self.is_broken = true,
            Event::ServerError(ServerError::Other(complaint)) => {
                if self.complaints.len() == MAX_COMPLAINTS {
                    self.complaints.pop_front();
                }
                self.complaints.push_back(complaint);
                self.count += 1;
            }
            _ => {}
        }
    }

    /// The complaint that says why a request to this subject is not answered; it was made when there were `before`
    /// complaints. One about the inbox concerns all requests, since there is one for all of them.
    fn refusal(&self, subject: &str, before: usize) -> Option<&str> {
        let new = self.count - before;
        let concerns = |(age, complaint): (usize, &String)| {
            let complaint = complaint.to_ascii_lowercase();
            let subject = subject.to_ascii_lowercase();
            complaint.starts_with("permissions violation for subscription to ")
                || (age < new
                    && complaint.starts_with("permissions violation for publish to ")
                    && complaint.contains(&format!("\"{subject}\"")))
        };
        let mut newest = self.complaints.iter().rev().enumerate();
        newest.find(|(age, complaint)| concerns((*age, complaint))).map(|(_, complaint)| complaint.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complain(seen: &mut Seen, complaint: &str) {
        seen.note(Event::ServerError(ServerError::Other(complaint.to_owned())));
    }

    #[test]
    fn a_refusal_concerns_the_subject_that_it_names() {
        let mut seen = Seen::default();
        let complaint = "Permissions Violation for Publish to \"hookd.tea\"";
        complain(&mut seen, complaint);
        assert_eq!(seen.refusal("hookd.tea", 0), Some(complaint));
        assert_eq!(seen.refusal("hookd.te", 0), None);
        // It was there before the request was made.
        assert_eq!(seen.refusal("hookd.tea", 1), None);
        complain(&mut seen, "Permissions Violation for Publish to \"hookd.coffee\"");
        assert_eq!(seen.refusal("hookd.tea", 1), None);
        assert_eq!(seen.refusal("hookd.tea", 0), Some(complaint));
    }

    #[test]
    fn a_refused_inbox_concerns_every_request() {
        let mut seen = Seen::default();
        let complaint = "Permissions Violation for Subscription to \"_INBOX.a.*\"";
        complain(&mut seen, complaint);
        assert_eq!(seen.refusal("hookd.tea", 1), Some(complaint));
    }

    #[test]
    fn remembers_so_many_complaints() {
        let mut seen = Seen::default();
        for number in 0..2 * MAX_COMPLAINTS {
            complain(&mut seen, &format!("Permissions Violation for Publish to \"{number}\""));
        }
        assert_eq!((seen.complaints.len(), seen.count), (MAX_COMPLAINTS, 2 * MAX_COMPLAINTS));
        assert!(seen.refusal("127", 0).is_some() && seen.refusal("0", 0).is_none());
    }
}
