//! Moments as arguments: `2026-11-20T08:00:00Z`, or how long ago: `7d`, `2h`.

use hookd_store::Timestamp;

/// The moment of an argument.
///
/// # Errors
/// What is wrong, and what is possible.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = hookd_core::duration::parse(text) {
        return Ok(Timestamp::now().saturating_sub(ago));
    }
    let moment = text.parse::<jiff::Timestamp>().map_err(|_| {
        format!("bad time `{text}`, expected how long ago (`30m`, `2h`, `7d`) or a time such as `2026-11-20T08:00:00Z`")
    })?;
    Ok(Timestamp::from_micros(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let at = Timestamp::from_micros(1_795_334_400_000_000);
        for text in ["2026-11-22T08:00:00Z", "2026-11-22T09:00:00+01:00", "2026-11-22 08:00:00Z"] {
            assert_eq!(parse(text), Ok(at), "{text}");
        }
        let week = Timestamp::now().since(parse("7d").unwrap());
        let expected = Duration::from_secs(7 * 86_400);
        assert!(week.abs_diff(expected) < Duration::from_secs(60), "{week:?}");
        for text in ["", "yesterday", "2026-11-22", "7", "-7d", "7 x"] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("bad time `{text}`, expected how long ago")), "{error}");
        }
    }
}
