//! The golden file: the bytes of every kind of record, held against the code that writes and reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use hookd_core::{Change, Method, Proof};
use hookd_store::{Identity, RequestHead, Settlement, SettlementKind, State, StoredRequest, Timestamp};
use serde_json::json;

use super::version::VERSION;
use super::{
    Block, BlockBuilder, Columns, DeliveryEntry, Group, IndexedOutcome, Records, TextList, read_done, read_settlements,
    request_at, unpack, write_done, write_settlements,
};

/// Set it to write the file anew.
const REPLACE: &str = "HOOKD_REPLACE_GOLDEN";

pub(super) const HOW_TO_REPLACE: &str = "the format on disk is not that of the golden file. If that is meant: before the first release \
    raise VERSION in src/format/version.rs and run `HOOKD_REPLACE_GOLDEN=1 cargo test -p hookd-store-sqlite golden`, which \
    writes the file of that version; after it, write a migration as well, and keep the old file and its test";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/format/golden/version_{VERSION}.txt"))
}

/// A change with all fields.
fn full() -> Change {
    let properties = json!({
        "null": null, "no": false, "yes": true, "small": -7, "large": u64::MAX, "float": 0.1, "text": "ü",
        "list": [1, ["two"], {}], "object": {"name": {"nested": []}},
    });
    Change {
        author: "Ada <ada@example.org>".to_owned(),
        branch: Some("main".to_owned()),
        category: Some("push".to_owned()),
        codebase: "engine".to_owned(),
        comments: "First line\n\nsecond".to_owned(),
        committer: Some("Grace <grace@example.org>".to_owned()),
        files: vec!["a.c".to_owned(), "src/b.c".to_owned()],
        project: "acme".to_owned(),
        properties: properties.as_object().unwrap().clone().into(),
        repository: "https://git.example.org/acme".to_owned(),
        revision: Some("c0ffee".to_owned()),
        revlink: Some("https://git.example.org/acme/c0ffee".to_owned()),
        src: Some("git".to_owned()),
        when_timestamp: Some(-1),
    }
}

/// A change that has properties in common with others.
fn shared() -> Change {
    let both = json!({"own": 1, "shared": 2}).as_object().unwrap().clone();
    let mut properties = hookd_core::Properties::from(both).into_shared();
    properties.insert("own".to_owned(), 3.into());
    Change { properties, ..Change::default() }
}

fn request(method: Method, query: &str, body: &'static str) -> StoredRequest {
    let headers = [("X-Event", "push"), ("User-Agent", ""), ("X-Delivery", "72d3162e")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let path = "/change_hook/github".to_owned();
    StoredRequest { head: RequestHead { method, path, query: query.to_owned(), headers }, body: body.into() }
}

/// A delivery of each state, with its request, if it has one; the lengths of that are left to the builder.
fn deliveries() -> Vec<(DeliveryEntry<'static>, Option<StoredRequest>)> {
    let entry = |state| DeliveryEntry {
        received_at: 1_700_000_000_250_000,
        dialect: "github",
        forge_id: None,
        identity: None,
        event: None,
        state,
        reason: None,
        reported_changes: 0,
        first_changeid: None,
        change_count: 0,
        head_length: 0,
        body_length: 0,
        peer: None,
        user: None,
        proof: Proof::NotRequired,
        replay_of: None,
    };
    let verified = Proof::Verified { key: None };
    vec![
        (
            DeliveryEntry {
                forge_id: Some("72d3162e"),
                identity: Some(Identity::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)),
                event: Some("push"),
                reported_changes: 2,
                first_changeid: Some(300),
                change_count: 2,
                peer: Some("192.0.2.7"),
                proof: Proof::Verified { key: Some(2) },
                ..entry(State::Accepted)
            },
            Some(request(Method::Post, "project=acme", "{\"ref\": \"refs/heads/main\"}")),
        ),
        (DeliveryEntry { reason: Some("nothing to build"), received_at: -1, ..entry(State::Ignored) }, None),
        (
            DeliveryEntry {
                reason: Some(""),
                dialect: "base",
                user: Some("ann"),
                proof: verified,
                ..entry(State::Refused)
            },
            Some(request(Method::Get, "", "")),
        ),
        (
            DeliveryEntry { forge_id: Some(""), reported_changes: 200, replay_of: Some(1), ..entry(State::Pending) },
            None,
        ),
    ]
}

/// The deliveries with the changes of the first; then a block of what completed the last.
fn blocks() -> [Block; 2] {
    let mut builder = BlockBuilder::new().unwrap();
    deliveries().iter().for_each(|(entry, request)| builder.delivery(*entry, request.as_ref()));
    builder.changes(&first_group(), &[full(), shared(), Change::default()]);
    let first = builder.finish().unwrap().unwrap();
    builder.changes(&completed_group(), &[Change::default()]);
    [first, builder.finish().unwrap().unwrap()]
}

fn first_group() -> Group<'static> {
    Group { deliveryid: 1, received_at: 1_700_000_000_250_000, dialect: "github" }
}

fn completed_group() -> Group<'static> {
    Group { deliveryid: 4, received_at: 1_700_000_000_250_000, dialect: "github" }
}

/// The parts of the file by their names.
fn parts() -> Vec<(&'static str, Vec<u8>)> {
    let [first, completed] = blocks();
    vec![
        ("deliveries-and-changes", first.records),
        ("requests", first.requests.unwrap()),
        ("completed-changes", completed.records),
        ("cursor-done", write_done(7, &[9, 10, 1000])),
        ("index-texts", texts().pack().unwrap()),
        ("index-columns", columns().pack().unwrap()),
        ("settlements", write_settlements(&settlements())),
    ]
}

/// Two that were delivered with one answer, and one that a filter dropped in between.
fn settlements() -> [Settlement; 3] {
    let one = |changeid, kind, attempts, answer: &str| Settlement {
        changeid,
        settled_at: Timestamp::from_micros(1_700_000_000_250_000 + changeid),
        kind,
        attempts,
        answer: answer.to_owned(),
    };
    [
        one(7, SettlementKind::Delivered, 1, "200 OK"),
        one(8, SettlementKind::Filtered, 0, "branch"),
        one(300, SettlementKind::Delivered, 1000, "200 OK"),
    ]
}

fn texts() -> TextList {
    TextList::new(["https://git.example.org/acme", "main", "", "Ümlaut"])
}

/// Of two deliveries, three changes and an outcome.
fn columns() -> Columns {
    let mut columns = Columns::default();
    [300, 300, 7].into_iter().for_each(|deliveryid| columns.owners.push(deliveryid));
    for (number, code) in [(1, 1), (0, 0)] {
        columns.states.push(code);
        columns.deliveries.iter_mut().for_each(|column| column.push(number));
    }
    for number in [1, 1, 4] {
        columns.changes.iter_mut().for_each(|column| column.push(number));
    }
    columns.outcomes.push(IndexedOutcome { deliveryid: 7, state: 2, reason: 3 });
    columns
}

/// The bytes that the file has under a name.
fn golden(name: &str) -> Vec<u8> {
    static REPLACED: Once = Once::new();
    if std::env::var_os(REPLACE).is_some() {
        let lines = parts().into_iter().map(|(name, bytes)| format!("{name} {}\n", hex::encode(bytes)));
        REPLACED.call_once(|| fs::write(path(), lines.collect::<String>()).unwrap());
    }
    let text =
        fs::read_to_string(path()).unwrap_or_else(|error| panic!("{}: {error}; {HOW_TO_REPLACE}", path().display()));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    hex::decode(line.unwrap_or_else(|| panic!("the golden file has no `{name}`"))).unwrap()
}

#[test]
fn golden_bytes_are_those_that_are_written_today() {
    for (name, bytes) in parts() {
        // What zstd makes of the same bytes may differ from version to version.
        let plain = |bytes: &[u8]| match name {
            "cursor-done" | "settlements" => bytes.to_vec(),
            _ => unpack(bytes).unwrap(),
        };
        assert!(plain(&golden(name)) == plain(&bytes), "{name}: {HOW_TO_REPLACE}");
    }
}

#[test]
fn golden_records_are_read_as_they_were_written() {
    let [first, completed] = ["deliveries-and-changes", "completed-changes"]
        .map(|name| Records::read(&golden(name)).unwrap_or_else(|error| panic!("{name}: {error}; {HOW_TO_REPLACE}")));
    let (mut read, mut offset) = (first.deliveries(), 0);
    for (expected, request) in deliveries() {
        let entry = read.read().expect(HOW_TO_REPLACE);
        let plain = DeliveryEntry { head_length: 0, body_length: 0, ..entry };
        assert_eq!(plain, expected, "{HOW_TO_REPLACE}");
        assert_eq!(
            (entry.head_length > 0, entry.body_length),
            (request.is_some(), request.as_ref().map_or(0, |r| r.body.len()))
        );
        if let Some(request) = request {
            assert_eq!(
                request_at(&golden("requests"), entry.place(offset), entry.forge_id).expect(HOW_TO_REPLACE),
                request
            );
        }
        offset = entry.place(offset).end();
    }
    let mut changes = first.changes();
    for expected in [full(), shared(), Change::default()] {
        assert_eq!(changes.read().expect(HOW_TO_REPLACE), (first_group(), expected), "{HOW_TO_REPLACE}");
    }
    assert!(changes.read().is_err(), "there is no fourth change");
    assert_eq!(completed.changes().read().expect(HOW_TO_REPLACE), (completed_group(), Change::default()));
    assert!(completed.deliveries().read().is_err(), "a completion brings no delivery");
    assert_eq!(read_done(7, &golden("cursor-done")).unwrap(), [9, 10, 1000]);
    assert_eq!(TextList::unpack(&golden("index-texts")).unwrap(), texts());
    assert_eq!(Columns::unpack(&golden("index-columns")).unwrap(), columns());
    assert_eq!(read_settlements(7, &golden("settlements")).expect(HOW_TO_REPLACE), settlements());
}

#[test]
fn changes_are_passed_over_as_they_are_read() {
    let records = Records::read(&golden("deliveries-and-changes")).unwrap();
    let (mut read, mut passed) = (records.changes(), records.changes());
    for _ in 0..3 {
        let (_, change) = read.read().unwrap();
        assert_eq!(passed.pass().unwrap(), super::Passed::of(&change));
        // And continued from any place between them.
        let mut continued = records.changes_from(read.bookmark()).unwrap();
        assert_eq!(continued.read().ok(), records.changes_from(passed.bookmark()).unwrap().read().ok());
    }
}
