//! The fields of records that the REST API filters and orders by.

use crate::{Field, Kind};

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// The fields of changes in the REST API.
pub static CHANGE_FIELDS: [Field; 21] = [
    field("author", Kind::Text),
    field("branch", Kind::Text),
    field("category", Kind::Text),
    field("changeid", Kind::Integer),
    field("codebase", Kind::Text),
    field("comments", Kind::Text),
    field("committer", Kind::Text),
    field("deliveryid", Kind::Integer),
    field("files", Kind::List),
    field("hookd_id", Kind::Opaque),
    field("parent_changeids", Kind::Opaque),
    field("project", Kind::Text),
    field("properties", Kind::Opaque),
    field("repository", Kind::Text),
    field("revision", Kind::Text),
    field("revlink", Kind::Text),
    field("sourcestamp", Kind::Opaque),
    field("sourcestampid", Kind::Integer),
    field("src", Kind::Text),
    field("when_timestamp", Kind::Integer),
    field("received_at", Kind::Real),
];

/// The fields of deliveries in the REST API.
pub static DELIVERY_FIELDS: [Field; 9] = [
    field("changeids", Kind::Opaque),
    field("deliveryid", Kind::Integer),
    field("dialect", Kind::Text),
    field("event", Kind::Text),
    field("forge_id", Kind::Text),
    field("reason", Kind::Text),
    field("received_at", Kind::Real),
    field("size", Kind::Integer),
    field("state", Kind::State),
];
