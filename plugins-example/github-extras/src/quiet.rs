//! A dialect around another: `github`, without what bots push, and with a category for everything else.

use hookd_core::{Adapted, BuildContext, Change, Dialect, Hook, HookOptions, Outcome, Pattern, Problem, register};
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the dialect `quiet_github`: GitHub without its bots.
#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct Options {
    /// The options of the dialect `github`, which does everything else.
    github: hookd_github::Options,

    /// Regular expressions: a change whose author has one of them is left out. Without this option those of GitHub's apps,
    /// which have `[bot]` in their names.
    bots: Vec<Pattern>,

    /// The category of its changes, where `github` gives none: that is, of pushes to branches.
    category: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        let bots = vec![Pattern::new(r"\[bot\]").expect("a regular expression")];
        Self { github: hookd_github::Options::default(), bots, category: None }
    }
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        let Self { github, bots, category } = self;
        let in_github =
            |problems: Vec<Problem>| problems.into_iter().map(|problem| problem.under("github")).collect::<Vec<_>>();
        let github = github.build(context).map_err(in_github)?;
        Ok(Box::new(Adapted::new(github, move |mut changes: Vec<Change>| {
            changes.retain(|change| !bots.iter().any(|bot| bot.is_found_in(&change.author)));
            for change in &mut changes {
                change.category = change.category.take().or_else(|| category.clone());
            }
            Outcome::changes_or(changes, "all of it was pushed by bots")
        })))
    }
}

register! { Dialect::new::<Options>("quiet_github", "GitHub without its bots.") }
