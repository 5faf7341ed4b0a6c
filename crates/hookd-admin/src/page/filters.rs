//! The filters of the list: the fields of the form, and links that keep or change them.

use hookd_store::State;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::find::Asked;
use super::layout::SEARCH_FORM;
use super::root::Root;
use super::text::{apart, plain};

impl Asked {
    /// A link to the list that this asks for.
    pub(super) fn link(&self, root: Root) -> String {
        let Self { text, states, dialect, event, repository, before } = self;
        let given = |name: &str, value: &Option<String>| {
            value.as_deref().map(|value| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        };
        let texts =
            [given("q", text), given("dialect", dialect), given("event", event), given("repository", repository)];
        let states = states.iter().map(|state| format!("state={}", state.name()));
        let before = before.map(|id| format!("before={id}"));
        let parameters: Vec<String> = texts.into_iter().flatten().chain(states).chain(before).collect();
        if parameters.is_empty() { root.to("") } else { root.to(&format!("?{}", parameters.join("&"))) }
    }
}

/// What is asked for, as half a sentence behind “Deliveries”.
pub(super) fn summary(asked: &Asked) -> Markup {
    let Asked { text, states, dialect, event, repository, before } = asked;
    let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
    html! {
        @if !names.is_empty() { " " (names.join(" or ")) }
        @if let Some(text) = text { " that match “" (apart(text)) "”" }
        @if let Some(dialect) = dialect { " of the dialect " (apart(dialect)) }
        @if let Some(event) = event { " with the event " (apart(event)) }
        @if let Some(repository) = repository { " of " (apart(repository)) }
        @if let Some(before) = before { " before " (before) }
    }
}

/// The fields beside the search box, which belong to its form. The dialects are those that are served.
pub(super) fn fields<'d>(asked: &Asked, dialects: impl Iterator<Item = &'d str>) -> Markup {
    let mut dialects: Vec<&str> = dialects.collect();
    // One that is asked for may no longer be served.
    if let Some(dialect) = asked.dialect.as_deref().filter(|asked| !dialects.contains(asked)) {
        dialects.push(dialect);
    }
    let value = |value: &Option<String>| plain(value.as_deref().unwrap_or_default());
    html! {
        div.filters {
            fieldset {
                legend { "State" }
                @for state in State::ALL {
                    label.check {
                        input type="checkbox" name="state" value=(state.name()) form=(SEARCH_FORM)
                            checked[asked.states.contains(&state)];
                        (state.name())
                    }
                }
            }
            label {
                "Dialect"
                select name="dialect" form=(SEARCH_FORM) {
                    option value="" { "any" }
                    @for dialect in dialects {
                        option value=(plain(dialect)) selected[asked.dialect.as_deref() == Some(dialect)] { (plain(dialect)) }
                    }
                }
            }
            label { "Event" input name="event" form=(SEARCH_FORM) maxlength="200" value=(value(&asked.event)) placeholder="push"; }
            label {
                "Repository"
                input name="repository" form=(SEARCH_FORM) maxlength="1000" value=(value(&asked.repository)) placeholder="octo/tea";
            }
            button form=(SEARCH_FORM) { "Filter" }
            @if !asked.is_all() { a href=(Root::TOP.to("")) { "Clear" } }
        }
        p.note id="search-help" {
            "A search finds the deliveries that have all of its words, whatever the case: any part of a repository, branch, "
            "author, project, event, dialect or reason; the beginning of a commit’s hash or of the forge’s id, from four "
            "characters on; or the number of a delivery."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_all_that_is_asked_for() {
        let query = "q=a%26b+%C3%BC&state=refused&state=pending&dialect=github&event=push&repository=https%3A%2F%2Fx%2Fr&before=7";
        let asked = Asked::parse(query).unwrap();
        assert_eq!(asked.states, [State::Pending, State::Refused]);
        let link = asked.link(Root::TOP);
        assert_eq!(Asked::parse(link.strip_prefix("./?").unwrap()).unwrap(), asked);
        assert_eq!(Asked::default().link(Root::RECORD), "../");
        assert_eq!(Asked::parse("q=&state=&dialect=&event=+&repository=&before=").unwrap(), Asked::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_possible() {
        let wrong = Asked::parse("state=lost").unwrap_err();
        assert_eq!(wrong, "no such state `lost`, expected one of `pending`, `accepted`, `ignored`, `refused`");
        assert!(Asked::parse(&format!("q={}", "a+".repeat(17))).unwrap_err().contains("more than 16 words"));
        assert!(Asked::parse("before=x").is_err());
    }
}
