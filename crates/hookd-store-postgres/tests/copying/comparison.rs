//! Holds one store against another: all that the log and people see.

use hookd_store::{ChangeField, DeliveryField, DeliveryRecord, Operator, Query, Search, SettlementKind, State, Store};

fn all_deliveries(store: &dyn Store) -> Vec<DeliveryRecord> {
    store.reader().deliveries(&Query::default().ascending(DeliveryField::Deliveryid)).unwrap().rows
}

pub(crate) fn assert_same(one: &dyn Store, other: &dyn Store) {
    macro_rules! same {
        (|$store:ident| $value:expr) => {{
            let value = |$store: &dyn Store| $value;
            let (ones, others) = (value(one), value(other));
            assert_eq!(ones, others, "{}", stringify!($value));
            ones
        }};
    }
    let deliveries = same!(|store| all_deliveries(store));
    for DeliveryRecord { deliveryid, .. } in &deliveries {
        same!(|store| store.reader().request(*deliveryid).unwrap());
        same!(|store| store.reader().waiting(&[*deliveryid]).unwrap());
        same!(|store| store.reader().delivery(*deliveryid).unwrap());
    }
    same!(|store| store.pending().unwrap());
    same!(|store| store.pending_count().unwrap());
    let newest = same!(|store| *store.tail().borrow());
    same!(|store| {
        let mut read = Vec::new();
        loop {
            let after = read.last().map_or(0, |change: &hookd_store::LoggedChange| change.changeid);
            let some = store.read_on(after, 1000).unwrap();
            if some.is_empty() {
                break read;
            }
            read.extend(some.iter().map(|change| hookd_store::LoggedChange::clone(change)));
        }
    });
    same!(|store| store.reader().changes(&Query::default().ascending(ChangeField::Changeid)).unwrap().rows);
    for changeid in 0..=newest {
        same!(|store| store.reader().change(changeid).unwrap());
        same!(|store| store.reader().settlements_of(changeid).unwrap());
    }
    for cursor in same!(|store| store.cursors().unwrap()) {
        for kind in SettlementKind::ALL {
            same!(|store| store.reader().settlements(&cursor.name, kind, 0, usize::MAX).unwrap());
            same!(|store| store.reader().settlement_count(&cursor.name, kind).unwrap());
        }
    }
    for poller in ["svn", "git \0 ü", "none"] {
        same!(|store| store.positions(poller).unwrap());
    }
    for word in ["main", "LATER", "no reason", "id 7", "here", "ü", "closed", "x\0y", "svn", "r1"] {
        let search = Search { words: vec![word.to_owned()], ..Search::default() };
        same!(|store| store.reader().search(&search, 10_000).unwrap());
    }
    for state in State::ALL {
        let search = Search { states: vec![state], ..Search::default() };
        same!(|store| store.reader().search(&search, 10_000).unwrap());
    }
    let by_id = Query::default().filter(DeliveryField::ForgeId, Operator::Eq, "id 7");
    same!(|store| store.reader().deliveries(&by_id).unwrap().total);
    let by_revision = Query::default().filter(ChangeField::Revision, Operator::Eq, "later");
    same!(|store| store.reader().changes(&by_revision).unwrap().total);
}
