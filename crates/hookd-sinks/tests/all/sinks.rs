//! Sinks, made as a configuration makes them, and a change to deliver.

use std::path::Path;
use std::sync::Arc;

use hookd_core::{Change, Secret, SecretSource, registry};
use hookd_sinks::{Attempt, Sink, SinkContext, SinkType, Verdict};
use hookd_store::{LoggedChange, Timestamp};
use serde_json::Value;

struct Secrets;

impl SecretSource for Secrets {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        match secret {
            Secret::Text(text) => Ok(text.clone().into_bytes()),
            other => Err(format!("the tests have no {other:?}")),
        }
    }
}

/// A sink of a type, with these options; relative paths start at `folder`.
pub(crate) fn try_build_in(folder: &Path, kind: &str, options: Value) -> Result<Box<dyn Sink>, Vec<String>> {
    let Value::Object(options) = options else { panic!("options are a table") };
    let context = SinkContext { name: "under-test", folder, secrets: &Secrets };
    let kind = registry::find::<SinkType>(kind).unwrap();
    (kind.build)(options, &context).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

pub(crate) fn build_in(folder: &Path, kind: &str, options: Value) -> Arc<dyn Sink> {
    try_build_in(folder, kind, options).map(Arc::from).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub(crate) fn build(kind: &str, options: Value) -> Arc<dyn Sink> {
    build_in(Path::new("/nonexistent"), kind, options)
}

/// What is wrong with these options.
pub(crate) fn problems(kind: &str, options: Value) -> Vec<String> {
    try_build_in(Path::new("/nonexistent"), kind, options).err().expect("something is wrong with them")
}

/// A change.
pub(crate) fn change() -> LoggedChange {
    let change = Change {
        author: "Ann <ann@example.org>".to_owned(),
        branch: Some("main".to_owned()),
        comments: "Boil water".to_owned(),
        files: vec!["kettle.c".to_owned()],
        project: "kitchen".to_owned(),
        repository: "https://example.org/tea".to_owned(),
        revision: Some("c0ffee".to_owned()),
        when_timestamp: Some(1_699_999_999),
        ..Change::default()
    };
    LoggedChange {
        changeid: 17,
        deliveryid: 9,
        received_at: Timestamp::from_micros(1_700_000_000_250_000),
        dialect: "github".into(),
        hookd_id: "k3y-17-60a24181e4000".to_owned(),
        change,
    }
}

/// Later, no pause asked for, and no fault of the change.
pub(crate) const LATER: Verdict = Verdict::Later { after: None, blames_change: false };

/// Checks what an attempt ended with: its verdict, whether the change may have arrived, and what its answer has.
#[track_caller]
pub(crate) fn expect(attempt: &Attempt, verdict: Verdict, may_have_arrived: bool, answer: &str) {
    assert_eq!((&attempt.verdict, attempt.may_have_arrived), (&verdict, may_have_arrived), "{attempt:?}");
    assert!(attempt.answer.contains(answer), "`{}` has no `{answer}`", attempt.answer);
}
