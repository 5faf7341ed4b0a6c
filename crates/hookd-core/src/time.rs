//! Times as forges write them: ISO 8601, RFC 3339 and RFC 2822, in whole seconds since 1970.

use jiff::civil;
use jiff::fmt::{rfc2822, temporal};
use jiff::tz::TimeZone;

use crate::Refusal;

/// The seconds since 1970 (UTC) of a date as a forge writes it. A fraction is dropped; a date without a zone is UTC.
///
/// # Errors
/// When it is none of ISO 8601, RFC 3339 and RFC 2822.
pub fn parse_date(text: &str) -> Result<i64, Refusal> {
    let trimmed = text.trim();
    // Ruby, and so GitLab, writes `2024-05-01 12:00:00 UTC`.
    let iso = trimmed.strip_suffix(" UTC").map_or_else(|| trimmed.to_owned(), |date| format!("{date}Z"));
    let parser = temporal::DateTimeParser::new();
    let utc = |date: civil::DateTime| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    parser
        .parse_timestamp(&iso)
        .ok()
        .or_else(|| {
            // Ruby again: a space before the zone.
            let (date, zone) = iso.rsplit_once(' ')?;
            zone.starts_with(['+', '-']).then(|| parser.parse_timestamp(format!("{date}{zone}")).ok())?
        })
        .or_else(|| parser.parse_datetime(&iso).ok().and_then(utc))
        .or_else(|| rfc2822::parse(trimmed).ok().map(|zoned| zoned.timestamp()))
        .map(|time| time.as_nanosecond().div_euclid(1_000_000_000))
        .and_then(|seconds| i64::try_from(seconds).ok())
        .ok_or_else(|| Refusal::new(format!("`{text}` is not a date of ISO 8601, RFC 3339 or RFC 2822")))
}

#[cfg(test)]
mod tests {
    use super::parse_date;

    #[test]
    fn reads_what_forges_write() {
        for (text, epoch) in [
            ("2015-05-05T19:40:15-04:00", 1_430_869_215),
            ("2015-05-05T23:40:15Z", 1_430_869_215),
            ("2015-05-05T23:40:15.999Z", 1_430_869_215),
            ("2015-05-05 23:40:15 UTC", 1_430_869_215),
            ("2015-05-05 19:40:15 -0400", 1_430_869_215),
            ("2012-05-30 03:58:56+00:00", 1_338_350_336),
            ("2015-05-05T23:40:15", 1_430_869_215),
            ("2015-05-05", 1_430_784_000),
            ("Tue, 05 May 2015 19:40:15 -0400", 1_430_869_215),
        ] {
            assert_eq!(parse_date(text).ok(), Some(epoch), "{text}");
        }
        for wrong in ["", "yesterday", "02/03/2024", "2024-13-01T00:00:00Z", "12:00"] {
            assert!(parse_date(wrong).is_err(), "{wrong}");
        }
    }
}
