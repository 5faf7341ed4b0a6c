//! What it means that a message was not stored: the moment, the change, or the sink.

use hookd_sinks::{Attempt, Verdict};

use crate::connection::Failure;
use crate::jetstream::{ApiError, Problem, code};

/// How an attempt to publish to this subject ended.
///
/// | answer | verdict |
/// |---|---|
/// | none in time; the connection broke | later, and it may have arrived |
/// | no stream takes the subject, JetStream is not enabled, no permission, the stream is sealed | this sink |
/// | larger than the server or the stream takes | this change |
/// | the stream is full, the server lacks resources, a leader is elected | later |
/// | any other error | later, and the change may be at fault |
pub(crate) fn of_publishing(problem: Problem, subject: &str) -> Attempt {
    match problem {
        Problem::Failed(_, Failure::Unanswered(words)) => Attempt::unanswered(words),
        Problem::Failed(_, Failure::NoResponders) => Attempt::misconfigured(no_stream(subject)),
        Problem::Failed(_, Failure::TooLarge(words)) => Attempt::refused(format!("the change is too large: {words}")),
        Problem::Failed(_, Failure::NotSent(words)) => Attempt::later(words),
        Problem::Failed(at, Failure::Forbidden(words)) => Attempt::misconfigured(forbidden(&at, &words)),
        Problem::Garbled(words) => {
            let attempt = Attempt::misconfigured(format!("something other than JetStream answers: {words}"));
            Attempt { may_have_arrived: true, ..attempt }
        }
        Problem::Error(error) => of_error(&error),
    }
}

fn of_error(error: &ApiError) -> Attempt {
    let ApiError { code, err_code, description } = error;
    let shown = format!("{description} ({code}, {err_code})");
    match *err_code {
        code::MESSAGE_TOO_LARGE | code::HEADERS_TOO_LARGE => {
            Attempt::refused(format!("the change is too large for the stream: {shown}"))
        }
        code::NOT_ENABLED | code::NOT_FOR_ACCOUNT => {
            Attempt::misconfigured(format!("{shown}: enable JetStream for the account of this user"))
        }
        code::STREAM_NOT_FOUND => Attempt::misconfigured(shown),
        code::SEALED => Attempt::misconfigured(format!("the stream takes no messages: {shown}")),
        code::STORE_FAILED => {
            let full = "is it full? See `max_bytes`, `max_msgs` and `discard` of the stream";
            Attempt {
                may_have_arrived: true,
                ..Attempt::later(format!("the stream did not store it: {shown}; {full}"))
            }
        }
        code::ACCOUNT_RESOURCES | code::INSUFFICIENT_RESOURCES | code::MEMORY_RESOURCES | code::STORAGE_RESOURCES => {
            Attempt::later(format!("{shown}: the server or the account has reached its limits"))
        }
        // No leader, no quorum, too busy.
        _ if *code == 503 => Attempt { may_have_arrived: true, ..Attempt::later(shown) },
        _ => {
            let verdict = Verdict::Later { after: None, blames_change: true };
            Attempt { verdict, may_have_arrived: true, ..Attempt::later(shown) }
        }
    }
}

/// How an attempt ended for which the stream was asked before, and nothing was sent.
pub(crate) fn of_asking(problem: Problem) -> Attempt {
    match problem {
        Problem::Failed(at, Failure::NoResponders) => Attempt::misconfigured(no_jetstream(&at)),
        Problem::Failed(at, Failure::Forbidden(words)) => Attempt::misconfigured(forbidden(&at, &words)),
        Problem::Error(error) if matches!(error.err_code, code::NOT_ENABLED | code::NOT_FOR_ACCOUNT) => {
            of_error(&error)
        }
        problem => Attempt::later(in_words(&problem)),
    }
}

/// Why the stream could not be asked.
pub(crate) fn in_words(problem: &Problem) -> String {
    match problem {
        Problem::Failed(at, Failure::NoResponders) => no_jetstream(at),
        Problem::Failed(at, Failure::Forbidden(words)) => forbidden(at, words),
        Problem::Failed(at, Failure::Unanswered(words) | Failure::NotSent(words) | Failure::TooLarge(words)) => {
            format!("`{at}`: {words}")
        }
        Problem::Error(ApiError { code, err_code, description }) => format!("{description} ({code}, {err_code})"),
        Problem::Garbled(words) => words.clone(),
    }
}

/// What to do where no stream takes a subject.
pub(crate) fn no_stream(subject: &str) -> String {
    format!("no stream of JetStream takes `{subject}`: add one, as with `nats stream add --subjects '{subject}'`")
}

fn no_jetstream(at: &str) -> String {
    format!("nobody answers on `{at}`: enable JetStream on the server for the account of this user, or set `domain`")
}

fn forbidden(at: &str, words: &str) -> String {
    format!("the user lacks a permission that `{at}` needs: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_code(code: u16, err_code: u32) -> (Verdict, bool) {
        let attempt = of_error(&ApiError { code, err_code, description: "why".to_owned() });
        assert!(attempt.answer.contains("why"), "{}", attempt.answer);
        (attempt.verdict, attempt.may_have_arrived)
    }

    #[test]
    fn every_error_has_its_verdict() {
        let later = |blames_change| Verdict::Later { after: None, blames_change };
        assert_eq!(of_code(400, code::MESSAGE_TOO_LARGE), (Verdict::ThisChange, false));
        assert_eq!(of_code(400, code::HEADERS_TOO_LARGE), (Verdict::ThisChange, false));
        assert_eq!(of_code(503, code::NOT_ENABLED), (Verdict::ThisSink, false));
        assert_eq!(of_code(503, code::NOT_FOR_ACCOUNT), (Verdict::ThisSink, false));
        assert_eq!(of_code(400, code::SEALED), (Verdict::ThisSink, false));
        assert_eq!(of_code(503, code::STORE_FAILED), (later(false), true));
        assert_eq!(of_code(503, code::INSUFFICIENT_RESOURCES), (later(false), false));
        assert_eq!(of_code(503, 10008), (later(false), true));
        assert_eq!(of_code(400, 99999), (later(true), true));
    }

    #[test]
    fn what_was_sent_and_not_answered_may_have_arrived() {
        let failed = |failure| of_publishing(Problem::Failed("hookd".to_owned(), failure), "hookd");
        assert!(failed(Failure::Unanswered("why".to_owned())).may_have_arrived);
        assert!(!failed(Failure::NotSent("why".to_owned())).may_have_arrived);
        assert_eq!(failed(Failure::TooLarge("why".to_owned())).verdict, Verdict::ThisChange);
        let none = failed(Failure::NoResponders);
        assert_eq!((&none.verdict, none.may_have_arrived), (&Verdict::ThisSink, false));
        assert!(none.answer.contains("nats stream add"), "{}", none.answer);
        let forbidden = failed(Failure::Forbidden("why".to_owned()));
        assert_eq!((&forbidden.verdict, forbidden.may_have_arrived), (&Verdict::ThisSink, false));
    }
}
