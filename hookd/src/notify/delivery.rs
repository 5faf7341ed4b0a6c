//! Sending: to each master by a thread of its own, so that one that hangs takes no other's time; from the spool, in order,
//! where there is one.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::spool::{Parcel, SpoolError};
use super::{Deadline, Failure, Push, Settings, Spool};
use crate::submission::{Endpoint, Submission};

/// How it ended; the worst counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// All was sent.
    #[default]
    Sent,
    /// Some was refused for good.
    Refused,
    /// Some was not sent; it may be in the spool.
    Unsent,
}

/// What there is to say of it, in lines.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    /// What went wrong.
    pub(crate) problems: Vec<String>,
    /// What was sent.
    pub(crate) sent: Vec<String>,
}

impl Report {
    fn add(&mut self, verdict: Verdict, problem: String) {
        self.verdict = self.verdict.max(verdict);
        self.problems.push(problem);
    }

    fn merge(&mut self, other: Self) {
        self.verdict = self.verdict.max(other.verdict);
        self.problems.extend(other.problems);
        self.sent.extend(other.sent);
    }
}

/// Where a request to a master goes, which may take this long.
type Connect<'a> = &'a (dyn Fn(&str, Duration) -> Result<Endpoint, Failure> + Sync);

/// Sends a push to all masters, after what waits for them.
pub(crate) fn send(settings: &Settings, push: &mut Push, deadline: Deadline) -> Report {
    let mut report = Report::default();
    let body = push.body();
    let parcel = |master: &String| Parcel::new(master, &push.id, push.changes.len(), &body);
    let mut loose: Vec<Option<Parcel>> = settings.masters.iter().map(|master| Some(parcel(master))).collect();
    if push.changes.is_empty() {
        loose.fill_with(|| None);
    }
    let spool = settings
        .spool
        .as_deref()
        .and_then(|folder| Spool::open(folder).map_err(|error| report.problems.push(error.to_string())).ok());
    if let Some(spool) = &spool {
        for place in &mut loose {
            match place.as_ref().map(|parcel| spool.add(parcel)) {
                Some(Ok(_)) => *place = None,
                // It is still sent, if all before it can be.
                Some(Err(error)) => report.problems.push(format!("{error}; this push is not kept")),
                None => {}
            }
        }
    }
    let jobs = settings.masters.iter().cloned().zip(loose).collect();
    report.merge(serve(spool.as_ref(), jobs, &|master, time| settings.endpoint(master, time), deadline));
    report
}

/// Sends what waits in a spool, for these masters or for all.
pub(crate) fn flush(folder: &Path, masters: Option<&[String]>, connect: Connect<'_>, deadline: Deadline) -> Report {
    let mut report = Report::default();
    let jobs = |spool: &Spool| -> Result<Vec<String>, SpoolError> {
        if let Some(masters) = masters {
            return Ok(masters.to_vec());
        }
        // One that cannot be read is reported when its turn comes, beside another of the same master.
        let waiting = spool.waiting()?;
        let of_each = waiting.values().filter_map(|files| files.iter().find_map(|file| spool.read(file).ok()));
        Ok(of_each.map(|parcel| parcel.master).collect())
    };
    match Spool::open(folder).and_then(|spool| Ok((jobs(&spool)?, spool))) {
        Ok((masters, spool)) => {
            let jobs = masters.into_iter().map(|master| (master, None)).collect();
            report.merge(serve(Some(&spool), jobs, connect, deadline));
        }
        Err(error) => report.add(Verdict::Unsent, error.to_string()),
    }
    report
}

/// Serves each master: first what waits for it in the spool, then the request that is not in there.
fn serve(
    spool: Option<&Spool>,
    jobs: Vec<(String, Option<Parcel>)>,
    connect: Connect<'_>,
    deadline: Deadline,
) -> Report {
    let mut report = Report::default();
    // Held until all is done.
    let _lock = match spool.map(|spool| spool.lock(deadline)).transpose() {
        Ok(Some(None)) => {
            report.add(
                Verdict::Unsent,
                "another hook is sending from the spool; what is in there is sent by that one or by the next"
                    .to_owned(),
            );
            return report;
        }
        Ok(lock) => lock,
        Err(error) => {
            report.add(Verdict::Unsent, error.to_string());
            return report;
        }
    };
    let sender = |master: String, loose: Option<Parcel>| {
        move || {
            let mut report = Report::default();
            let is_drained = spool.is_none_or(|spool| {
                drain(spool, &master, connect, deadline, &mut report).unwrap_or_else(|error| {
                    report.add(Verdict::Unsent, error.to_string());
                    false
                })
            });
            if let (true, Some(parcel)) = (is_drained, loose) {
                match attempt(&parcel, connect, deadline) {
                    Attempt::Sent => report.took(&parcel),
                    Attempt::Odd(warning) => {
                        report.took(&parcel);
                        report.problems.push(warning);
                    }
                    Attempt::Unsent(why) => report.add(Verdict::Unsent, why),
                    Attempt::Refused(why) => report.add(Verdict::Refused, why),
                }
            }
            report
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = jobs.into_iter().map(|(master, loose)| scope.spawn(sender(master, loose))).collect();
        for thread in threads {
            match thread.join() {
                Ok(of_one) => report.merge(of_one),
                Err(_) => report.add(Verdict::Unsent, "internal error while sending".to_owned()),
            }
        }
    });
    report
}

/// Sends what waits for a master, also what other hooks add meanwhile. Returns whether nothing waits any more.
fn drain(
    spool: &Spool,
    master: &str,
    connect: Connect<'_>,
    deadline: Deadline,
    report: &mut Report,
) -> Result<bool, SpoolError> {
    loop {
        let files = spool.waiting_for(master)?;
        if files.is_empty() {
            return Ok(true);
        }
        for (index, file) in files.iter().enumerate() {
            let parcel = match spool.read(file) {
                Ok(parcel) => parcel,
                Err(error) => {
                    let kept = spool.set_aside(file)?;
                    report.add(Verdict::Refused, format!("{error}; it is now {}", kept.display()));
                    continue;
                }
            };
            match attempt(&parcel, connect, deadline) {
                Attempt::Sent => report.took(&parcel),
                Attempt::Odd(warning) => {
                    report.took(&parcel);
                    report.problems.push(warning);
                }
                Attempt::Unsent(why) => {
                    let kept = match files.len() - index {
                        1 => "it is kept in the spool and sent with the next push".to_owned(),
                        count => format!("{count} requests are kept in the spool and sent with the next push"),
                    };
                    report.add(Verdict::Unsent, format!("{why}; {kept}"));
                    return Ok(false);
                }
                Attempt::Refused(why) => {
                    let kept = spool.set_aside(file)?;
                    report.add(Verdict::Refused, format!("{why}; the request is kept as {}", kept.display()));
                    continue;
                }
            }
            spool.remove(file)?;
        }
    }
}

impl Report {
    fn took(&mut self, parcel: &Parcel) {
        let noun = if parcel.changes == 1 { "change" } else { "changes" };
        self.sent.push(format!("{} {noun} sent to {}", parcel.changes, parcel.master));
    }
}

/// How one attempt ended.
enum Attempt {
    Sent,
    /// It was taken, by something that is no hookd.
    Odd(String),
    /// It may be sent again: nobody answered, or one who refuses all, which is a matter of settings.
    Unsent(String),
    /// It will never be taken.
    Refused(String),
}

fn attempt(parcel: &Parcel, connect: Connect<'_>, deadline: Deadline) -> Attempt {
    let left = deadline.left();
    if left.is_zero() {
        return Attempt::Unsent(format!(
            "not sent to {}: the {} s are over",
            parcel.master,
            deadline.limit().as_secs()
        ));
    }
    let endpoint = match connect(&parcel.master, left) {
        Ok(endpoint) => endpoint,
        Err(failure) => return Attempt::Unsent(failure.to_string()),
    };
    let submission =
        Submission { content_type: "application/json", body: parcel.body.clone(), id: Some(parcel.id.clone()) };
    match endpoint.send(submission) {
        Err(unsent) => Attempt::Unsent(unsent.to_string()),
        Ok(answer) if answer.is_success() && answer.delivery.is_some() => Attempt::Sent,
        Ok(answer) if answer.is_success() => Attempt::Odd(format!(
            "{} took it, but its answer is not hookd's: whether it made changes of it is not known",
            endpoint.url()
        )),
        Ok(answer) => {
            let why = format!("{} refused it: {}", endpoint.url(), answer.shown());
            match answer.status {
                300..=399 | 401 | 403 | 404 | 405 | 407 => Attempt::Unsent(why),
                _ => Attempt::Refused(why),
            }
        }
    }
}
