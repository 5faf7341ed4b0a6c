//! Several hookds with one database.

#![allow(clippy::unwrap_used)]

mod server;

mod postgres {
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};

    use hookd_core::{Change, Subject};
    use hookd_store::{
        CursorMove, CursorPlace, Lead, Leadership, Log as _, Moved, NewDelivery, NewState, Origin, Part, Store as _,
        Timestamp,
    };
    use hookd_store_postgres::{Options, PostgresStore};
    use hookd_tests::until;

    use super::server;

    /// Two stores in one database, whose leases are short.
    fn two() -> (PostgresStore, PostgresStore, Options) {
        let options = Options { lease: Duration::from_secs(1), ..server::new_database() };
        (PostgresStore::open(options.clone()).unwrap(), PostgresStore::open(options.clone()).unwrap(), options)
    }

    fn delivery(forge_id: &str, state: NewState) -> NewDelivery {
        NewDelivery {
            received_at: Timestamp::now(),
            dialect: "github".to_owned(),
            event: None,
            forge_id: Some(forge_id.to_owned()),
            deduplicate: true,
            origin: Origin::NONE,
            replay: None,
            positions: None,
            note: None,
            request: None,
            state,
        }
    }

    fn push(forge_id: &str) -> NewDelivery {
        delivery(
            forge_id,
            NewState::Accepted(vec![Change { revision: Some(forge_id.to_owned()), ..Change::default() }]),
        )
    }

    fn pending(forge_id: &str, repository: &str) -> NewDelivery {
        let about = Subject { repository: repository.to_owned(), ..Subject::default() };
        delivery(forge_id, NewState::Pending { reported_changes: 1, about })
    }

    fn gained(leadership: &Leadership) -> Lead {
        until("it leads", || leadership.current())
    }

    fn sink() -> Part {
        Part::Sink("master".to_owned())
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn numbers_have_no_gaps_and_each_sees_what_the_other_has_stored() {
        let (one, other, _) = two();
        thread::scope(|scope| {
            for (name, store) in [("a", &one), ("b", &other)] {
                scope.spawn(move || {
                    let replies: Vec<_> =
                        (0..200).map(|number| store.append(push(&format!("{name}{number}")))).collect();
                    replies.into_iter().for_each(|reply| drop(reply.wait().unwrap()));
                });
            }
        });
        for store in [&one, &other] {
            until("the tail follows", || (*store.tail().borrow() == 400).then_some(()));
            let read: Vec<i64> = store.read_on(0, 1000).unwrap().iter().map(|change| change.changeid).collect();
            assert_eq!(read, (1..=400).collect::<Vec<_>>());
        }
    }

    /// A thousand times.
    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn the_same_delivery_at_both_at_once_is_stored_once() {
        let (one, other, _) = two();
        let mut duplicates = 0;
        for number in 0..1000 {
            let forge_id = number.to_string();
            let replies = [one.append(push(&forge_id)), other.append(push(&forge_id))];
            let [first, second] = replies.map(|reply| reply.wait().unwrap());
            assert_eq!(first.deliveryid, second.deliveryid, "{number}");
            assert_ne!(first.is_duplicate, second.is_duplicate, "{number}");
            duplicates += usize::from(first.is_duplicate);
        }
        assert_eq!(one.read_on(0, 2000).unwrap().len(), 1000);
        println!("the second one was first {duplicates} times of 1000");
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn one_leads_until_it_ends_and_then_the_other_at_once() {
        let (one, other, _) = two();
        let first = one.lead(sink());
        let epoch = gained(&first).epoch;
        let second = other.lead(sink());
        let expiry = other.lead(Part::Expiry);
        gained(&expiry);
        assert_eq!(second.current(), None);
        let replicas = one.reader().replicas().unwrap();
        let shown: Vec<_> = replicas.iter().map(|one| (one.is_this, one.is_alive, one.leads.join(","))).collect();
        assert_eq!(shown, [(true, true, "sink master".to_owned()), (false, true, "expiry".to_owned())]);
        let begun = Instant::now();
        drop((first, one));
        assert_eq!(gained(&second).epoch, epoch + 1);
        assert!(begun.elapsed() < Duration::from_millis(800), "it did not wait for the lease: {:?}", begun.elapsed());
        assert_eq!(other.reader().replicas().unwrap().len(), 1);
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_cursor_does_not_move_under_an_old_epoch() {
        let (one, other, options) = two();
        one.append(push("1")).wait().unwrap();
        let first = one.lead(sink());
        let old = gained(&first).epoch;
        let move_to = |store: &PostgresStore, epoch, expected, position| {
            let to = CursorPlace { position, ..CursorPlace::default() };
            let moved = CursorMove {
                name: "master".to_owned(),
                expected,
                to: Some(to),
                epoch: Some(epoch),
                settlements: vec![],
            };
            store.move_cursors(vec![moved]).wait().unwrap().remove(0)
        };
        let Moved::To(version) = move_to(&one, old, None, 0) else { panic!("it leads") };
        assert!(matches!(move_to(&other, old, Some(version), 1), Moved::Conflict(Some(_))), "it does not lead");
        // As if it had been stopped for too long, and gone on before it could notice.
        let cluster = hookd_tests::Postgres::shared();
        cluster.query(&options.database, "UPDATE hookd.leases SET replica = 1, epoch = epoch + 1");
        assert!(matches!(move_to(&one, old, Some(version), 1), Moved::Conflict(Some(_))));
        until("it notices", || first.current().is_none().then_some(()));
        cluster.query(&options.database, "UPDATE hookd.leases SET held_until = '-infinity'");
        let new = gained(&first).epoch;
        assert_eq!(new, old + 2);
        assert!(matches!(move_to(&one, old, Some(version), 1), Moved::Conflict(Some(_))));
        assert!(matches!(move_to(&one, new, Some(version), 1), Moved::To(_)));
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_lead_ends_where_the_database_does_not_answer() {
        let (one, _, options) = two();
        let leadership = one.lead(sink());
        gained(&leadership);
        let cluster = hookd_tests::Postgres::shared();
        // Whoever wants to commit waits.
        let holder = thread::spawn({
            let database = options.database.clone();
            move || cluster.query(&database, "BEGIN; SELECT 1 FROM hookd.head FOR UPDATE; SELECT pg_sleep(2.5); COMMIT")
        });
        until("the lead is over", || leadership.current().is_none().then_some(()));
        holder.join().unwrap();
        gained(&leadership);
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn pending_deliveries_are_shared_out_by_repository_and_taken_over() {
        let (one, other, _) = two();
        until("they know of each other", || {
            let (_, to_other) = (one.reader().replicas().unwrap(), other.reader().replicas().unwrap());
            (to_other.len() == 2).then_some(())
        });
        // Once each has looked around since both are there.
        let leads = [one.lead(Part::Expiry), other.lead(sink())];
        leads.iter().for_each(|lead| assert!(gained(lead).lasts()));
        let handovers = [one.handovers(), other.handovers()];
        for number in 0..40 {
            let store = if number % 2 == 0 { &one } else { &other };
            store.append(pending(&number.to_string(), &format!("o/{}", number / 4))).wait().unwrap();
        }
        let mine = |store: &PostgresStore| -> Vec<i64> {
            store.pending().unwrap().into_iter().map(|due| due.deliveryid).collect()
        };
        let (ones, others) = (mine(&one), mine(&other));
        assert_eq!(ones.len() + others.len(), 40);
        assert!(!ones.is_empty() && !others.is_empty(), "{ones:?} {others:?}");
        let repositories = |ids: &[i64]| ids.iter().map(|id| (id - 1) / 4).collect::<std::collections::BTreeSet<_>>();
        assert!(repositories(&ones).is_disjoint(&repositories(&others)));
        for handovers in &handovers {
            until("each hears of what the other has received", || (*handovers.borrow() > 0).then_some(()));
        }
        assert_eq!(one.pending_count().unwrap(), 40);
        let before = *handovers[1].borrow();
        one.abandon();
        until("all are taken over", || (mine(&other).len() == 40).then_some(()));
        until("it hears of it", || (*handovers[1].borrow() > before).then_some(()));
        let replicas = Arc::new(other).reader().replicas().unwrap();
        assert_eq!(
            replicas.iter().map(|one| (one.is_this, one.is_alive, one.pending)).collect::<Vec<_>>(),
            [(false, false, 0), (true, true, 40)]
        );
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn whoever_leads_hears_that_it_is_asked() {
        let (one, other, _) = two();
        let leadership = one.lead(Part::Poller("p".to_owned()));
        let before = gained(&leadership).asked;
        other.ask(&Part::Poller("p".to_owned())).unwrap();
        until("it hears of it", || leadership.current().is_some_and(|lead| lead.asked == before + 1).then_some(()));
    }

    /// Within much less than the second after which it would look by itself.
    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_notice_wakes_the_others_at_once() {
        let options = server::new_database();
        let (one, other) = (PostgresStore::open(options.clone()).unwrap(), PostgresStore::open(options).unwrap());
        // Once each has looked around since both are there.
        let leads = [one.lead(sink()), other.lead(Part::Expiry)];
        leads.iter().for_each(|lead| assert!(gained(lead).lasts()));
        let mut took: Vec<Duration> = (1..=9)
            .map(|number| {
                one.append(push(&number.to_string())).wait().unwrap();
                let begun = Instant::now();
                until("the tail follows", || (*other.tail().borrow() == number).then_some(()));
                begun.elapsed()
            })
            .collect();
        took.sort();
        assert!(took[4] < Duration::from_millis(200), "{took:?}");
    }
}
