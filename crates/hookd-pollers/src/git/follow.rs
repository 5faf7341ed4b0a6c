//! Which refs of a repository a poller follows.

use hookd_core::options::wrong_kind;
use hookd_core::{Glob, Problem};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The option `branches`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Branches {
    /// All branches, or with `false` what it is without the option.
    All(bool),
    /// Names and patterns.
    Named(Vec<String>),
}

impl<'de> Deserialize<'de> for Branches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = |item| match item {
            Value::String(name) => Ok(name),
            other => Err(wrong_kind(&other, "a string")),
        };
        match Value::deserialize(deserializer)? {
            Value::Bool(all) => Ok(Self::All(all)),
            Value::String(name) => Ok(Self::Named(vec![name])),
            Value::Array(items) => items.into_iter().map(name).collect::<Result<_, D::Error>>().map(Self::Named),
            other => Err(wrong_kind(&other, "`true`, or a list of branches")),
        }
    }
}

impl JsonSchema for Branches {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Branches".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "true or list of strings",
            "description": "All branches, or names and patterns of branches.",
            "anyOf": [{ "type": "boolean" }, { "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        })
    }
}

/// The refs that a poller follows.
#[derive(Clone, Debug)]
pub(crate) enum Follow {
    /// The branch that the repository's `HEAD` names.
    Head,
    /// Those of which a pattern matches the full name.
    Refs(Vec<Ref>),
}

/// A ref, or several by a pattern.
#[derive(Clone, Debug)]
pub(crate) enum Ref {
    /// The ref of this full name.
    Exact(String),
    /// Those that match.
    Pattern(Glob),
}

impl Ref {
    /// What an option names: a branch, or a full name that begins with `refs/`.
    fn parse(name: &str) -> Result<Self, String> {
        let full = if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") };
        if name.is_empty() || name.starts_with('/') || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("expected the name of a branch, or a pattern of names".to_owned());
        }
        if name.contains(['*', '?', '[']) {
            return Glob::new(&full).map(Self::Pattern);
        }
        if name.contains([':', '^', '~', '\\']) || name.contains("..") || name.contains("@{") {
            return Err("no branch can have this name".to_owned());
        }
        Ok(Self::Exact(full))
    }

    fn matches(&self, full: &str) -> bool {
        match self {
            Self::Exact(name) => name == full,
            Self::Pattern(glob) => glob.matches(full),
        }
    }
}

impl Follow {
    /// What the options say.
    ///
    /// # Errors
    /// As Buildbot: what cannot be combined; and names that no branch can have.
    pub(crate) fn new(
        branches: Option<Branches>,
        branch: Option<String>,
        only_tags: bool,
    ) -> Result<Self, Vec<Problem>> {
        let is_named = branch.is_some() || matches!(&branches, Some(Branches::All(true) | Branches::Named(_)));
        if only_tags && is_named {
            let message = "it cannot be combined with `branch` or `branches`; for tags and branches together, \
                           `branches` takes full names such as `refs/tags/*`";
            return Err(vec![Problem::with("only_tags", message)]);
        }
        let named = match (branches, branch) {
            (Some(Branches::All(true) | Branches::Named(_)), Some(_)) => {
                return Err(vec![Problem::with("branch", "it cannot be combined with `branches`")]);
            }
            (Some(Branches::Named(list)), None) if list.is_empty() => {
                return Err(vec![Problem::with(
                    "branches",
                    "an empty list would follow nothing: name a branch, or leave it out",
                )]);
            }
            (Some(Branches::Named(list)), None) => list,
            (Some(Branches::All(true)), None) => vec!["*".to_owned()],
            (_, Some(branch)) => vec![branch],
            (_, None) if only_tags => vec!["refs/tags/*".to_owned()],
            (_, None) => return Ok(Self::Head),
        };
        let mut problems = Vec::new();
        let mut refs = Vec::new();
        for name in named {
            match Ref::parse(&name) {
                Ok(one) => refs.push(one),
                Err(cause) => problems.push(Problem::with("branches", format!("`{name}`: {cause}"))),
            }
        }
        if problems.is_empty() { Ok(Self::Refs(refs)) } else { Err(problems) }
    }

    /// Whether the ref of this full name is followed.
    pub(crate) fn matches(&self, full: &str) -> bool {
        match self {
            Self::Head => false,
            Self::Refs(refs) => refs.iter().any(|one| one.matches(full)),
        }
    }

    /// The patterns for `git ls-remote`, so that it lists no more than is needed: always `HEAD`, and of tags also the line
    /// that names what a tag leads to.
    pub(crate) fn listed(&self) -> Vec<String> {
        let refs = if let Self::Refs(refs) = self { refs.as_slice() } else { &[] };
        let listed = refs.iter().flat_map(|one| match one {
            Ref::Exact(full) => vec![full.clone(), format!("{full}^{{}}")],
            Ref::Pattern(glob) => {
                let literal = glob.source().split(['*', '?', '[']).next().unwrap_or_default();
                vec![format!("{literal}*")]
            }
        });
        std::iter::once("HEAD".to_owned()).chain(listed).collect()
    }

    /// The full names that have to exist.
    pub(crate) fn expected(&self) -> impl Iterator<Item = &str> {
        let refs = if let Self::Refs(refs) = self { refs.as_slice() } else { &[] };
        refs.iter().filter_map(|one| if let Ref::Exact(full) = one { Some(full.as_str()) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Result<Follow, Vec<Problem>> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Follow::new(Some(Branches::Named(names)), None, false)
    }

    #[test]
    fn names_patterns_and_full_names_match() {
        let follow = named(&["main", "release/*", "refs/tags/v[0-9]*"]).unwrap();
        for full in ["refs/heads/main", "refs/heads/release/1/2", "refs/tags/v1"] {
            assert!(follow.matches(full), "{full}");
        }
        for full in ["refs/heads/mainline", "refs/tags/main", "refs/heads/x/main", "refs/tags/va", "HEAD"] {
            assert!(!follow.matches(full), "{full}");
        }
        assert_eq!(
            follow.listed(),
            ["HEAD", "refs/heads/main", "refs/heads/main^{}", "refs/heads/release/*", "refs/tags/v*"]
        );
        assert_eq!(follow.expected().collect::<Vec<_>>(), ["refs/heads/main"]);
    }

    #[test]
    fn what_cannot_be_combined_is_refused() {
        let message = |follow: Result<Follow, Vec<Problem>>| follow.unwrap_err()[0].to_string();
        let both = Follow::new(Some(Branches::All(true)), Some("main".to_owned()), false);
        assert_eq!(message(both), "branch: it cannot be combined with `branches`");
        assert!(message(Follow::new(Some(Branches::All(true)), None, true)).starts_with("only_tags: "));
        assert!(message(named(&[])).contains("an empty list"));
        assert_eq!(named(&["a b", "x..y", "", "a:b"]).unwrap_err().len(), 4);
        assert!(matches!(Follow::new(Some(Branches::All(false)), None, false), Ok(Follow::Head)));
    }
}
