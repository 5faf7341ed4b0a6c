//! Replays over a store in memory, with a dialect that does as its configuration of the moment says.

use std::time::Duration;

use hookd_core::{HookRequest, Refusal, Subject};
use hookd_store::{Log as _, MemoryStore, NewState, Store as _, StoredRequest};

use super::*;
use crate::scripted::{self, NAME, Scripted, one_change};

/// A delivery of the scripted dialect with this body.
fn delivery(body: &'static str, state: NewState) -> NewDelivery {
    let request = HookRequest::post("/change_hook/scripted").with_body(body);
    NewDelivery {
        received_at: Timestamp::from_micros(7_000_000),
        dialect: NAME.to_owned(),
        event: Some("push".to_owned()),
        forge_id: Some("72d3".to_owned()),
        deduplicate: false,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        note: None,
        request: Some(StoredRequest::new(&request, &[])),
        state,
    }
}

/// A store with a delivery that made no change when it came, and what replays it under a configuration that makes one of
/// each body.
async fn replayer() -> (Arc<MemoryStore>, Replayer) {
    let store = Arc::new(MemoryStore::new());
    store.append(delivery("fix", NewState::Ignored("skipped".to_owned()))).await.unwrap();
    let now = Scripted::new(|request, _| match request.body().as_ref() {
        b"wrong" => Err(Refusal::new("`ref` is missing")),
        body => Ok(one_change(&String::from_utf8_lossy(body))),
    });
    let config = scripted::config("", Some(now.served(Duration::ZERO)));
    let replayer = Replayer::new(Arc::clone(&store) as SharedStore, config, Arc::default(), Queue::new().0);
    (store, replayer)
}

#[tokio::test]
async fn a_replay_is_a_new_delivery_whose_changes_name_the_original() {
    let (store, replayer) = replayer().await;
    let replayed = replayer.replay(1, "one".to_owned()).await.unwrap();
    let expected = json!({
        "deliveryid": 2, "replay_of": 1, "state": "accepted", "changes": 1, "reason": null, "repeated": false,
    });
    assert_eq!(replayed, expected);
    let record = store.reader().delivery(2).unwrap().unwrap();
    assert_eq!(
        (record.replay_of, record.event.as_deref(), record.forge_id.as_deref()),
        (Some(1), Some("push"), Some("72d3"))
    );
    assert!(record.received_at > Timestamp::from_micros(7_000_000));
    let change = store.reader().change(1).unwrap().unwrap().change;
    assert_eq!((change.comments.as_str(), change.when_timestamp), ("fix", Some(7)));
    assert_eq!(change.properties.get(REPLAY_PROPERTY), Some(&json!(1)));

    // The answer got lost, and it is asked for again; another time it is meant anew. A replay of it is one of the original.
    assert_eq!(replayer.replay(1, "one".to_owned()).await.unwrap()["repeated"], true);
    assert_eq!(replayer.replay(1, "two".to_owned()).await.unwrap()["deliveryid"], 3);
    let again = replayer.replay(3, "three".to_owned()).await.unwrap();
    assert_eq!((&again["deliveryid"], &again["replay_of"]), (&json!(4), &json!(1)));
    assert_eq!(replayer.replay(3, "three".to_owned()).await.unwrap()["deliveryid"], 4);
    assert_eq!(*store.tail().borrow(), 3);
}

#[tokio::test]
async fn a_preview_says_what_would_be_different_and_stores_nothing() {
    let (store, replayer) = replayer().await;
    let NewDelivery { state, .. } = delivery("", scripted_state("as before"));
    store.append(delivery("as before", state)).await.unwrap();
    store.append(delivery("other", scripted_state("before"))).await.unwrap();
    store.append(delivery("wrong", scripted_state("before"))).await.unwrap();
    let mut previews = Vec::new();
    for deliveryid in 1..=4 {
        let preview = replayer.preview(deliveryid).await.unwrap();
        previews.push((preview["result"].clone(), preview["text"].clone()));
    }
    let expected = [
        ("different", json!(["state: ignored: skipped -> accepted", "one change more: branch -, revision -"])),
        ("same", json!([])),
        ("different", json!(["change 2: branch -, revision -\n  comments: \"before\" -> \"other\""])),
        (
            "different",
            json!(["state: accepted -> refused: `ref` is missing", "no longer change 3: branch -, revision -"]),
        ),
    ];
    assert_eq!(previews, expected.map(|(result, text)| (json!(result), text)));
    assert_eq!((store.reader().delivery(5).unwrap(), *store.tail().borrow()), (None, 3));
}

fn scripted_state(comments: &str) -> NewState {
    new_state(one_change(comments))
}

#[tokio::test]
async fn says_why_a_delivery_cannot_be_replayed() {
    let (store, replayer) = replayer().await;
    store.append(delivery("", NewState::Pending { reported_changes: 1, about: Subject::default() })).await.unwrap();
    store.append(NewDelivery { request: None, ..delivery("", scripted_state("polled")) }).await.unwrap();
    store.append(NewDelivery { dialect: "gone".to_owned(), ..delivery("", scripted_state("")) }).await.unwrap();
    let mut reasons = Vec::new();
    for deliveryid in [9, 2, 3, 4] {
        reasons.push(match replayer.replay(deliveryid, "one".to_owned()).await {
            Err(CannotReplay::Refused(reason)) => reason,
            Err(other) => format!("{other:?}"),
            Ok(replayed) => panic!("{replayed}"),
        });
    }
    let expected = [
        "NoDelivery",
        "it is still pending: the forge's API is being asked",
        "its request is not there: it came without one, or it is no longer kept",
        "the dialect `gone` is not configured",
    ];
    assert_eq!(reasons, expected);
    // Nobody would be served by a replay that cannot be; a preview says what would become of such a delivery now.
    let preview = replayer.preview(4).await.unwrap();
    assert_eq!(preview["text"], json!(["state: accepted -> refused: the dialect `gone` is not configured"]));
}
