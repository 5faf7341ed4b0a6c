//! Whether hookd is alive (`/healthz`), and whether a webhook that came now could be committed (`/readyz`).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use hookd_http::plain;

use crate::state::AppState;

/// How long `/readyz` waits for a commit.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The process is alive.
pub(crate) async fn healthz() -> HttpResponse {
    plain(StatusCode::OK, "ok".to_owned())
}

/// A webhook that came now could be committed.
pub(crate) async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    match tokio::time::timeout(COMMIT_TIMEOUT, state.store().probe()).await {
        Ok(Ok(())) => plain(StatusCode::OK, "ready".to_owned()),
        Ok(Err(error)) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}")),
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: the store takes too long".to_owned()),
    }
}
