//! The dialect, an event, and what the changes of every event have in common.

use hookd_core::{Change, ChangeArguments, Codebase, Compat, Refusal, Skips, View};
use serde_json::Value;

use crate::credentials::Credentials;

/// The dialect at work.
pub(crate) struct GitLab {
    pub(crate) compat: Compat,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) codebase: Option<Codebase>,
    pub(crate) skips: Skips,
}

/// An event, its payload parsed.
pub(crate) struct Event<'e> {
    /// What kind it is: `push`.
    pub(crate) name: &'e str,
    /// The whole payload.
    pub(crate) payload: View<'e>,
    /// `?project=` and `?codebase=`.
    pub(crate) arguments: ChangeArguments<'e>,
}

impl GitLab {
    /// What every change of an event has besides its repository and codebase: category, the property `event` and `src`.
    pub(crate) fn change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let mut properties = hookd_core::Properties::default();
        properties.insert("event".to_owned(), Value::from(event.name));
        Ok(Change {
            category: Some(event.name.to_owned()),
            properties,
            src: Some("git".to_owned()),
            ..Change::default()
        })
    }

    /// The codebase of a change of this repository.
    pub(crate) fn codebase_of(&self, event: &Event<'_>, repository: &str) -> Result<String, Refusal> {
        event.arguments.codebase(self.codebase.as_ref(), event.payload.json(), repository)
    }
}

/// The page `rest` of the project, such as `commit/SHA`; `None` where the payload does not name the project's own page.
pub(crate) fn project_page(payload: &View<'_>, rest: &str) -> Result<Option<String>, Refusal> {
    let home = payload.maybe_first(&["project.web_url", "project.homepage", "repository.homepage"])?;
    Ok(home.map(|home| format!("{}/-/{rest}", home.trim_end_matches('/'))))
}
