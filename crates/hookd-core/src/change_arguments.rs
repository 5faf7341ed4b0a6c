//! The arguments of the URL that fill fields of a change.

use crate::{Codebase, HookRequest, Json, Refusal};

/// `?project=` and `?codebase=` in the URL of a webhook, as a dialect reads them: empty ones count as not given.
///
/// Buildbot's hooks do not read all of them: a hook says so once, where it chooses its mode.
#[derive(Clone, Copy, Debug)]
pub struct ChangeArguments<'r> {
    request: &'r HookRequest,
    has_project: bool,
    has_codebase: bool,
}

impl<'r> ChangeArguments<'r> {
    /// Both arguments of this request.
    pub fn new(request: &'r HookRequest) -> Self {
        Self { request, has_project: true, has_codebase: true }
    }

    /// The same without `project`.
    #[must_use]
    pub fn without_project(self) -> Self {
        Self { has_project: false, ..self }
    }

    /// The same without `codebase`.
    #[must_use]
    pub fn without_codebase(self) -> Self {
        Self { has_codebase: false, ..self }
    }

    /// The project.
    ///
    /// # Errors
    /// As [`HookRequest::argument`].
    pub fn project(&self) -> Result<Option<&'r str>, Refusal> {
        if self.has_project { self.request.nonempty_argument("project") } else { Ok(None) }
    }

    /// The codebase of a change of this repository: the argument, else what the option says for it, else none.
    ///
    /// # Errors
    /// As [`HookRequest::argument`].
    pub fn codebase(&self, option: Option<&Codebase>, payload: &Json<'_>, repository: &str) -> Result<String, Refusal> {
        let argument = if self.has_codebase { self.request.nonempty_argument("codebase")? } else { None };
        Ok(match (argument, option) {
            (Some(codebase), _) => codebase.to_owned(),
            (None, Some(option)) => option.of(payload, repository),
            (None, None) => String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_goes_before_the_option() {
        let option = Codebase::Name("tea".to_owned());
        let request = |query: &str| HookRequest::post("/").with_query(query);
        for (query, project, codebase) in
            [("project=p&codebase=c", Some("p"), "c"), ("project=&codebase=", None, "tea"), ("", None, "tea")]
        {
            let request = request(query);
            let arguments = ChangeArguments::new(&request);
            assert_eq!(arguments.project().unwrap(), project);
            assert_eq!(arguments.codebase(Some(&option), &Json::Null, "").unwrap(), codebase);
            assert_eq!(arguments.without_project().project().unwrap(), None);
            assert_eq!(arguments.without_codebase().codebase(Some(&option), &Json::Null, "").unwrap(), "tea");
            assert_eq!(arguments.without_codebase().codebase(None, &Json::Null, "").unwrap(), "");
        }
        let broken = request("codebase=%ff");
        assert!(ChangeArguments::new(&broken).codebase(None, &Json::Null, "").is_err());
        assert!(ChangeArguments::new(&broken).without_codebase().codebase(None, &Json::Null, "").is_ok());
    }
}
