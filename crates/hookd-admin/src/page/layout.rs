//! The frame of all pages, and how single values are shown.

use hookd_store::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::root::Root;
use super::text::text;
use super::time::exact;
use super::{STYLE_PATH, text};

/// What differs from page to page, apart from the content.
pub(super) struct Frame<'f> {
    /// The way to the first page.
    pub(super) root: Root,
    /// The title, without the name of the program.
    pub(super) title: &'f str,
    /// The text in the search box.
    pub(super) search: &'f str,
}

/// The form that searches; other fields of the first page belong to it as well.
pub(super) const SEARCH_FORM: &str = "search";

/// A whole page. Where the store is shared, there is one about those that share it.
pub(super) fn framed(frame: &Frame<'_>, is_shared: bool, banner: &Markup, content: Markup) -> Markup {
    let Frame { root, title, search } = frame;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · hookd" }
                link rel="stylesheet" href=(root.to(STYLE_PATH));
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    div.bar {
                        a.name href=(root.to("")) { "hookd" }
                        form id=(SEARCH_FORM) action=(root.to("")) method="get" role="search" {
                            input type="search" name="q" value=(text::plain(search)) maxlength="200"
                                aria-label="Search deliveries" placeholder="Search deliveries";
                            button { "Search" }
                        }
                        nav aria-label="Pages" {
                            a href=(root.to("")) { "Deliveries" }
                            a href=(root.to("sinks")) { "Sinks" }
                            a href=(root.to("pollers")) { "Pollers" }
                            @if is_shared { a href=(root.to("replicas")) { "Replicas" } }
                            a href=(root.to("unverified")) { "Unverified" }
                            a href=(root.to("#dialects")) { "Dialects" }
                        }
                    }
                }
                (banner)
                main id="content" { (content) }
                footer {
                    "hookd " (env!("CARGO_PKG_VERSION"))
                    @if let Some(now) = exact(whole_second()) { " · as of " (now) }
                }
            }
        }
    }
}

/// Now, in whole seconds.
fn whole_second() -> Timestamp {
    Timestamp::from_micros(Timestamp::now().as_seconds().saturating_mul(1_000_000))
}

/// A state of a delivery, a sink or a poller, by its name.
pub(super) fn state(name: &'static str) -> Markup {
    html! { span class={ "state " (name) } { (name) } }
}

/// A sink of this name, as a link to its page.
pub(super) fn sink(root: Root, name: &str) -> Markup {
    html! { a href=(root.sink(name)) { (text(name)) } }
}

/// A form that is only a button: it has a sink or a poller do something. Its URL says all, so that no body is read.
pub(super) fn button(path: &str, action: &str, label: &str) -> Markup {
    html! { form method="post" action={ (path) "/" (action) } { button { (text(label)) } } }
}

/// A text that may be missing or empty.
pub(super) fn optional(value: Option<&str>) -> Markup {
    match value {
        Some(value) if !value.is_empty() => text(value),
        _ => none(),
    }
}

/// A dash, for what is missing or empty.
pub(super) fn none() -> Markup {
    html! { span.none { "–" } }
}

/// A text, as a link if it is the address of a web page. Anything else, such as `javascript:…`, stays text.
pub(super) fn address(value: &str) -> Markup {
    if is_page(value) {
        html! { a href=(value) rel="noopener noreferrer" { (text(value)) } }
    } else {
        optional(Some(value))
    }
}

fn is_page(text: &str) -> bool {
    let is_plain = !text.contains(|c: char| c.is_control() || c.is_whitespace());
    let is_web = |scheme: &str| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_plain && text.split_once("://").is_some_and(|(scheme, rest)| is_web(scheme) && !rest.is_empty())
}

/// Links to changes; of many, to the first ones only.
pub(super) fn changes(root: Root, ids: &[i64]) -> Markup {
    /// How many are links.
    const MAX_LINKS: usize = 8;
    html! {
        @if ids.len() == 1 { "change " } @else if !ids.is_empty() { (ids.len()) " changes: " }
        @for (index, id) in ids.iter().take(MAX_LINKS).enumerate() {
            @if index > 0 { ", " }
            a href=(root.change(*id)) { (id) }
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
    html! { tr { th scope="row" { (text(name)) } td { (value) } } }
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
        let turned = address("https://example.org/\u{202e}gro.live").into_string();
        assert!(turned.ends_with(">https://example.org/<i>U+202E</i>gro.live</a>"), "{turned}");
    }

    #[test]
    fn of_many_changes_only_the_first_are_links() {
        assert_eq!(changes(Root::TOP, &[7]).into_string(), "change <a href=\"./changes/7\">7</a>");
        let many = changes(Root::RECORD, &(1..=100).collect::<Vec<_>>()).into_string();
        assert!(many.starts_with("100 changes: ") && many.ends_with(", …"), "{many}");
        assert_eq!(many.matches("<a href=\"../changes/").count(), 8);
    }
}
