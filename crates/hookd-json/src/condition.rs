//! Which requests are of interest.

use hookd_core::{HookRequest, Json, Pattern, View};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::header::HeaderName;

/// How much of a value a reason repeats, in characters.
const MAX_SHOWN_CHARS: usize = 80;

/// A condition on a value of the payload or on a header. All that it asks must be so.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The place of the value in the payload: keys joined by dots, such as `repository.name`.
    path: Option<String>,
    /// The header whose value it is, instead of a place in the payload.
    header: Option<HeaderName>,
    /// The value is one of these.
    #[serde(rename = "in")]
    one_of: Option<Vec<Value>>,
    /// The value is none of these.
    not_in: Option<Vec<Value>>,
    /// A regular expression is found in the value, which is a text, a number or a boolean. Its named groups,
    /// `(?P<branch>.+)`, can be used in the change, as `{branch}`.
    re: Option<Pattern>,
    /// A regular expression is not found in the value. A value that is not there passes.
    not_re: Option<Pattern>,
    /// Whether there is a value, and not null.
    exists: Option<bool>,
}

/// What named groups of conditions have found, by their names.
pub(crate) type Groups = Vec<(String, String)>;

/// A value that is looked at, by its name.
enum Found<'p> {
    Nothing,
    Json(&'p Json<'p>),
    Header(&'p str),
}

impl Condition {
    /// What is wrong with it by itself.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match (&self.path, &self.header) {
            (Some(_), Some(_)) => return Some("a condition is on a `path` or on a `header`, not on both"),
            (None, None) => return Some("a condition names a `path` of the payload or a `header`"),
            (Some(path), None) if path.split('.').any(str::is_empty) => {
                return Some("a `path` is keys joined by dots, such as `repository.name`");
            }
            _ => {}
        }
        let asks = [
            self.one_of.is_some(),
            self.not_in.is_some(),
            self.re.is_some(),
            self.not_re.is_some(),
            self.exists.is_some(),
        ];
        if asks.contains(&true) {
            None
        } else {
            Some("a condition has one of `in`, `not_in`, `re`, `not_re`, `exists`")
        }
    }

    pub(crate) fn header(&self) -> Option<HeaderName> {
        self.header
    }

    /// The names of its groups.
    pub(crate) fn group_names(&self) -> impl Iterator<Item = &str> {
        self.re.iter().flat_map(Pattern::group_names)
    }

    /// Whether a request meets it, with what its groups have found added; why not, as the beginning of a sentence.
    pub(crate) fn check(&self, request: &HookRequest, payload: &View<'_>, groups: &mut Groups) -> Result<(), String> {
        let (name, found) = match (&self.path, self.header) {
            (Some(path), _) => (format!("`{path}`"), payload.get(path).map_or(Found::Nothing, Found::Json)),
            (None, Some(header)) => {
                let value = request.header(header.0).map_or(Found::Nothing, Found::Header);
                (format!("header `{}`", header.0), value)
            }
            (None, None) => return Ok(()),
        };
        let is_there = !matches!(found, Found::Nothing | Found::Json(Json::Null));
        if self.exists.is_some_and(|exists| exists != is_there) {
            return Err(if is_there { format!("{name} is there") } else { format!("{name} is not there") });
        }
        let shown = found.shown();
        if self.one_of.as_ref().is_some_and(|values| !values.iter().any(|value| found.is(value))) {
            return Err(format!("{name} is {shown}"));
        }
        if self.not_in.as_ref().is_some_and(|values| values.iter().any(|value| found.is(value))) {
            return Err(format!("{name} is {shown}"));
        }
        let text = found.text();
        if let Some(pattern) = &self.re {
            let matched = text.as_deref().and_then(|text| pattern.groups(text));
            match matched {
                Some(matched) => groups.extend(matched),
                None => return Err(format!("{name} is {shown}")),
            }
        }
        if let Some(pattern) = &self.not_re
            && text.is_some_and(|text| pattern.is_found_in(&text))
        {
            return Err(format!("{name} is {shown}"));
        }
        Ok(())
    }
}

impl Found<'_> {
    fn is(&self, value: &Value) -> bool {
        match self {
            Self::Nothing => value.is_null(),
            Self::Json(json) => json.to_value() == *value,
            Self::Header(text) => value.as_str() == Some(text),
        }
    }

    /// As a text; `None` where it is nothing, a list or an object.
    fn text(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Header(text) => Some((*text).to_owned()),
            Self::Json(json) => scalar(json),
        }
    }

    /// For a reason.
    fn shown(&self) -> String {
        match self {
            Self::Nothing => "not there".to_owned(),
            Self::Json(Json::Null) => "null".to_owned(),
            Self::Json(Json::List(_)) => "a list".to_owned(),
            Self::Json(Json::Object(_)) => "an object".to_owned(),
            other => {
                let text = other.text().unwrap_or_default();
                let beginning: String = text.chars().take(MAX_SHOWN_CHARS).collect();
                format!("`{beginning}`")
            }
        }
    }
}

/// A value as a text; `None` where it is null, a list or an object.
pub(crate) fn scalar(json: &Json<'_>) -> Option<String> {
    match json {
        Json::Text(text) => Some((*text).to_owned()),
        Json::Null | Json::List(_) | Json::Object(_) => None,
        other => match other.to_value() {
            Value::String(text) => Some(text),
            value => Some(value.to_string()),
        },
    }
}
