//! The fields of records in the REST API.

use std::fmt::Debug;

/// A field of one kind of record.
pub trait Field: Copy + Debug + PartialEq + 'static {
    /// All fields, in the order of the documentation.
    const ALL: &'static [Self];

    /// Its name in the REST API.
    fn name(self) -> &'static str;

    /// The kind of its values.
    fn kind(self) -> Kind;

    /// Whether it is the number of the record.
    fn is_number(self) -> bool;

    /// The field of a name in the REST API.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }
}

/// The kind of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Real,
    /// Texts.
    Text,
    /// Lists of texts: only `contains` means something.
    List,
    /// A [`crate::State`], by its name.
    State,
    /// Shown, but neither filtered nor ordered by.
    Opaque,
}

macro_rules! fields {
    ($(#[$about:meta])* $type:ident { $($field:ident $name:literal $kind:ident,)+ } numbers $($number:ident)|+) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the fields are those of the record")]
        pub enum $type {
            $($field,)+
        }

        impl Field for $type {
            const ALL: &'static [Self] = &[$(Self::$field,)+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                }
            }

            fn kind(self) -> Kind {
                match self {
                    $(Self::$field => Kind::$kind,)+
                }
            }

            fn is_number(self) -> bool {
                matches!(self, $(Self::$number)|+)
            }
        }
    };
}

fields! {
    /// A field of changes.
    ChangeField {
        Author "author" Text,
        Branch "branch" Text,
        Category "category" Text,
        Changeid "changeid" Integer,
        Codebase "codebase" Text,
        Comments "comments" Text,
        Committer "committer" Text,
        Deliveryid "deliveryid" Integer,
        Files "files" List,
        HookdId "hookd_id" Opaque,
        ParentChangeids "parent_changeids" Opaque,
        Project "project" Text,
        Properties "properties" Opaque,
        Repository "repository" Text,
        Revision "revision" Text,
        Revlink "revlink" Text,
        Sourcestamp "sourcestamp" Opaque,
        Sourcestampid "sourcestampid" Integer,
        Src "src" Text,
        WhenTimestamp "when_timestamp" Integer,
        ReceivedAt "received_at" Real,
    }
    numbers Changeid | Sourcestampid
}

fields! {
    /// A field of deliveries.
    DeliveryField {
        ApiCalls "api_calls" Opaque,
        Changeids "changeids" Opaque,
        Deliveryid "deliveryid" Integer,
        Dialect "dialect" Text,
        Event "event" Text,
        ForgeId "forge_id" Text,
        Key "key" Integer,
        Peer "peer" Text,
        Reason "reason" Text,
        ReceivedAt "received_at" Real,
        ReplayOf "replay_of" Integer,
        Size "size" Integer,
        State "state" State,
        User "user" Text,
        Verified "verified" Opaque,
    }
    numbers Deliveryid
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeRecord, DeliveryRecord, Origin, State, Timestamp};

    #[test]
    fn every_field_of_a_delivery_is_shown_under_its_name() {
        let record = DeliveryRecord {
            deliveryid: 1,
            received_at: Timestamp::from_micros(1_500_000),
            dialect: "base".to_owned(),
            forge_id: None,
            event: None,
            origin: Origin::NONE,
            replay_of: None,
            api_calls: None,
            state: State::Ignored,
            reason: None,
            changeids: Vec::new(),
            size: 0,
        };
        let shown = record.to_json();
        let names: Vec<_> = shown.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, DeliveryField::ALL.iter().map(|field| field.name()).collect::<Vec<_>>());
        assert_eq!((&shown["state"], &shown["received_at"]), (&"ignored".into(), &1.5.into()));
    }

    #[test]
    fn every_field_of_a_change_is_shown_under_its_name() {
        let record = ChangeRecord {
            changeid: 7,
            deliveryid: 1,
            received_at: Timestamp::default(),
            hookd_id: String::new(),
            parent_changeid: Some(3),
            change: hookd_core::Change::default(),
        };
        let shown = record.to_json();
        let names: std::collections::BTreeSet<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        // These two can be asked for besides, as Buildbot's `sourcestampid` can.
        let hidden = [ChangeField::Sourcestampid, ChangeField::ReceivedAt];
        let fields = ChangeField::ALL.iter().filter(|field| !hidden.contains(field));
        assert_eq!(names, fields.map(|field| field.name()).collect());
        assert_eq!(shown["parent_changeids"], serde_json::json!([3]));
    }

    #[test]
    fn fields_are_found_by_their_name() {
        for field in ChangeField::ALL {
            assert_eq!(ChangeField::from_name(field.name()), Some(*field));
        }
        assert_eq!(DeliveryField::from_name("branch"), None);
    }
}
