//! Laws of searching: what is found, by what, and in which order.

use hookd_core::{Change, Subject};

use super::samples::{NOTHING, PENDING, accepted, append, change, complete, delivery, identified, ignored};
use super::{Open, reopened};
use crate::{NewDelivery, NewState, Search, SharedStore, State};

/// The numbers of what a search finds.
fn found(store: &SharedStore, search: &Search) -> Vec<i64> {
    store.reader().search(search, 100).unwrap().iter().map(|delivery| delivery.deliveryid).collect()
}

fn words(text: &str) -> Search {
    Search { words: text.split_whitespace().map(str::to_owned).collect(), ..Search::default() }
}

const HASH: &str = "c0FFee14bb761a232cd80139fbd4c0d33264240a";
const UUID: &str = "72D3162e-cc78-11e3-81ab-4c9367dc0958";

fn tea() -> Change {
    Change {
        author: "Ada Lovelace <ada@example.org>".to_owned(),
        branch: Some("feature/Earl-Grey".to_owned()),
        category: Some("tag".to_owned()),
        codebase: "kettle".to_owned(),
        project: "octo/tea".to_owned(),
        repository: "https://git.example.org/octo/tea".to_owned(),
        revision: Some(HASH.to_owned()),
        ..Change::default()
    }
}

/// Two of a repository, one that is ignored, one that is refused.
fn fill(store: &SharedStore) {
    let pot = Change { author: "Ben Ümlaut".to_owned(), branch: None, ..change("r17") };
    append(store, identified(UUID, "1", NewState::Accepted(vec![change("a1"), tea()])));
    let of_base = NewDelivery { dialect: "base".to_owned(), event: None, ..identified("Tea 7", "2", accepted("a2")) };
    append(store, of_base);
    append(store, delivery("3", NewState::Ignored("pull request action \"labeled\" is not built".to_owned())));
    append(store, identified("99", "4", NewState::Refused("`ref` is missing".to_owned())));
    append(store, identified("72d30000-0000-0000-0000-000000000000", "5", NewState::Accepted(vec![pot])));
}

/// Whatever the case of letters; ids by their beginnings, all else by any part.
pub fn a_search_finds_all_words_in_a_delivery_and_its_changes(open: Open<'_>) {
    let store = open();
    fill(&store);
    let long = "b".repeat(5000);
    append(&store, delivery("6", NewState::Accepted(vec![Change { branch: Some(long.clone()), ..change("x") }])));
    for (text, ids) in [
        ("C0FF", vec![1]),
        ("c0ffee14bb761a232c", vec![1]),
        (HASH, vec![1]),
        ("c0f", vec![]),
        ("c0ffee15", vec![]),
        ("c0ffee14bb761a232cd8013afbd4", vec![]),
        ("0ffee14b", vec![]),
        (UUID, vec![1]),
        ("72d3162E", vec![1]),
        ("72d3162e-cc78-11", vec![1]),
        ("72d3", vec![5, 1]),
        ("72d3162ecc", vec![]),
        ("1", vec![1]),
        ("5", vec![5]),
        ("99", vec![4]),
        ("EARL", vec![1]),
        ("feature/earl-grey", vec![1]),
        ("lovelace", vec![1]),
        ("ADA@", vec![1]),
        ("ümlaut", vec![5]),
        ("ÜMLAUT", vec![5]),
        ("octo/tea", vec![1]),
        ("git.example.org", vec![1]),
        ("kettle", vec![1]),
        ("base", vec![2]),
        ("tea", vec![1]),
        ("tea ada GREY", vec![1]),
        ("tea 7", vec![]),
        ("tea ümlaut", vec![]),
        ("labeled\" is", vec![3]),
        ("missing `ref`", vec![4]),
        ("r17", vec![5]),
        ("R17", vec![5]),
        ("a1 c0ffee", vec![1]),
        ("a1 a2", vec![]),
        ("main", vec![2, 1]),
        ("push github main", vec![1]),
        ("nothing-of-the-kind", vec![]),
        ("%", vec![]),
        (&long, vec![6]),
        (&format!("{long}c"), vec![]),
    ] {
        assert_eq!(found(&store, &words(text)), ids, "{text}");
    }
    assert_eq!(found(&store, &Search { words: vec!["tea 7".to_owned()], ..Search::default() }), [2], "an odd id");
}

/// Each alone, and together with words.
pub fn a_search_is_narrowed_by_state_dialect_event_and_repository(open: Open<'_>) {
    let store = open();
    fill(&store);
    append(&store, delivery("6", PENDING));
    let state = |states: &[State]| Search { states: states.to_vec(), ..Search::default() };
    let dialect = |name: &str| Search { dialect: Some(name.to_owned()), ..Search::default() };
    let event = |name: &str| Search { event: Some(name.to_owned()), ..Search::default() };
    let repository = |name: &str| Search { repository: Some(name.to_owned()), ..Search::default() };
    for (search, ids) in [
        (state(&[State::Accepted]), vec![5, 2, 1]),
        (state(&[State::Pending]), vec![6]),
        (state(&[State::Refused, State::Ignored]), vec![4, 3]),
        (dialect("base"), vec![2]),
        (dialect("GitHub"), vec![6, 5, 4, 3, 1]),
        (dialect("git"), vec![]),
        (event("push"), vec![6, 5, 4, 3, 1]),
        (event("pus"), vec![]),
        (repository("https://git.example.org/octo/tea"), vec![1]),
        (repository("OCTO/tea.git"), vec![1]),
        (repository("ea"), vec![]),
        (Search { repository: Some("tea".to_owned()), ..state(&[State::Accepted]) }, vec![1]),
        (Search { repository: Some("tea".to_owned()), ..state(&[State::Refused]) }, vec![]),
        (Search { words: vec!["ref".to_owned()], ..state(&[State::Refused]) }, vec![4]),
        (Search { words: vec!["ada".to_owned()], dialect: Some("github".to_owned()), ..event("push") }, vec![1]),
        (Search { words: vec!["ada".to_owned()], dialect: Some("base".to_owned()), ..Search::default() }, vec![]),
    ] {
        assert_eq!(found(&store, &search), ids, "{search:?}");
    }
}

/// Its state and reason are those of the moment.
pub fn a_pending_delivery_is_found_by_what_it_is_about_and_then_by_what_it_produced(open: Open<'_>) {
    let store = open();
    let about = Subject::of(&tea());
    append(&store, delivery("1", NewState::Pending { reported_changes: 1, about }));
    append(&store, delivery("2", NewState::Pending { reported_changes: 1, about: NOTHING }));
    append(&store, delivery("3", accepted("r")));
    let of_tea = Search { repository: Some("octo/tea".to_owned()), ..Search::default() };
    let state = |state: State| Search { states: vec![state], ..Search::default() };
    for search in [words("earl"), words("c0ffee"), words("OCTO/TEA push"), of_tea.clone()] {
        assert_eq!(found(&store, &search), [1], "{search:?}");
    }
    assert_eq!(found(&store, &state(State::Pending)), [2, 1]);
    assert!(complete(&store, 1, NewState::Accepted(vec![Change { branch: Some("other".to_owned()), ..tea() }])));
    assert!(complete(&store, 2, NewState::Ignored("head commit matches the skip pattern".to_owned())));
    let store = reopened(store, open);
    for (search, ids) in [
        (words("earl"), vec![]),
        (words("OTHER c0ffee push"), vec![1]),
        (of_tea, vec![1]),
        (words("skip"), vec![2]),
        (state(State::Pending), vec![]),
        (state(State::Accepted), vec![3, 1]),
        (state(State::Ignored), vec![2]),
        (Search { repository: Some("tea".to_owned()), ..state(State::Accepted) }, vec![1]),
    ] {
        assert_eq!(found(&store, &search), ids, "{search:?}");
    }
}

/// However many there are.
pub fn the_newest_come_first_and_pages_go_on_before_a_number(open: Open<'_>) {
    let store = open();
    for number in 0..60 {
        append(&store, delivery(&number.to_string(), if number % 3 == 0 { ignored() } else { accepted("r") }));
    }
    let page = |before: Option<i64>, most: usize| {
        let search = Search { before, ..words("main") };
        store.reader().search(&search, most).unwrap().iter().map(|delivery| delivery.deliveryid).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 3), [60, 59, 57]);
    assert_eq!(page(Some(57), 3), [56, 54, 53]);
    assert_eq!(page(Some(4), 9), [3, 2]);
    assert_eq!((page(Some(2), 9), page(Some(i64::MIN), 9), page(None, 0)), (vec![], vec![], vec![]));
    assert_eq!(page(Some(i64::MAX), 100).len(), 40);
}

/// And is not found twice, nor what came afterwards forgotten.
pub fn what_was_stored_before_reopening_is_found(open: Open<'_>) {
    let mut store = open();
    for round in 1..=4 {
        append(&store, delivery(&round.to_string(), accepted(&format!("r{round}"))));
        assert_eq!(found(&store, &words("main")), (1..=round).rev().collect::<Vec<_>>());
        store = reopened(store, open);
        assert_eq!(found(&store, &words("main")), (1..=round).rev().collect::<Vec<_>>());
        assert_eq!(found(&store, &words(&format!("r{round}"))), [round]);
    }
}
