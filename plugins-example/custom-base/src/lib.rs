//! The dialect `custom_base`: the example of Buildbot's manual, whose `custom_class` reads some arguments and no more.
//!
//! `base = { custom_class = "custom_base" }` in hookd.toml has it serve `/change_hook/base`.

use hookd_core::{BuildContext, Change, Dialect, Hook, HookOptions, HookRequest, Outcome, Problem, Refusal};

/// Options of the dialect `custom_base`: none of its own.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct CustomBase {}

impl HookOptions for CustomBase {
    fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(self))
    }
}

impl Hook for CustomBase {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let text = |name| Ok::<_, Refusal>(request.argument(name)?.unwrap_or_default().to_owned());
        Ok(Outcome::Changes(vec![Change {
            revision: request.argument("revision")?.map(str::to_owned),
            repository: text("repository")?,
            project: text("project")?,
            codebase: text("codebase")?,
            ..Change::default()
        }]))
    }

    fn headers(&self) -> &[&'static str] {
        &["Content-Type"]
    }
}

hookd_core::register! { Dialect::new::<CustomBase>("custom_base", "The example of Buildbot's manual.") }
