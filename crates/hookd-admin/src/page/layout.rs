//! The frame of all pages, and how single values are shown.

use std::time::Duration;

use hookd_sinks::SinkState;
use hookd_store::{State, Timestamp};
use maud::{DOCTYPE, Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::STYLE_PATH;

/// What differs from page to page, apart from the content.
pub(super) struct Frame<'f> {
    /// The title, without the name of the program.
    pub(super) title: &'f str,
    /// The text in the search box.
    pub(super) search: &'f str,
}

/// A whole page.
pub(super) fn framed(frame: &Frame<'_>, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · hookd" }
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body {
                header {
                    h1 { a href="/" { "hookd" } }
                    form action="/" method="get" role="search" {
                        input type="search" name="q" value=(frame.search) maxlength="200" size="44"
                            aria-label="Delivery id, whole revision, or a part of the reason"
                            placeholder="Delivery id, whole revision, or a part of the reason";
                        button { "Search" }
                    }
                    nav { a href="/sinks" { "Sinks" } a href="/#unverified" { "Unverified" } a href="/#dialects" { "Dialects" } }
                }
                main { (content) }
                footer { "hookd " (env!("CARGO_PKG_VERSION")) " · all times are UTC" }
            }
        }
    }
}

/// A time, in UTC.
pub(super) fn moment(time: Timestamp) -> Markup {
    let exact = jiff::Timestamp::from_microsecond(time.as_micros());
    html! {
        @match exact {
            // Whole seconds are easier to read; the title has the exact time.
            Ok(exact) => time datetime=(exact) title=(exact) { (exact.strftime("%Y-%m-%d %H:%M:%S").to_string()) },
            Err(_) => (time.as_seconds()),
        }
    }
}

/// A state.
pub(super) fn state(state: State) -> Markup {
    html! { span class={ "state " (state.name()) } { (state.name()) } }
}

/// What a sink is doing.
pub(super) fn sink_state(state: SinkState) -> Markup {
    html! { span class={ "state " (state.name()) } { (state.name()) } }
}

/// A sink of this name, as a link to its page.
pub(super) fn sink(name: &str) -> Markup {
    html! { a href=(sink_path(name)) { (name) } }
}

/// The path of the page of a sink.
pub(super) fn sink_path(name: &str) -> String {
    format!("/sinks/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// A form that is only a button: it has a sink do something. Its URL says all, so that no body is read.
pub(super) fn button(path: &str, action: &str, label: &str) -> Markup {
    html! { form method="post" action={ (path) "/" (action) } { button { (label) } } }
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

/// A text that may be missing or empty.
pub(super) fn optional(text: Option<&str>) -> Markup {
    match text {
        Some(text) if !text.is_empty() => html! { (text) },
        _ => none(),
    }
}

/// A dash, for what is missing or empty.
pub(super) fn none() -> Markup {
    html! { span.none { "–" } }
}

/// A text, as a link if it is the address of a web page. Anything else, such as `javascript:…`, stays text.
pub(super) fn address(text: &str) -> Markup {
    if is_page(text) {
        html! { a href=(text) rel="noopener noreferrer" { (text) } }
    } else {
        optional(Some(text))
    }
}

fn is_page(text: &str) -> bool {
    let is_plain = !text.contains(|c: char| c.is_control() || c.is_whitespace());
    let is_web = |scheme: &str| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_plain && text.split_once("://").is_some_and(|(scheme, rest)| is_web(scheme) && !rest.is_empty())
}

/// Links to changes; of many, to the first ones only.
pub(super) fn changes(ids: &[i64]) -> Markup {
    /// How many are links.
    const MAX_LINKS: usize = 8;
    html! {
        @if ids.len() == 1 { "change " } @else if !ids.is_empty() { (ids.len()) " changes: " }
        @for (index, id) in ids.iter().take(MAX_LINKS).enumerate() {
            @if index > 0 { ", " }
            a href={ "/changes/" (id) } { (id) }
        }
        @if ids.len() > MAX_LINKS { ", …" }
    }
}

/// A number of bytes with a unit, such as `300.0 KiB`.
pub(super) fn bytes(count: u64) -> String {
    bytesize::ByteSize(count).display().iec().to_string()
}

/// The row of one field.
pub(super) fn field(name: &str, value: Markup) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_pages_become_links() {
        for page in ["http://example.org", "https://example.org/a?b=c&d", "HTTPS://example.org/ü"] {
            assert!(address(page).into_string().starts_with("<a href="), "{page}");
        }
        for other in [
            "javascript:alert(1)",
            "JaVaScRiPt://example.org/%0aalert(1)",
            " https://example.org",
            "https://exa\nmple.org",
            "java\tscript:alert(1)",
            "data:text/html,<script>",
            "//example.org",
            "https://",
            "ssh://git@example.org/r",
            "",
        ] {
            let shown = address(other).into_string();
            assert!(!shown.contains("<a ") && !shown.contains("<script"), "{other}: {shown}");
        }
        let quoted = address("https://example.org/\"onmouseover=\"x").into_string();
        assert!(quoted.contains("href=\"https://example.org/&quot;onmouseover=&quot;x\""), "{quoted}");
    }

    #[test]
    fn shows_moments_in_utc() {
        let shown = moment(Timestamp::from_micros(1_714_557_600_250_000)).into_string();
        assert!(shown.contains(">2024-05-01 10:00:00<") && shown.contains("2024-05-01T10:00:00.25Z"), "{shown}");
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

    #[test]
    fn of_many_changes_only_the_first_are_links() {
        assert_eq!(changes(&[7]).into_string(), "change <a href=\"/changes/7\">7</a>");
        let many = changes(&(1..=100).collect::<Vec<_>>()).into_string();
        assert!(many.starts_with("100 changes: ") && many.ends_with(", …"), "{many}");
        assert_eq!(many.matches("<a ").count(), 8);
    }
}
