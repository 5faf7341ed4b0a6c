//! A codebase function: in Buildbot, the callable that is the option `codebase`.

use hookd_core::{CodebaseFunction, Json, register};

register! { CodebaseFunction { name: "by_owner", function: by_owner } }

/// The codebase is the owner of the repository.
fn by_owner(payload: &Json<'_>) -> String {
    let owner = payload.get("repository").and_then(|repository| repository.get("owner")?.get("login"));
    match owner {
        Some(Json::Text(owner)) => owner.to_string(),
        _ => String::new(),
    }
}
