//! Times, relative to when the page was made; the exact ones are shown on hover, and in full on the pages of single records.

use std::time::Duration;

use hookd_store::Timestamp;
use maud::{Markup, html};

/// A time, relative to now.
pub(super) fn moment(time: Timestamp) -> Markup {
    shown(time, Timestamp::now())
}

/// The same, with the exact time beside it.
pub(super) fn exact_moment(time: Timestamp) -> Markup {
    html! {
        (moment(time))
        @if let Some(exact) = exact(time) { span.note { " · " (exact) } }
    }
}

fn shown(time: Timestamp, now: Timestamp) -> Markup {
    let iso = jiff::Timestamp::from_microsecond(time.as_micros());
    html! {
        @match (iso, exact(time)) {
            (Ok(iso), Some(exact)) => time datetime=(iso) title=(exact) { (relative(time, now)) },
            _ => (time.as_seconds()),
        }
    }
}

/// A time of the calendar, in UTC.
pub(super) fn exact(time: Timestamp) -> Option<String> {
    let exact = jiff::Timestamp::from_microsecond(time.as_micros()).ok()?;
    let micros = time.as_micros().rem_euclid(1_000_000);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    Some(format!("{}{fraction} UTC", exact.strftime("%Y-%m-%d %H:%M:%S")))
}

fn relative(time: Timestamp, now: Timestamp) -> String {
    let (past, ahead) = (now.since(time), time.since(now));
    match (past.as_secs(), ahead.as_secs()) {
        (0, 0) => "now".to_owned(),
        (_, 0) => format!("{} ago", largest(past)),
        _ => format!("in {}", largest(ahead)),
    }
}

/// A length of time, in its largest unit.
fn largest(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        172_800..63_072_000 => format!("{} days", seconds / 86_400),
        _ => format!("{} years", seconds / 31_536_000),
    }
}

/// A length of time, in its two largest units: `2 h 5 min`.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: Timestamp = Timestamp::from_micros(1_714_557_600_250_000);

    #[test]
    fn shows_times_relative_to_now_and_the_exact_one_on_hover() {
        for (seconds, expected) in [
            (0, "now"),
            (1, "1 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (3600, "1 h ago"),
            (172_799, "47 h ago"),
            (172_800, "2 days ago"),
            (100_000_000, "3 years ago"),
        ] {
            let length = Duration::from_secs(seconds);
            assert_eq!(relative(THEN, THEN.saturating_add(length)), expected);
            let ahead = expected.strip_suffix(" ago").map_or_else(|| "now".to_owned(), |length| format!("in {length}"));
            assert_eq!(relative(THEN.saturating_add(length), THEN), ahead);
        }
        assert_eq!(
            shown(THEN, THEN.saturating_add(Duration::from_secs(90))).into_string(),
            "<time datetime=\"2024-05-01T10:00:00.25Z\" title=\"2024-05-01 10:00:00.250000 UTC\">1 min ago</time>"
        );
        assert!(exact_moment(THEN).into_string().ends_with(" · 2024-05-01 10:00:00.250000 UTC</span>"));
        // The year 292,277 has no calendar.
        assert_eq!(moment(Timestamp::from_micros(i64::MAX)).into_string(), "9223372036854");
    }

    #[test]
    fn shows_lengths_of_time_in_two_units() {
        for (seconds, shown) in [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7500, "2 h 5 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), shown);
        }
    }
}
