//! The records of a block: its deliveries and changes, read one after the other.

use std::sync::Arc;

use hookd_core::{Change, Proof};
use hookd_store::{Identity, State};
use serde_json::{Map, Value};

use super::change::{self, Passed};
use super::request::RequestPlace;
use super::version::unpack;
use super::wire::{
    Input, broken, write_integer, write_length, write_map, write_number, write_optional_text, write_text,
};
use crate::error::Failure;

/// The bytes before the deliveries: how many bytes they take.
pub(super) const LENGTH_BYTES: usize = size_of::<u32>();

/// What blocks are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Deliveries,
    Changes,
}

/// A delivery as it was when it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryEntry<'b> {
    /// Microseconds since 1970.
    pub(crate) received_at: i64,
    pub(crate) dialect: &'b str,
    pub(crate) forge_id: Option<&'b str>,
    /// There is one where there is a forge id, and of each replay.
    pub(crate) identity: Option<Identity>,
    pub(crate) event: Option<&'b str>,
    pub(crate) state: State,
    pub(crate) reason: Option<&'b str>,
    /// How many changes the answer to the sender reports.
    pub(crate) reported_changes: usize,
    /// The first of its changes in this block, where it has some.
    pub(crate) first_changeid: Option<i64>,
    pub(crate) change_count: usize,
    /// The bytes that its request takes among the requests of the block; a head of none means that there is no request.
    pub(crate) head_length: usize,
    pub(crate) body_length: usize,
    pub(crate) peer: Option<&'b str>,
    pub(crate) user: Option<&'b str>,
    pub(crate) proof: Proof,
    /// The delivery that it replays.
    pub(crate) replay_of: Option<i64>,
}

impl<'b> DeliveryEntry<'b> {
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        write_integer(to, self.received_at);
        write_text(to, self.dialect);
        write_optional_text(to, self.forge_id);
        match self.identity {
            Some(identity) => {
                to.push(1);
                to.extend_from_slice(&identity.to_u128().to_le_bytes());
            }
            None => to.push(0),
        }
        write_optional_text(to, self.event);
        to.push(state_code(self.state));
        write_optional_text(to, self.reason);
        write_length(to, self.reported_changes);
        // Numbers begin with one.
        write_number(to, self.first_changeid.unwrap_or(0).cast_unsigned());
        write_length(to, self.change_count);
        write_length(to, self.head_length);
        write_length(to, self.body_length);
        write_optional_text(to, self.peer);
        write_optional_text(to, self.user);
        write_number(to, proof_code(self.proof));
        write_number(to, self.replay_of.unwrap_or(0).cast_unsigned());
    }

    fn read(input: &mut Input<'b>) -> Result<Self, Failure> {
        Ok(Self {
            received_at: input.integer()?,
            dialect: input.text()?,
            forge_id: input.optional_text()?,
            identity: read_identity(input)?,
            event: input.optional_text()?,
            state: state_from_code(input.byte()?.into())?,
            reason: input.optional_text()?,
            reported_changes: input.size()?,
            first_changeid: Some(input.number()?.cast_signed()).filter(|changeid| *changeid != 0),
            change_count: input.size()?,
            head_length: input.size()?,
            body_length: input.size()?,
            peer: input.optional_text()?,
            user: input.optional_text()?,
            proof: proof_from_code(input.number()?)?,
            replay_of: Some(input.number()?.cast_signed()).filter(|deliveryid| *deliveryid != 0),
        })
    }

    /// The identity by which it is found: none where it has no changes, nor may get some. What it is found by stays as
    /// it was when it was received.
    pub(crate) fn indexed_identity(&self) -> Option<Identity> {
        self.identity.filter(|_| self.state.may_have_changes())
    }

    /// The place of its request, when those before it end at `offset`.
    pub(crate) fn place(&self, offset: usize) -> RequestPlace {
        RequestPlace { offset, head_length: self.head_length, body_length: self.body_length }
    }

    /// The numbers of its changes in this block.
    pub(crate) fn changeids(&self) -> std::ops::Range<i64> {
        let count = i64::try_from(self.change_count).unwrap_or(i64::MAX);
        self.first_changeid.map(|first| first..first.saturating_add(count)).unwrap_or_default()
    }
}

fn read_identity(input: &mut Input<'_>) -> Result<Option<Identity>, Failure> {
    Ok(match input.byte()? {
        0 => None,
        1 => {
            let bytes = input.bytes(size_of::<u128>())?.try_into().map_err(|_| broken("an identity ends too soon"))?;
            Some(Identity::from_u128(u128::from_le_bytes(bytes)))
        }
        _ => return Err(broken("an identity is neither there nor missing")),
    })
}

/// The code of a proof on disk.
fn proof_code(proof: Proof) -> u64 {
    match proof {
        Proof::NotRequired => 0,
        Proof::Verified { key } => 1 + u64::from(key.unwrap_or(0)),
    }
}

/// The proof of a code. Keys are numbered from 1.
///
/// # Errors
/// When there is none.
fn proof_from_code(code: u64) -> Result<Proof, Failure> {
    let Some(key) = code.checked_sub(1) else { return Ok(Proof::NotRequired) };
    let key = u32::try_from(key).map_err(|_| broken("a delivery has an unknown proof"))?;
    Ok(Proof::Verified { key: (key > 0).then_some(key) })
}

/// The code of a state on disk.
pub(crate) fn state_code(state: State) -> u8 {
    match state {
        State::Pending => 0,
        State::Accepted => 1,
        State::Ignored => 2,
        State::Refused => 3,
    }
}

/// The state of a code.
///
/// # Errors
/// When there is none.
pub(crate) fn state_from_code(code: i64) -> Result<State, Failure> {
    Ok(match code {
        0 => State::Pending,
        1 => State::Accepted,
        2 => State::Ignored,
        3 => State::Refused,
        _ => return Err(broken("a delivery has an unknown state")),
    })
}

/// The delivery that the changes after this header are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group<'b> {
    pub(crate) deliveryid: i64,
    /// When that was received, in microseconds since 1970.
    pub(crate) received_at: i64,
    pub(crate) dialect: &'b str,
}

impl<'b> Group<'b> {
    pub(super) fn write(&self, to: &mut Vec<u8>, count: usize, shared: &[&Arc<Map<String, Value>>]) {
        write_integer(to, self.deliveryid);
        write_integer(to, self.received_at);
        write_text(to, self.dialect);
        write_length(to, count);
        write_length(to, shared.len());
        shared.iter().for_each(|properties| write_map(to, properties.iter()));
    }

    fn read(input: &mut Input<'b>) -> Result<(Self, usize, SharedProperties<'b>), Failure> {
        let group = Self { deliveryid: input.integer()?, received_at: input.integer()?, dialect: input.text()? };
        let (count, shared_count) = (input.length()?, input.length()?);
        let shared = SharedProperties { input: *input, count: shared_count, read: None };
        for _ in 0..shared_count {
            input.pass_map()?;
        }
        Ok((group, count, shared))
    }
}

/// The properties that changes of a group share. They are read once, and only when a change is.
#[derive(Clone)]
struct SharedProperties<'b> {
    input: Input<'b>,
    count: usize,
    read: Option<Vec<Arc<Map<String, Value>>>>,
}

impl SharedProperties<'_> {
    fn read(&mut self) -> Result<&[Arc<Map<String, Value>>], Failure> {
        if self.read.is_none() {
            let input = &mut self.input;
            self.read = Some((0..self.count).map(|_| input.map().map(Arc::new)).collect::<Result<_, _>>()?);
        }
        Ok(self.read.as_deref().unwrap_or_default())
    }
}

/// The records of a block, decompressed.
pub(crate) struct Records {
    bytes: Vec<u8>,
    /// Where the changes begin.
    changes: usize,
}

impl Records {
    /// # Errors
    /// When the block is broken, or of another version.
    pub(crate) fn read(packed: &[u8]) -> Result<Self, Failure> {
        let bytes = unpack(packed)?;
        let length = bytes.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
        match length.and_then(|length| length.checked_add(LENGTH_BYTES)).filter(|end| *end <= bytes.len()) {
            Some(changes) => Ok(Self { bytes, changes }),
            None => Err(broken("its records end too soon")),
        }
    }

    /// The deliveries, in their order.
    pub(crate) fn deliveries(&self) -> Deliveries<'_> {
        Deliveries(Input::new(&self.bytes[LENGTH_BYTES..self.changes]))
    }

    /// The changes, in their order.
    pub(crate) fn changes(&self) -> Changes<'_> {
        let input = Input::new(&self.bytes[self.changes..]);
        let shared = SharedProperties { input, count: 0, read: None };
        Changes { all: input.left(), input, group: Group::default(), shared, header: 0, left: 0 }
    }

    /// The changes from a place on that an earlier reader of the same records gave.
    ///
    /// # Errors
    /// When the place is none of these records.
    pub(crate) fn changes_from(&self, place: Bookmark) -> Result<Changes<'_>, Failure> {
        let mut changes = self.changes();
        let all = changes.input;
        if place.left > 0 {
            let mut header = all;
            header.bytes(place.header)?;
            (changes.group, _, changes.shared) = Group::read(&mut header)?;
        }
        changes.input.bytes(place.offset)?;
        (changes.header, changes.left) = (place.header, place.left);
        Ok(changes)
    }

    /// How many bytes of memory they take.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The deliveries of a block.
pub(crate) struct Deliveries<'b>(Input<'b>);

impl<'b> Deliveries<'b> {
    /// Reads the next one.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn read(&mut self) -> Result<DeliveryEntry<'b>, Failure> {
        DeliveryEntry::read(&mut self.0)
    }
}

/// The changes of a block.
pub(crate) struct Changes<'b> {
    /// How many bytes all of them take.
    all: usize,
    input: Input<'b>,
    group: Group<'b>,
    shared: SharedProperties<'b>,
    /// Where the header of the group begins.
    header: usize,
    /// How many changes of the group are left.
    left: usize,
}

/// A place among the changes of a block, to go on from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bookmark {
    header: usize,
    offset: usize,
    left: usize,
}

impl<'b> Changes<'b> {
    /// Reads the next one, with the delivery that it is of.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn read(&mut self) -> Result<(Group<'b>, Change), Failure> {
        self.begin()?;
        Ok((self.group, change::read(&mut self.input, self.shared.read()?)?))
    }

    /// Passes over the next one.
    ///
    /// # Errors
    /// As [`Changes::read`].
    pub(crate) fn pass(&mut self) -> Result<Passed<'b>, Failure> {
        self.begin()?;
        change::pass(&mut self.input)
    }

    /// The same, with the delivery that it is of.
    ///
    /// # Errors
    /// As [`Changes::read`].
    pub(crate) fn pass_of_group(&mut self) -> Result<(Group<'b>, Passed<'b>), Failure> {
        let passed = self.pass()?;
        Ok((self.group, passed))
    }

    /// The place before the next one.
    pub(crate) fn bookmark(&self) -> Bookmark {
        Bookmark { header: self.header, offset: self.all - self.input.left(), left: self.left }
    }

    /// Reads headers until there is a change, and counts that.
    fn begin(&mut self) -> Result<(), Failure> {
        while self.left == 0 {
            self.header = self.all - self.input.left();
            (self.group, self.left, self.shared) = Group::read(&mut self.input)?;
        }
        self.left -= 1;
        Ok(())
    }
}
