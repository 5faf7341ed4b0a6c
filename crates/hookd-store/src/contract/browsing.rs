//! Laws of browsing: single records, and queries.

use hookd_core::Change;

use super::Open;
use super::samples::{
    HOUR, NOON, PENDING, accepted, accepted_many, append, change, complete, delivery, identified, ignored,
};
use crate::{ChangeField, DeliveryField, NewDelivery, NewState, Operator, Query, SharedStore, State, Value};

type Changes = Query<ChangeField>;
type Deliveries = Query<DeliveryField>;

/// The numbers of the changes on the page, and how many match in all.
fn found(store: &SharedStore, query: &Changes) -> (Vec<i64>, u64) {
    let page = store.reader().changes(query).unwrap();
    (page.rows.iter().map(|row| row.changeid).collect(), page.total)
}

/// For any number that was never used.
pub fn what_is_not_there_is_none(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted("r")));
    for number in [i64::MIN, -1, 0, 2, i64::MAX] {
        assert_eq!(store.reader().delivery(number).unwrap(), None);
        assert_eq!(store.reader().change(number).unwrap(), None);
        assert_eq!(store.reader().request(number).unwrap(), None);
    }
    assert!(store.reader().delivery(1).unwrap().is_some() && store.reader().change(1).unwrap().is_some());
}

/// Of the same branch, repository, project and codebase; lists leave it out.
pub fn a_change_knows_the_last_of_its_line(open: Open<'_>) {
    let store = open();
    let on = |branch: Option<&str>| Change { branch: branch.map(str::to_owned), ..change("r") };
    let main = || on(Some("main"));
    let changes = [
        (main(), None),
        (on(Some("topic")), None),
        (on(None), None),
        (on(Some("")), None),
        (Change { repository: "r".to_owned(), ..main() }, None),
        (Change { project: "r".to_owned(), ..main() }, None),
        (Change { codebase: "r".to_owned(), ..main() }, None),
        (Change { category: Some("tag".to_owned()), src: Some("git".to_owned()), ..main() }, Some(1)),
        (main(), Some(8)),
        (on(None), Some(3)),
        (Change { codebase: "r".to_owned(), ..main() }, Some(7)),
    ];
    // Half of them in one delivery, so that the parent may lie beside a change or before it.
    let (together, apart) = changes.split_at(6);
    let together = together.iter().map(|(change, _)| change.clone()).collect();
    append(&store, delivery("", NewState::Accepted(together)));
    for (change, _) in apart {
        append(&store, delivery("", NewState::Accepted(vec![change.clone()])));
    }
    for (changeid, (_, parent)) in (1..).zip(&changes) {
        assert_eq!(store.reader().change(changeid).unwrap().unwrap().parent_changeid, *parent, "change {changeid}");
    }
    assert!(store.reader().changes(&Query::default()).unwrap().rows.iter().all(|row| row.parent_changeid.is_none()));
}

/// With every operator, on fields of every kind.
pub fn filters_changes(open: Open<'_>) {
    let store = open();
    for revision in ["aa", "ab", "b"] {
        let change = Change { files: vec!["a.c".to_owned(), format!("{revision}.c")], ..change(revision) };
        append(&store, identified(revision, "", NewState::Accepted(vec![change])));
    }
    let tagged = Change { category: Some("tag".to_owned()), when_timestamp: Some(5), ..Change::default() };
    let later = NOON.saturating_add(HOUR);
    append(&store, NewDelivery { received_at: later, ..delivery("", NewState::Accepted(vec![tagged])) });
    let one = |field, operator, value: Value| Query::default().filter_any(field, operator, [value]);
    let text = |field, operator, text: &str| one(field, operator, text.into());
    let number = |field, operator, number: i64| one(field, operator, number.into());
    for (query, ids) in [
        (text(ChangeField::Revision, Operator::Eq, "ab"), vec![2]),
        (text(ChangeField::Revision, Operator::Eq, "c"), vec![]),
        (text(ChangeField::Revision, Operator::Contains, "a"), vec![2, 1]),
        (text(ChangeField::Revision, Operator::Ne, "b"), vec![4, 2, 1]),
        (text(ChangeField::Revision, Operator::Gt, "aa"), vec![3, 2]),
        (text(ChangeField::Category, Operator::Ne, "tag"), vec![3, 2, 1]),
        (text(ChangeField::Category, Operator::Eq, ""), vec![3, 2, 1]),
        (text(ChangeField::Category, Operator::Ne, ""), vec![4]),
        (text(ChangeField::Codebase, Operator::Eq, ""), vec![4, 3, 2, 1]),
        (text(ChangeField::Revision, Operator::Eq, ""), vec![4]),
        (Query::default().filter_any(ChangeField::Revision, Operator::Eq, ["", "aa"]), vec![4, 1]),
        (text(ChangeField::Category, Operator::Lt, "z"), vec![4]),
        (text(ChangeField::Files, Operator::Contains, "a.c"), vec![3, 2, 1]),
        (text(ChangeField::Files, Operator::Contains, "ab.c"), vec![2]),
        (text(ChangeField::Files, Operator::Contains, "a"), vec![]),
        (text(ChangeField::HookdId, Operator::Eq, ""), vec![]),
        (number(ChangeField::WhenTimestamp, Operator::Le, 5), vec![4]),
        (number(ChangeField::Changeid, Operator::Eq, 2), vec![2]),
        (number(ChangeField::Changeid, Operator::Ne, 2), vec![4, 3, 1]),
        (number(ChangeField::Changeid, Operator::Gt, 2), vec![4, 3]),
        (number(ChangeField::Sourcestampid, Operator::Ge, 2), vec![4, 3, 2]),
        (number(ChangeField::Sourcestampid, Operator::Lt, 2), vec![1]),
        (number(ChangeField::Changeid, Operator::Gt, 4), vec![]),
        (number(ChangeField::Changeid, Operator::Lt, i64::MIN), vec![]),
        (number(ChangeField::Changeid, Operator::Gt, i64::MAX), vec![]),
        (number(ChangeField::Changeid, Operator::Le, i64::MAX), vec![4, 3, 2, 1]),
        (number(ChangeField::Deliveryid, Operator::Le, 3), vec![3, 2, 1]),
        (one(ChangeField::ReceivedAt, Operator::Gt, NOON.as_seconds_f64().into()), vec![4]),
        (one(ChangeField::ReceivedAt, Operator::Eq, NOON.as_seconds_f64().into()), vec![3, 2, 1]),
        (Query::default().filter_any(ChangeField::Revision, Operator::Eq, ["b", "aa", "x"]), vec![3, 1]),
        (Query::default().filter_any(ChangeField::Revision, Operator::Ne, ["b", "aa"]), vec![4, 2]),
        (Query::default().filter_any(ChangeField::Revision, Operator::Contains, ["aa", "ab"]), vec![2, 1]),
        (Query::default().filter_any(ChangeField::Changeid, Operator::Eq, [1, 3, 9]), vec![3, 1]),
        (text(ChangeField::Revision, Operator::Contains, "a").filter(ChangeField::Changeid, Operator::Gt, 1), vec![2]),
        (text(ChangeField::Revision, Operator::Eq, "aa").filter(ChangeField::Changeid, Operator::Gt, 1), vec![]),
    ] {
        let total = ids.len() as u64;
        assert_eq!(found(&store, &query), (ids, total), "{query:?}");
    }
}

/// Whatever a revision looks like: as a hash, shorter, of other letters, or missing.
pub fn finds_beginnings(open: Open<'_>) {
    let store = open();
    let revisions = [
        "c0ffee14bb761a232cd80139fbd4c0d33264240a",
        "c0ffee14bb761a232cd80139fbd4c0d33264240b",
        "c0ffee2",
        "c0ffee",
        "C0FFEE14BB761A232CD80139FBD4C0D33264240A",
        "r41-beta",
        "c0-ffee14bb761a23-dashes",
        "00000000000000000000000000000000deadbeef",
        "\0\u{1}odd",
    ];
    for revision in revisions {
        let change = Change { branch: Some(format!("topic/{revision}")), ..change(revision) };
        append(&store, identified(revision, "", NewState::Accepted(vec![change])));
    }
    append(&store, delivery("", NewState::Accepted(vec![Change::default()])));
    let long = "d".repeat(300);
    append(&store, identified(&long, "", NewState::Accepted(vec![change(&long)])));
    for (beginnings, ids) in [
        (vec!["c0ffee1"], vec![2, 1]),
        (vec!["c0ffee"], vec![4, 3, 2, 1]),
        (vec!["C0FFEE1"], vec![5]),
        (vec!["C0FFEE1", "c0ffee1"], vec![5, 2, 1]),
        (vec!["c0ffee14bb761a232cd80139fbd4c0d33264240a"], vec![1]),
        (vec!["c0ffee14bb761a232cd80139fbd4c0d33264240ab"], vec![]),
        (vec!["c0ffee14bb761a239"], vec![]),
        (vec!["c"], vec![7, 4, 3, 2, 1]),
        (vec!["c0-"], vec![7]),
        (vec!["r4"], vec![6]),
        (vec!["r4", "c0ffee2"], vec![6, 3]),
        (vec!["00"], vec![8]),
        (vec!["0ffee"], vec![]),
        (vec!["-"], vec![]),
        (vec!["%"], vec![]),
        (vec!["\0"], vec![9]),
        (vec!["\0\u{1}o"], vec![9]),
        (vec!["0"], vec![8]),
        (vec![""], vec![11, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (vec![&long[..299]], vec![11]),
        (vec![&long], vec![11]),
    ] {
        let of = |field| Query::default().filter_any(field, Operator::StartsWith, beginnings.iter().copied());
        assert_eq!(found(&store, &of(ChangeField::Revision)), (ids.clone(), ids.len() as u64), "{beginnings:?}");
        let few = of(ChangeField::Revision).limit(1).filter(ChangeField::Changeid, Operator::Lt, 7);
        let less: Vec<i64> = ids.iter().copied().filter(|id| *id < 7).collect();
        let newest = less.first().copied().into_iter().collect();
        assert_eq!(found(&store, &few), (newest, less.len() as u64), "{beginnings:?}");
        let ids_of_forges =
            Query::default().filter_any(DeliveryField::ForgeId, Operator::StartsWith, beginnings.iter().copied());
        let page = store.reader().deliveries(&ids_of_forges).unwrap();
        assert!(page.rows.iter().map(|row| row.deliveryid).eq(ids.iter().copied()), "{beginnings:?}");
    }
    for (query, ids) in [
        (Query::default().filter(ChangeField::Branch, Operator::StartsWith, "topic/c0ffee1"), vec![2, 1]),
        (Query::default().filter(ChangeField::Branch, Operator::StartsWith, "opic"), vec![]),
        (Query::default().filter(ChangeField::Changeid, Operator::StartsWith, "1"), vec![]),
        (
            Query::default().filter(ChangeField::Revision, Operator::StartsWith, "c0ffee1").filter(
                ChangeField::Revision,
                Operator::Ne,
                "c0ffee14bb761a232cd80139fbd4c0d33264240b",
            ),
            vec![1],
        ),
    ] {
        assert_eq!(found(&store, &query), (ids.clone(), ids.len() as u64), "{query:?}");
    }
}

/// With operators and fields of every kind.
pub fn filters_deliveries(open: Open<'_>) {
    let store = open();
    append(&store, identified("one", "12", accepted("r")));
    append(&store, NewDelivery { dialect: "base".to_owned(), event: None, ..delivery("", ignored()) });
    append(&store, identified("one", "123", NewState::Refused("wrong".to_owned())));
    append(&store, identified("two", "", PENDING));
    let one = |field, operator, value: Value| Query::default().filter_any(field, operator, [value]);
    let text = |field, operator, text: &str| one(field, operator, text.into());
    for (query, ids) in [
        (text(DeliveryField::ForgeId, Operator::Eq, "one"), vec![3, 1]),
        (text(DeliveryField::ForgeId, Operator::Eq, "o"), vec![]),
        (text(DeliveryField::ForgeId, Operator::Contains, "o"), vec![4, 3, 1]),
        (text(DeliveryField::Dialect, Operator::Eq, "base"), vec![2]),
        (text(DeliveryField::Event, Operator::Ne, "push"), vec![2]),
        (text(DeliveryField::Event, Operator::Eq, ""), vec![2]),
        (text(DeliveryField::ForgeId, Operator::Eq, ""), vec![2]),
        (text(DeliveryField::Reason, Operator::Contains, "build"), vec![2]),
        (one(DeliveryField::Size, Operator::Ge, 2.into()), vec![3, 1]),
        (one(DeliveryField::State, Operator::Eq, State::Pending.into()), vec![4]),
        (one(DeliveryField::State, Operator::Ne, State::Pending.into()), vec![3, 2, 1]),
        (Query::default().filter_any(DeliveryField::State, Operator::Eq, [State::Ignored, State::Refused]), vec![3, 2]),
        (one(DeliveryField::Deliveryid, Operator::Lt, 3.into()), vec![2, 1]),
        (one(DeliveryField::ReceivedAt, Operator::Le, NOON.as_seconds_f64().into()), vec![4, 3, 2, 1]),
    ] {
        let page = store.reader().deliveries(&query).unwrap();
        let rows: Vec<i64> = page.rows.iter().map(|row| row.deliveryid).collect();
        assert_eq!((rows, page.total), (ids.clone(), ids.len() as u64), "{query:?}");
        for row in page.rows {
            assert_eq!(store.reader().delivery(row.deliveryid).unwrap(), Some(row), "as it is alone");
        }
    }
}

/// By one or more fields, with offset and limit.
pub fn orders_and_pages(open: Open<'_>) {
    let store = open();
    for (revision, branch) in [("1", "c"), ("2", "a"), ("3", "b"), ("4", "a")] {
        let change = Change { branch: Some(branch.to_owned()), ..change(revision) };
        append(&store, delivery("", NewState::Accepted(vec![change])));
    }
    let all = Changes::default;
    for (query, ids) in [
        (all(), vec![4, 3, 2, 1]),
        (all().ascending(ChangeField::Branch), vec![4, 2, 3, 1]),
        (all().descending(ChangeField::Branch).ascending(ChangeField::Changeid), vec![1, 3, 2, 4]),
        (all().ascending(ChangeField::Changeid), vec![1, 2, 3, 4]),
        (all().descending(ChangeField::Changeid), vec![4, 3, 2, 1]),
        (all().ascending(ChangeField::Branch).offset(1).limit(2), vec![2, 3]),
        (all().ascending(ChangeField::Changeid).offset(3).limit(2), vec![4]),
        (all().offset(1).limit(2), vec![3, 2]),
        (all().offset(1), vec![3, 2, 1]),
        (all().offset(5).limit(2), vec![]),
        (all().offset(u64::MAX).limit(u64::MAX), vec![]),
        (all().limit(0), vec![]),
        (all().limit(u64::MAX), vec![4, 3, 2, 1]),
    ] {
        assert_eq!(found(&store, &query), (ids, 4), "{query:?}");
    }
    let page = store.reader().deliveries(&Deliveries::default().ascending(DeliveryField::Deliveryid).limit(2)).unwrap();
    let ids: Vec<_> = page.rows.iter().map(|row| row.deliveryid).collect();
    assert_eq!((ids, page.total), (vec![1, 2], 4));
}

/// Also those beyond the page.
pub fn totals_count_all_that_match(open: Open<'_>) {
    let store = open();
    let replies: Vec<_> = (0..700).map(|_| store.append(delivery("", accepted_many(3)))).collect();
    replies.into_iter().for_each(|reply| assert!(reply.wait().is_ok()));
    let second = Query::default().filter(ChangeField::Revision, Operator::Eq, "r2");
    assert_eq!(found(&store, &second.clone().limit(2)), (vec![2099, 2096], 700));
    assert_eq!(found(&store, &second.ascending(ChangeField::Changeid).offset(698)), (vec![2096, 2099], 700));
    let contains = Query::default().filter(ChangeField::Revision, Operator::Contains, "r");
    assert_eq!(found(&store, &contains.offset(1499).limit(2)), (vec![601, 600], 2100));
    assert_eq!(found(&store, &Query::default().limit(1)), (vec![2100], 2100));
    let after = Query::default().filter(ChangeField::Changeid, Operator::Gt, 100).ascending(ChangeField::Changeid);
    assert_eq!(found(&store, &after.limit(2)), (vec![101, 102], 2000));
}

/// Queries see the state after completion.
pub fn pending_deliveries_are_found_in_their_new_state(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", PENDING));
    append(&store, delivery("", PENDING));
    assert!(complete(&store, 1, NewState::Ignored("too old".to_owned())));
    let of = |state: State| {
        let page =
            store.reader().deliveries(&Query::default().filter(DeliveryField::State, Operator::Eq, state)).unwrap();
        page.rows.iter().map(|row| row.deliveryid).collect::<Vec<_>>()
    };
    assert_eq!((of(State::Pending), of(State::Ignored)), (vec![2], vec![1]));
    let reason = Query::default().filter(DeliveryField::Reason, Operator::Eq, "too old");
    assert_eq!(store.reader().deliveries(&reason).unwrap().total, 1);
}
