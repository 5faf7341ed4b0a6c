//! The form of a case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// The name of its file.
    pub(super) id: String,
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "what")]
    _what: String,
    #[serde(rename = "why")]
    _why: String,
    /// The dialect that is configured, and that requests go to.
    pub(super) dialect: String,
    #[serde(default = "enabled")]
    pub(super) options: Value,
    /// TOML before the sections, in `[server]`, and in `[change_hook_dialects]`.
    #[serde(default)]
    pub(super) top: String,
    #[serde(default)]
    pub(super) server: String,
    #[serde(default)]
    pub(super) extra: String,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) files: BTreeMap<String, String>,
    /// What the stand-in for a forge's API answers, by path: the first answer first, the last again and again.
    #[serde(default)]
    pub(super) api: BTreeMap<String, Vec<Reply>>,
    pub(super) log: Option<Log>,
    /// Within how many seconds after SIGTERM it must end.
    pub(super) stops_within: Option<f64>,
    pub(super) requests: Vec<Step>,
}

fn enabled() -> Value {
    Value::Bool(true)
}

/// What happens to hookd's log lines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Log {
    /// Nobody reads them once hookd listens.
    Unread,
}

/// An answer of the API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) json: Value,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The token without which the answer is 404.
    pub(super) needs: Option<String>,
}

/// A request, or a reload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    #[serde(default = "post")]
    pub(super) method: String,
    /// Without it: `/change_hook/DIALECT`.
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
    pub(super) body_text: Option<String>,
    pub(super) body_base64: Option<String>,
    /// A urlencoded form; values that are no texts are sent as JSON.
    pub(super) form: Option<Map<String, Value>>,
    pub(super) sign: Option<Sign>,
    pub(super) repeat: Option<Repeat>,
    /// How often the request is sent.
    #[serde(default = "once")]
    pub(super) times: usize,
    pub(super) raw: Option<Vec<Piece>>,
    /// The options of the dialect from now on.
    pub(super) reload: Option<Value>,
    /// Whether it goes to the private listener.
    #[serde(default)]
    pub(super) admin: bool,
    pub(super) expect: Option<Expect>,
}

fn post() -> String {
    "POST".to_owned()
}

fn once() -> usize {
    1
}

/// How a request is signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sign {
    pub(super) secret: String,
    #[serde(default = "both")]
    pub(super) with: Vec<Hash>,
}

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

fn both() -> Vec<Hash> {
    vec![Hash::Sha1, Hash::Sha256]
}

/// More of a list's first item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repeat {
    /// The way to the list: `push.changes`.
    pub(super) list: String,
    /// How often the item is in it.
    pub(super) times: usize,
}

/// A piece of what a connection brings.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Piece {
    Text(String),
    Base64 { base64: String },
    Fill { fill: usize },
    Pause { pause: f64 },
}

/// What is expected of the answer, and of the delivery that it names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) status: Option<u16>,
    /// A regular expression that is found in the answer.
    pub(super) text: Option<String>,
    /// The changes of the delivery: fields that must be equal.
    pub(super) changes: Option<Vec<Value>>,
    /// How many they are.
    pub(super) count: Option<usize>,
    /// Fields of the last of them.
    pub(super) last: Option<Value>,
    /// Fields of the newest change of all.
    pub(super) newest: Option<Value>,
    /// A regular expression that is found in the delivery's reason.
    pub(super) reason: Option<String>,
}
