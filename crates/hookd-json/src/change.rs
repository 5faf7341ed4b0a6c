//! What a change is made of.

use std::collections::BTreeMap;

use hookd_core::{Change, ChangeArguments, Properties, Refusal, View, parse_date};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::template::{Scope, Template};

/// What the fields of a change are made of, each a [`Template`]. A field that is not set has no value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTemplate {
    /// Who made the change: `"{author.name} <{author.email}>"`.
    #[serde(default)]
    author: Option<Template>,
    /// Who committed it.
    #[serde(default)]
    committer: Option<Template>,
    /// The message.
    #[serde(default)]
    comments: Option<Template>,
    /// The branch. A request without a value for it is refused, unless the place is optional: `"{branch?}"`.
    #[serde(default)]
    branch: Option<Template>,
    /// The revision; a request without a value for it is refused as well.
    revision: Template,
    /// Where the repository is; a request without a value for it is refused as well.
    #[serde(default)]
    repository: Option<Template>,
    /// The project; `?project=` in the URL goes before it.
    #[serde(default)]
    project: Option<Template>,
    /// The codebase; `?codebase=` in the URL goes before it.
    #[serde(default)]
    codebase: Option<Template>,
    /// The category.
    #[serde(default)]
    category: Option<Template>,
    /// A page that shows the change.
    #[serde(default)]
    revlink: Option<Template>,
    /// When it was made: a date, or seconds since 1970. Without it, when the request was received.
    #[serde(default)]
    when_timestamp: Option<Template>,
    /// The version control system: `"git"`, `"hg"` or `"svn"`.
    #[serde(default)]
    src: Option<Template>,
    /// The files: each is one of them, or where it is a single place of a list, all of that list.
    #[serde(default)]
    files: Vec<Template>,
    /// Build properties by name. One that is a single place has its value, of whatever kind.
    #[serde(default)]
    properties: BTreeMap<String, Template>,
}

impl ChangeTemplate {
    /// The properties that are the same for all elements. Their values may be large, so that all changes share them.
    pub(crate) fn shared_properties(&self, scope: &Scope<'_, '_>) -> Properties {
        let of_payload = self.properties.iter().filter(|(_, template)| template.is_of_payload());
        let values = of_payload
            .filter_map(|(name, template)| Some((name.clone(), left_out(&scope.payload, template.value(scope))?)));
        values.collect::<Properties>().into_shared()
    }

    /// The change of an element. `properties` are those that it shares with others.
    ///
    /// # Errors
    /// When a value is not there that identifies it. What only describes is left out, and noted.
    pub(crate) fn change(
        &self,
        scope: &Scope<'_, '_>,
        arguments: &ChangeArguments<'_>,
        properties: &Properties,
    ) -> Result<Change, Refusal> {
        let element = scope.element;
        let identifies = |template: &Option<Template>| template.as_ref().map(|it| it.text(scope)).transpose();
        let describes = |template: &Option<Template>| {
            template.as_ref().and_then(|it| left_out(&element, it.text(scope))).filter(|text| !text.is_empty())
        };
        let optional = |text: Option<String>| text.filter(|text| !text.is_empty());
        let mut change = Change {
            author: describes(&self.author).unwrap_or_default(),
            branch: optional(identifies(&self.branch)?),
            category: describes(&self.category),
            codebase: String::new(),
            comments: describes(&self.comments).unwrap_or_default(),
            committer: describes(&self.committer),
            project: match arguments.project()? {
                Some(project) => project.to_owned(),
                None => identifies(&self.project)?.unwrap_or_default(),
            },
            repository: identifies(&self.repository)?.unwrap_or_default(),
            revision: optional(Some(self.revision.text(scope)?)),
            revlink: describes(&self.revlink),
            src: describes(&self.src),
            when_timestamp: describes(&self.when_timestamp).and_then(|text| left_out(&element, seconds(&text))),
            files: Vec::new(),
            properties: properties.clone(),
        };
        let codebase = arguments.codebase(None, scope.payload.json(), &change.repository)?;
        change.codebase = if codebase.is_empty() { identifies(&self.codebase)?.unwrap_or_default() } else { codebase };
        for template in &self.files {
            for file in left_out(&element, template.texts(scope)).unwrap_or_default() {
                if !change.files.contains(&file) {
                    change.files.push(file);
                }
            }
        }
        for (name, template) in self.properties.iter().filter(|(_, template)| !template.is_of_payload()) {
            if let Some(value) = left_out(&element, template.value(scope)) {
                change.properties.insert(name.clone(), value);
            }
        }
        Ok(change)
    }
}

fn left_out<T>(element: &View<'_>, made: Result<T, Refusal>) -> Option<T> {
    element.or_left_out(made.map(Some))
}

/// A date in seconds since 1970.
fn seconds(text: &str) -> Result<i64, Refusal> {
    text.parse().or_else(|_| parse_date(text))
}
