//! Random histories of a store that is copied now and then, from one engine to the other, and goes on there.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "not all of the modules is used here")]

mod copying;
mod server;

mod postgres {
    use hookd_store::contract::model::{self, Engine};
    use hookd_store::{SharedStore, Store};
    use hookd_store_sqlite::maintenance;

    use super::copying::{Place, Stores};

    struct Moving {
        stores: Stores,
        place: Place,
        store: Option<SharedStore>,
        copies: usize,
    }

    impl Moving {
        fn new() -> Self {
            let stores = Stores::new();
            let place = stores.sqlite("0.db");
            let store = Some(place.open());
            Self { stores, place, store, copies: 0 }
        }

        fn close(&mut self) {
            self.store().close();
            self.store = None;
        }
    }

    impl Engine for Moving {
        fn store(&self) -> &dyn Store {
            self.store.as_deref().unwrap()
        }

        /// Moves to the other engine.
        fn reopen(&mut self) {
            self.close();
            self.copies += 1;
            let next = match &self.place {
                Place::Sqlite(_) => self.stores.postgres(),
                Place::Postgres(_) => self.stores.sqlite(&format!("{}.db", self.copies)),
            };
            self.place.copy_to(&next).unwrap();
            if let Place::Sqlite(path) = &next {
                assert_eq!(maintenance::check(path).unwrap().problems, [""; 0]);
            }
            self.place = next;
            self.store = Some(self.place.open());
        }

        /// What a kill leaves is the business of each engine's own model test.
        fn kill(&mut self) {
            self.close();
            self.store = Some(self.place.open());
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_random_history_goes_on_after_each_copy() {
        model::a_random_history_leaves_what_a_plain_vector_has(2, Moving::new);
    }
}
