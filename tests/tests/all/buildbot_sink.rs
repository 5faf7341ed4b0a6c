//! The sink `buildbot` delivers to a real master, and finds again what it delivered.

use std::path::Path;
use std::sync::Arc;

use hookd_core::{Change, Secret, SecretSource, registry};
use hookd_sinks::{Known, Sink, SinkContext, SinkType, Verdict};
use hookd_store::{LoggedChange, Timestamp};
use hookd_tests::http::{self, Request};
use hookd_tests::{Buildbot, until};
use serde_json::{Value, json};

/// The project of the changes that the master's scheduler takes.
const SCHEDULED: &str = "built";

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn read(&self, _: &Secret) -> Result<Vec<u8>, String> {
        Err("there are none".to_owned())
    }
}

fn master(dialect: &str) -> Buildbot {
    let dialects = json!({dialect: {"class": "base", "options": {}}});
    Buildbot::start(&json!({"dialects": dialects, "pollers": [], "scheduled_project": SCHEDULED}))
}

fn sink(master: &Buildbot) -> Arc<dyn Sink> {
    let options = json!({"url": format!("http://{}/change_hook/base", master.address()), "proxy": false});
    let Value::Object(options) = options else { unreachable!("it is a table") };
    let context = SinkContext { name: "master", folder: Path::new("/"), secrets: &NoSecrets };
    let kind = registry::find::<SinkType>("buildbot").expect("it is linked");
    Arc::from((kind.build)(options, &context).unwrap_or_else(|problems| panic!("{problems:?}")))
}

/// A change of the log, with this number in its id.
fn logged(changeid: i64, change: Change) -> LoggedChange {
    let when_timestamp = change.when_timestamp.or(Some(1_700_000_000));
    LoggedChange {
        changeid,
        deliveryid: changeid,
        received_at: Timestamp::from_micros(1_700_000_000_000_000),
        dialect: "github".into(),
        hookd_id: format!("k3y-{changeid}-60a24181e4000"),
        change: Change { when_timestamp, ..change },
    }
}

fn pushed() -> Change {
    let Value::Object(properties) = json!({"n": 1, "list": [true, null], "text": "ü"}) else {
        unreachable!("it is one")
    };
    Change {
        author: "Änn <ann@example.org>".to_owned(),
        branch: Some("feature/ü&x=1".to_owned()),
        category: Some("push".to_owned()),
        codebase: "tea".to_owned(),
        comments: "Boil water; é & %C3\n\nwith + and =\n".to_owned(),
        committer: Some("Bob".to_owned()),
        files: vec!["a b.c".to_owned(), "ü\"'.txt".to_owned()],
        project: "kitchen".to_owned(),
        properties: properties.into(),
        repository: "https://example.org/tea?x=1&y=2".to_owned(),
        revision: Some("c0ffee+1".to_owned()),
        revlink: Some("https://example.org/tea/c0ffee".to_owned()),
        ..Change::default()
    }
}

/// The change as the master's own API shows it.
fn stored(master: &Buildbot, changeid: i64) -> Value {
    let answer =
        http::send(master.address(), &Request::get(format!("/api/v2/changes/{changeid}"))).expect("it answers");
    let mut answer: Value = serde_json::from_str(&answer.text()).expect("it answers with JSON");
    answer["changes"][0].take()
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn delivers_changes_to_a_real_master_and_finds_them_by_their_ids() {
    let master = master("base");
    let sink = sink(&master);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio runs");
    runtime.block_on(async {
        assert!(sink.is_healthy().await);

        // All fields arrive as they are.
        let change = logged(1, pushed());
        assert_eq!(sink.has(&change).await, Known::No);
        let attempt = sink.deliver(&change).await;
        assert_eq!((attempt.verdict, attempt.answer.as_str()), (Verdict::Delivered, "200 OK: 1 change found"));
        assert_eq!(sink.has(&change).await, Known::Yes("change 1".to_owned()));
        let mut expected = change.into_record(None).to_json();
        expected["properties"]["hookd_id"] = json!(["k3y-1-60a24181e4000", "Change"]);
        let stored = stored(&master, 1);
        for (field, value) in expected.as_object().expect("it is one") {
            if !["deliveryid", "hookd_id", "sourcestamp", "src"].contains(&field.as_str()) {
                assert_eq!(&stored[field], value, "{field}");
            }
        }

        // Null is null: neither a revision nor a branch, and what is empty.
        let bare = logged(2, Change::default());
        assert_eq!(sink.deliver(&bare).await.verdict, Verdict::Delivered);
        assert_eq!(sink.has(&bare).await, Known::Yes("change 2".to_owned()));
        let stored_bare = self::stored(&master, 2);
        assert_eq!((&stored_bare["revision"], &stored_bare["branch"]), (&Value::Null, &Value::Null));
        let empty = Change { revision: Some(String::new()), branch: Some(String::new()), ..Change::default() };
        let empty = logged(3, empty);
        assert_eq!(sink.deliver(&empty).await.verdict, Verdict::Delivered);
        assert_eq!(sink.has(&empty).await, Known::Yes("change 3".to_owned()));

        // More changes of one revision, branch and time than a page of the API has.
        for changeid in 4..=254 {
            assert_eq!(sink.deliver(&logged(changeid, pushed())).await.verdict, Verdict::Delivered);
        }
        for changeid in [1, 4, 128, 254] {
            assert_eq!(sink.has(&logged(changeid, pushed())).await, Known::Yes(format!("change {changeid}")));
        }
        assert_eq!(sink.has(&logged(255, pushed())).await, Known::No);

        // What became of them.
        let lines = sink.follow(&logged(254, pushed())).await.expect("it answers");
        let untaken = "no scheduler took it, or one still waits for the tree to be stable";
        assert_eq!(lines, ["change 254 of the master", untaken]);
        // What the master cannot take is the change's fault alone.
        let impossible = logged(256, Change { when_timestamp: Some(1_000_000_000_000_000), ..pushed() });
        let attempt = sink.deliver(&impossible).await;
        assert_eq!(attempt.verdict, Verdict::ThisChange, "{attempt:?}");
    });

    // Schedulers take no codebases that they do not name.
    let scheduled = Change { project: SCHEDULED.to_owned(), codebase: String::new(), ..pushed() };
    let scheduled = logged(257, scheduled);
    assert_eq!(runtime.block_on(sink.deliver(&scheduled)).verdict, Verdict::Delivered);
    let taken = "its builds have not begun yet (The AnyBranchScheduler scheduler named 'any' triggered this build)";
    until("the scheduler has taken the change", || {
        let lines = runtime.block_on(sink.follow(&scheduled)).expect("it answers");
        (lines == ["change 255 of the master", taken]).then_some(())
    });
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_real_master_without_the_base_dialect_is_misconfigured() {
    let master = master("other");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio runs");
    runtime.block_on(async {
        let attempt = sink(&master).deliver(&logged(1, pushed())).await;
        assert_eq!(attempt.verdict, Verdict::ThisSink, "{attempt:?}");
        assert!(attempt.answer.contains("wasn't whitelisted in change_hook"), "{attempt:?}");
        assert!(attempt.answer.contains("`change_hook_dialects`"), "{attempt:?}");
    });
}
