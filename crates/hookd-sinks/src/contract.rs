//! The contract of a type of sink as tests, which every type passes, also one of another crate.
//!
//! A test brings the [`Peer`]: the other side, which follows the test's script, and the sinks that deliver to it. Each law is
//! a function that panics where a sink breaks it; [`contract_tests!`](crate::contract_tests) makes a test of each. They
//! look at the sink by itself, and at what arrives while the [engine](crate::Engine) serves it:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use futures_util::future::BoxFuture;
//! use hookd_sinks::contract::{Behaviour, Peer};
//! use hookd_sinks::{Attempt, Sink};
//! use hookd_store::LoggedChange;
//!
//! /// A list that takes everything, and cannot be asked what it has.
//! #[derive(Clone, Default)]
//! struct List(Arc<Mutex<Vec<String>>>);
//!
//! impl Sink for List {
//!     fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
//!         Box::pin(async {
//!             self.0.lock().unwrap().push(change.hookd_id.clone());
//!             Attempt::delivered("appended")
//!         })
//!     }
//!
//!     fn destination(&self) -> String {
//!         "a list".to_owned()
//!     }
//! }
//!
//! impl Peer for List {
//!     fn sink(&self) -> Box<dyn Sink> {
//!         Box::new(self.clone())
//!     }
//!
//!     fn behave(&self, behaviour: &Behaviour) -> bool {
//!         matches!(behaviour, Behaviour::Take)
//!     }
//!
//!     fn arrived(&self) -> Vec<String> {
//!         self.0.lock().unwrap().clone()
//!     }
//! }
//!
//! hookd_sinks::contract_tests!(List::default());
//! ```

#![allow(clippy::unwrap_used, reason = "these are tests")]

pub mod arrival;
pub mod asking;
mod served;
pub mod verdicts;

use crate::Sink;

/// The other side of a sink under test.
pub trait Peer {
    /// A sink that delivers here, made with the same options each time: as after a restart.
    fn sink(&self) -> Box<dyn Sink>;

    /// Behaves so from now on. `false` where the other side has no way to behave so, as a file never refuses a change: then
    /// it stays as it is, and the laws leave that out.
    fn behave(&self, behaviour: &Behaviour) -> bool;

    /// The `hookd_id` of each change that has arrived, in the order of arrival, repeats included.
    fn arrived(&self) -> Vec<String>;
}

/// How the other side behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It takes every change. Each peer can do that, and begins so.
    Take,
    /// It takes none at this moment: it is down, overloaded, or full.
    TakeNone,
    /// It will never take the change with this `hookd_id`, and takes all others.
    Refuse(String),
    /// Here or there something is configured wrongly, so that it takes none.
    Misconfigured,
    /// It takes every change, and the answers are lost.
    TakeSilently,
}

/// Makes a `#[test]` of every law of the [contract](crate::contract), in a module for each group of laws. The argument is
/// an expression that returns a new [`Peer`](crate::contract::Peer); it is evaluated once for each test. With
/// `, ignore = "REASON"` behind it the tests run only where they are asked for: those of a sink that needs a server.
#[macro_export]
macro_rules! contract_tests {
    (@each $then:ident [$($argument:tt)*]) => {
        $crate::contract_tests! { @$then [$($argument)*]
            verdicts {
                describes_where_changes_go,
                a_change_that_is_taken_has_arrived,
                a_moment_at_which_nothing_is_taken_passes,
                a_change_that_is_refused_is_its_own_fault,
                a_wrong_configuration_is_the_fault_of_no_change,
                a_lost_answer_leaves_open_whether_the_change_has_arrived,
                changes_of_a_batch_are_delivered_up_to_the_first_that_fails,
            }
            asking {
                a_sink_either_can_tell_what_it_has_or_says_that_it_cannot,
                what_has_arrived_without_an_answer_is_found,
            }
            arrival {
                changes_arrive_once_in_the_order_of_the_log,
                changes_arrive_once_in_the_order_of_their_branch,
                what_is_not_taken_arrives_later,
                a_refused_change_holds_up_no_other,
                a_sink_that_was_stopped_continues_where_it_was,
                a_crash_repeats_nothing_where_the_sink_can_tell,
                lost_answers_repeat_nothing_where_the_sink_can_tell,
            }
        }
    };
    (@tests $arguments:tt $($group:ident { $($law:ident,)+ })+) => {
        $(mod $group {
            #[allow(unused_imports)]
            use super::*;

            $($crate::contract_tests! { @test $arguments $group $law })+
        })+
    };
    (@test [$peer:expr; ()] $group:ident $law:ident) => {
        #[test]
        fn $law() {
            $crate::contract::$group::$law(&$peer);
        }
    };
    (@test [$peer:expr; ($why:literal)] $group:ident $law:ident) => {
        #[test]
        #[ignore = $why]
        fn $law() {
            $crate::contract::$group::$law(&$peer);
        }
    };
    (@names [] $($group:ident { $($law:ident,)+ })+) => {
        [$((stringify!($group), &[$(stringify!($law)),+] as &[&str])),+]
    };
    ($peer:expr, ignore = $why:literal) => {
        $crate::contract_tests! { @each tests [$peer; ($why)] }
    };
    ($peer:expr) => {
        $crate::contract_tests! { @each tests [$peer; ()] }
    };
}

#[cfg(test)]
mod tests {
    /// A law that is missing from the list above would never be tested.
    #[test]
    fn every_law_is_listed() {
        let sources = [
            ("verdicts", include_str!("contract/verdicts.rs")),
            ("asking", include_str!("contract/asking.rs")),
            ("arrival", include_str!("contract/arrival.rs")),
        ];
        let listed = crate::contract_tests! { @each names [] };
        assert_eq!(listed.map(|(group, _)| group), sources.map(|(group, _)| group));
        for ((group, listed), (_, source)) in listed.into_iter().zip(sources) {
            let functions = source.lines().filter_map(|line| line.strip_prefix("pub fn ")?.split_once('('));
            assert_eq!(functions.map(|(name, _)| name).collect::<Vec<_>>(), listed, "{group}");
        }
    }
}
