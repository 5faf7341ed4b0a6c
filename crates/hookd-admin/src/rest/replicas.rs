//! The hookds that share the store, in the REST API.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use hookd_store::Replica;
use serde_json::{Value as Json, json};

use super::{envelope, unavailable};
use crate::state::{AppState, blocking};

pub(super) async fn replicas(state: web::Data<AppState>) -> HttpResponse {
    let store = Arc::clone(state.store());
    match blocking(move || store.reader().replicas()).await {
        Ok(replicas) => {
            let records: Vec<Json> = replicas.iter().map(to_json).collect();
            let total = records.len() as u64;
            envelope::collection("replicas", records, total, None)
        }
        Err(error) => unavailable(&error),
    }
}

fn to_json(Replica { name, is_this, is_alive, started_at, leads, pending }: &Replica) -> Json {
    json!({
        "name": name,
        "this": is_this,
        "alive": is_alive,
        "started_at": started_at.as_seconds_f64(),
        "leads": leads,
        "pending": pending,
    })
}
