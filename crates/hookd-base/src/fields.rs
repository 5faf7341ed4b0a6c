//! Where the fields come from: the arguments of the request, or a JSON object in its body.

use hookd_core::{Change, HookRequest, Json, Refusal, View};
use serde_json::{Map, Value};

/// The names of the fields, those that Buildbot knows by two names with both.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    Change::fields_of_buildbot().flat_map(|field| {
        let other = match field {
            "author" => Some("who"),
            "when_timestamp" => Some("when"),
            _ => None,
        };
        [field].into_iter().chain(other)
    })
}

/// The fields as they were sent.
pub(crate) enum Fields<'r> {
    Arguments(&'r HookRequest),
    Json(View<'r>),
}

impl Fields<'_> {
    /// Whether there is one at all.
    pub(crate) fn is_empty(&self) -> Result<bool, Refusal> {
        for field in names() {
            let is_there = match self {
                Fields::Arguments(request) => request.argument(field)?.is_some(),
                Fields::Json(payload) => payload.get(field).is_some(),
            };
            if is_there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A text; `None` where it was not sent, or is null.
    pub(crate) fn text(&self, field: &str) -> Result<Option<String>, Refusal> {
        Ok(match self {
            Fields::Arguments(request) => request.argument(field)?.map(str::to_owned),
            Fields::Json(payload) => payload.optional_text(field)?.map(str::to_owned),
        })
    }

    /// A list of paths; an empty text counts as none.
    pub(crate) fn files(&self) -> Result<Vec<String>, Refusal> {
        let texts = |value: &Json<'_>| match value {
            Json::List(items) => {
                let text = |item: &Json<'_>| if let Json::Text(text) = item { Some((*text).to_owned()) } else { None };
                items.iter().map(text).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        self.json("files", texts, "a JSON list of texts").map(Option::unwrap_or_default)
    }

    /// An object; an empty text counts as none.
    pub(crate) fn properties(&self) -> Result<Map<String, Value>, Refusal> {
        let object = |value: &Json<'_>| if let Value::Object(map) = value.to_value() { Some(map) } else { None };
        self.json("properties", object, "a JSON object").map(Option::unwrap_or_default)
    }

    /// Whole seconds since 1970; a fraction is dropped.
    pub(crate) fn seconds(&self, field: &str) -> Result<Option<i64>, Refusal> {
        let wrong = || Refusal::new(format!("`{field}` is not a number of seconds since 1970"));
        let seconds = match self {
            Fields::Arguments(request) => match request.argument(field)? {
                None => return Ok(None),
                Some(text) => plain_number(text).ok_or_else(wrong)?,
            },
            Fields::Json(payload) => match payload.get(field) {
                None | Some(Json::Null) => return Ok(None),
                Some(Json::Number(number)) => number.as_f64().ok_or_else(wrong)?,
                Some(Json::Text(text)) => plain_number(text).ok_or_else(wrong)?,
                Some(_) => return Err(wrong()),
            },
        };
        // The years 1 to 9999, which is what Buildbot's dates cover.
        if !(-62_135_596_800.0..253_402_300_800.0).contains(&seconds) {
            return Err(Refusal::new(format!("`{field}` is beyond the years 1 to 9999")));
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range was just checked")]
        Ok(Some(seconds.floor() as i64))
    }

    fn json<T>(&self, field: &str, read: impl Fn(&Json<'_>) -> Option<T>, kind: &str) -> Result<Option<T>, Refusal> {
        let wrong = || Refusal::new(format!("`{field}` is not {kind}"));
        match self {
            Fields::Arguments(request) => match request.argument(field)? {
                None | Some("") => Ok(None),
                Some(text) => {
                    let view = request
                        .json_in(text.as_bytes())
                        .map_err(|refusal| Refusal::new(format!("`{field}`: {refusal}")))?;
                    let json = view.json();
                    if *json == Json::Null { Ok(None) } else { read(json).map(Some).ok_or_else(wrong) }
                }
            },
            Fields::Json(payload) => match payload.get(field) {
                None | Some(Json::Null) => Ok(None),
                Some(json) => read(json).map(Some).ok_or_else(wrong),
            },
        }
    }
}

/// A number as people write it: digits, one point, an exponent; no `nan`, `inf`, `1_000`.
fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    is_plain.then(|| text.parse().ok())?.filter(|number: &f64| number.is_finite())
}
