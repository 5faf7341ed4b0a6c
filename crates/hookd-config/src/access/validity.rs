//! From when to when a certificate is valid, and whether that is the case.

use std::fmt;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// How long before its end a certificate that is valid for a year should have been replaced. One that is valid for less than
/// six weeks has a third of that time: it is replaced more often.
const WARNING_SECONDS: i64 = 14 * SECONDS_PER_DAY;

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second, since 1970.
    pub not_before: i64,
    /// The last second, since 1970.
    pub not_after: i64,
}

/// Whether a certificate is valid at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validness {
    /// It is.
    Valid,
    /// It is, and should be replaced by now.
    EndsSoon,
    /// Not yet.
    NotYet,
    /// No longer.
    Expired,
}

impl Validity {
    /// That of a certificate; `None` if it cannot be read.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let validity = parsed.validity();
        Some(Self { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() })
    }

    /// Whether it includes a time, in seconds since 1970.
    #[must_use]
    pub fn at(&self, now: i64) -> Validness {
        let whole = self.not_after.saturating_sub(self.not_before);
        if now < self.not_before {
            Validness::NotYet
        } else if now > self.not_after {
            Validness::Expired
        } else if self.not_after - now < WARNING_SECONDS.min(whole / 3) {
            Validness::EndsSoon
        } else {
            Validness::Valid
        }
    }

    /// What an operator should know about it at a time, in seconds since 1970; `None` while it is valid for long enough.
    #[must_use]
    pub fn notice(&self, now: i64) -> Option<String> {
        let Self { not_before, not_after } = *self;
        let serving = "clients that verify it refuse it";
        match self.at(now) {
            Validness::Valid => None,
            Validness::EndsSoon => {
                Some(format!("the certificate expires in {}, at {}: replace it", Days(not_after - now), At(not_after)))
            }
            Validness::NotYet => Some(format!("the certificate is not valid before {}: {serving}", At(not_before))),
            Validness::Expired => {
                Some(format!("the certificate expired {} ago, at {}: {serving}", Days(now - not_after), At(not_after)))
            }
        }
    }
}

/// A number of seconds as days, or hours where it is less than two days.
struct Days(i64);

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 / SECONDS_PER_DAY {
            0 | 1 => write!(f, "{} hours", self.0 / 3600),
            days => write!(f, "{days} days"),
        }
    }
}

/// A time in seconds since 1970.
struct At(i64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} s after 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = SECONDS_PER_DAY;

    #[test]
    fn warns_two_weeks_before_the_end_or_a_third_of_a_short_life() {
        let year = Validity { not_before: 0, not_after: 365 * DAY };
        let week = Validity { not_before: 0, not_after: 6 * DAY };
        for (validity, now, validness) in [
            (year, -1, Validness::NotYet),
            (year, 0, Validness::Valid),
            (year, 351 * DAY, Validness::Valid),
            (year, 351 * DAY + 1, Validness::EndsSoon),
            (year, 365 * DAY, Validness::EndsSoon),
            (year, 365 * DAY + 1, Validness::Expired),
            (week, DAY, Validness::Valid),
            (week, 4 * DAY + 1, Validness::EndsSoon),
        ] {
            assert_eq!(validity.at(now), validness, "{validity:?} at {now}");
        }
    }

    #[test]
    fn says_when_it_ends_and_how_long_that_is() {
        let validity = Validity { not_before: DAY, not_after: 365 * DAY };
        for (now, notice) in [
            (0, "the certificate is not valid before 1970-01-02T00:00:00Z: clients that verify it refuse it"),
            (362 * DAY, "the certificate expires in 3 days, at 1971-01-01T00:00:00Z: replace it"),
            (364 * DAY, "the certificate expires in 24 hours, at 1971-01-01T00:00:00Z: replace it"),
            (
                369 * DAY,
                "the certificate expired 4 days ago, at 1971-01-01T00:00:00Z: clients that verify it refuse it",
            ),
        ] {
            assert_eq!(validity.notice(now).as_deref(), Some(notice));
        }
        assert_eq!(validity.notice(100 * DAY), None);
    }
}
