//! The contract of a store as tests, which every store passes.
//!
//! Each law is a function that takes an opener: a closure that opens the store under test, the same one on every call.
//! A law closes and drops the store before it opens it again. A store's `tests/contract.rs` makes a test of each law
//! with [`contract_tests!`](crate::contract_tests):
//!
//! ```
//! use std::sync::Arc;
//!
//! use hookd_store::{MemoryStore, SharedStore};
//!
//! /// An opener of a new store.
//! fn opener() -> impl FnMut() -> SharedStore {
//!     let mut store = Arc::new(MemoryStore::new());
//!     move || {
//!         store = Arc::new(store.reopen());
//!         Arc::<MemoryStore>::clone(&store)
//!     }
//! }
//!
//! hookd_store::contract_tests!(opener());
//! ```
//!
//! The suite allows for a store that expires whole transactions and keeps the newest one, but expects that deliveries
//! which are appended and awaited one by one are transactions of their own.

#![allow(clippy::unwrap_used, reason = "these are tests")]

pub mod appending;
pub mod browsing;
pub mod clocks;
pub mod concurrency;
pub mod cursors;
pub mod duplicates;
pub mod expiry;
pub mod leads;
pub mod model;
pub mod pending;
pub mod positions;
pub mod reading_on;
mod samples;
pub mod searching;
pub mod settlements;

use crate::SharedStore;

/// Opens the store under test.
pub type Open<'o> = &'o mut dyn FnMut() -> SharedStore;

/// Closes a store and opens it again.
fn reopened(store: SharedStore, open: Open<'_>) -> SharedStore {
    store.close();
    drop(store);
    open()
}

/// Makes a `#[test]` of every law of the [contract](crate::contract), in a module for each group of laws. The argument
/// is an expression that returns an opener of a new store; it is evaluated once for each test. With `, ignore = "REASON"` behind
/// it the tests run only where they are asked for: those of a store that needs a server.
#[macro_export]
macro_rules! contract_tests {
    (@each $then:ident [$($argument:tt)*]) => {
        $crate::contract_tests! { @$then [$($argument)*]
            appending {
                numbers_follow_the_order_of_commits_without_gaps,
                a_delivery_is_there_whole_once_it_is_acknowledged,
                acknowledged_writes_survive_reopening,
                a_request_is_kept_byte_for_byte,
                a_delivery_may_come_without_a_request,
                closing_commits_what_is_queued_and_takes_no_more,
                an_invalid_delivery_is_refused_alone,
                a_probe_takes_no_number,
                a_delivery_keeps_where_it_came_from,
            }
            duplicates {
                a_duplicate_gets_the_first_receipt,
                what_made_no_change_is_stored_when_it_comes_again,
                whatever_differs_that_is_read_makes_another_delivery,
                duplicates_that_are_queued_together_are_found,
                what_is_not_read_makes_no_other_delivery,
                a_duplicate_gets_the_receipt_from_before_the_completion,
                what_was_completed_without_a_change_is_stored_when_it_comes_again,
                without_a_request_the_forge_id_decides,
                a_replay_is_stored_once_for_each_request,
            }
            positions {
                a_first_poll_that_finds_nothing_is_remembered,
                positions_move_by_key,
                a_second_poller_is_refused_with_its_changes,
                a_second_poller_is_refused_where_both_are_queued,
                the_last_change_is_remembered,
                a_forgotten_poller_begins_anew,
                an_invalid_move_of_positions_is_refused,
            }
            pending {
                the_calls_of_a_completion_are_kept,
                a_pending_delivery_is_completed_once,
                pending_deliveries_come_in_the_order_of_their_numbers,
                a_postponed_delivery_continues_from_there_after_reopening,
                people_see_what_a_pending_delivery_is_about,
                a_completion_without_changes_gives_the_reason,
                what_is_not_pending_is_neither_completed_nor_postponed,
                an_invalid_completion_is_refused_alone,
                changes_of_a_completion_come_after_all_that_were_committed_before,
            }
            reading_on {
                reads_on_from_anywhere_in_order,
                reads_changes_whole,
                gives_at_most_as_many_as_asked_for,
                reads_on_after_what_has_expired,
                the_tail_wakes_readers,
                the_tail_survives_reopening_and_expiry,
            }
            cursors {
                a_cursor_moves_by_compare_and_set,
                a_conflict_shows_what_is_there,
                a_version_is_not_given_twice,
                moves_of_one_call_take_place_in_order,
                an_invalid_move_moves_none,
                an_invalid_move_does_not_harm_other_writes,
                a_cursor_holds_as_much_as_the_contract_says,
                cursors_survive_reopening,
                a_position_goes_back_as_far_as_changes_are_kept,
                a_cursor_whose_next_changes_have_expired_may_stay_where_it_is,
            }
            leads {
                whoever_is_alone_leads_what_it_asks_for,
                a_lead_that_was_given_up_is_free,
            }
            settlements {
                a_move_brings_settlements_that_survive_reopening,
                a_conflict_settles_nothing,
                a_later_settlement_replaces_the_earlier_one,
                a_settlement_is_replaced_by_one_of_any_kind,
                changes_may_be_settled_in_any_order,
                settlements_of_one_kind_are_read_in_pages,
                a_removed_cursor_takes_its_settlements_along,
                settlements_expire_with_their_changes,
                settlements_expire_up_to_the_first_change_that_is_kept,
                an_answer_that_is_too_large_is_invalid,
            }
            expiry {
                nothing_expires_by_default,
                requests_expire_before_their_deliveries,
                deliveries_and_changes_expire_from_the_oldest_on,
                a_pending_delivery_and_all_after_it_stay,
                expiry_takes_steps_until_nothing_is_left,
                changes_that_a_cursor_has_not_passed_stay,
                changes_done_beyond_the_position_expire_up_to_the_first_not_done,
                a_removed_cursor_keeps_nothing,
                requests_expire_regardless_of_cursors,
                numbers_are_not_given_again,
                a_duplicate_is_known_as_long_as_its_delivery_is_kept,
            }
            clocks {
                numbers_give_the_order_when_the_clock_is_set_back,
                nothing_expires_early_when_the_clock_was_behind_for_a_while,
                what_is_dated_in_the_future_expires_with_what_came_after_it,
                nothing_expires_while_everything_is_dated_in_the_future,
            }
            browsing {
                what_is_not_there_is_none,
                a_change_knows_the_last_of_its_line,
                filters_changes,
                finds_beginnings,
                filters_deliveries,
                orders_and_pages,
                totals_count_all_that_match,
                pending_deliveries_are_found_in_their_new_state,
            }
            searching {
                a_search_finds_all_words_in_a_delivery_and_its_changes,
                a_search_is_narrowed_by_state_dialect_event_and_repository,
                a_pending_delivery_is_found_by_what_it_is_about_and_then_by_what_it_produced,
                the_newest_come_first_and_pages_go_on_before_a_number,
                what_was_stored_before_reopening_is_found,
            }
            concurrency {
                readers_never_see_a_smaller_number_appear,
                the_same_delivery_from_many_senders_is_stored_once,
                of_moves_from_the_same_version_one_wins,
            }
        }
    };
    (@tests [$opener:expr; $why:tt] $($group:ident { $($law:ident,)+ })+) => {
        $(mod $group {
            #[allow(unused_imports)]
            use super::*;

            $($crate::contract_tests! { @test [$opener; $why] $group $law })+
        })+
    };
    (@names [] $($group:ident { $($law:ident,)+ })+) => {
        [$((stringify!($group), &[$(stringify!($law)),+] as &[&str])),+]
    };
    (@test [$opener:expr; ()] $group:ident $law:ident) => {
        #[test]
        fn $law() {
            $crate::contract::$group::$law(&mut $opener);
        }
    };
    (@test [$opener:expr; ($why:literal)] $group:ident $law:ident) => {
        #[test]
        #[ignore = $why]
        fn $law() {
            $crate::contract::$group::$law(&mut $opener);
        }
    };
    ($opener:expr, ignore = $why:literal) => {
        $crate::contract_tests! { @each tests [$opener; ($why)] }
    };
    ($opener:expr) => {
        $crate::contract_tests! { @each tests [$opener; ()] }
    };
}

#[cfg(test)]
mod tests {
    /// A law that is missing from the list above would never be tested.
    #[test]
    fn every_law_is_listed() {
        let sources = [
            ("appending", include_str!("contract/appending.rs")),
            ("duplicates", include_str!("contract/duplicates.rs")),
            ("positions", include_str!("contract/positions.rs")),
            ("pending", include_str!("contract/pending.rs")),
            ("reading_on", include_str!("contract/reading_on.rs")),
            ("cursors", include_str!("contract/cursors.rs")),
            ("leads", include_str!("contract/leads.rs")),
            ("settlements", include_str!("contract/settlements.rs")),
            ("expiry", include_str!("contract/expiry.rs")),
            ("clocks", include_str!("contract/clocks.rs")),
            ("browsing", include_str!("contract/browsing.rs")),
            ("searching", include_str!("contract/searching.rs")),
            ("concurrency", include_str!("contract/concurrency.rs")),
        ];
        let listed = crate::contract_tests! { @each names [] };
        assert_eq!(listed.map(|(group, _)| group), sources.map(|(group, _)| group));
        for ((group, listed), (_, source)) in listed.into_iter().zip(sources) {
            let functions = source.lines().filter_map(|line| line.strip_prefix("pub fn ")?.split_once('('));
            assert_eq!(functions.map(|(name, _)| name).collect::<Vec<_>>(), listed, "{group}");
        }
    }
}
