//! The store in memory keeps the contract.

use std::sync::Arc;

use hookd_store::{MemoryStore, SharedStore};

/// Opens one store again and again.
fn opener() -> impl FnMut() -> SharedStore {
    let mut store = Arc::new(MemoryStore::new());
    move || {
        store = Arc::new(store.reopen());
        Arc::<MemoryStore>::clone(&store)
    }
}

hookd_store::contract_tests!(opener());
