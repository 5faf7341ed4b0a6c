//! A run of settlements: how changes ended that one move of a cursor settled, as far as nobody has to do anything about them.
//!
//! | | |
//! |---|---|
//! | list of texts | the answers, each once |
//! | number | how many settlements |
//! | for each, ascending by change | number: how far its change is from the one before (the first from the first of the run); integer: how much later it was settled than the one before (the first than 1970), in microseconds; number: attempts; number: twice the index of its answer, and one more where a filter dropped the change |
//! | one byte | the version of the format |
//! | eight bytes | XXH3 (64 bits) of all of that, little-endian |

use hookd_store::{Settlement, SettlementKind, Timestamp};

use super::version::{seal, unseal};
use super::wire::{self, broken};
use crate::error::Failure;

/// The bytes of settlements, which are delivered or filtered and ascend by change.
pub(crate) fn write_settlements(settlements: &[Settlement]) -> Vec<u8> {
    let mut answers: Vec<&str> = Vec::new();
    let mut bodies = Vec::with_capacity(8 * settlements.len());
    let (mut changeid, mut settled_at) = (settlements.first().map_or(0, |first| first.changeid), 0);
    for settlement in settlements {
        // Answers repeat, and mostly the last one.
        let known = answers.iter().rposition(|answer| *answer == settlement.answer);
        let answer = known.unwrap_or_else(|| {
            answers.push(&settlement.answer);
            answers.len() - 1
        });
        wire::write_number(&mut bodies, settlement.changeid.abs_diff(changeid));
        wire::write_integer(&mut bodies, settlement.settled_at.as_micros().wrapping_sub(settled_at));
        wire::write_number(&mut bodies, u64::from(settlement.attempts));
        let is_filtered = settlement.kind == SettlementKind::Filtered;
        wire::write_number(&mut bodies, 2 * answer as u64 + u64::from(is_filtered));
        (changeid, settled_at) = (settlement.changeid, settlement.settled_at.as_micros());
    }
    let mut bytes = Vec::with_capacity(bodies.len() + 32);
    wire::write_length(&mut bytes, answers.len());
    answers.iter().for_each(|answer| wire::write_text(&mut bytes, answer));
    wire::write_length(&mut bytes, settlements.len());
    bytes.append(&mut bodies);
    seal(&mut bytes);
    bytes
}

/// Reads what [`write_settlements`] wrote.
///
/// # Errors
/// When it is broken, or of another version.
pub(crate) fn read_settlements(first_changeid: i64, bytes: &[u8]) -> Result<Vec<Settlement>, Failure> {
    let mut input = wire::Input::new(unseal(bytes)?);
    let answers = input.texts()?;
    let count = input.length()?;
    let mut settlements = Vec::with_capacity(count);
    let (mut changeid, mut settled_at) = (first_changeid, 0_i64);
    for _ in 0..count {
        let distance = i64::try_from(input.number()?).map_err(|_| broken("a change is too far away"))?;
        changeid = changeid.saturating_add(distance);
        settled_at = settled_at.wrapping_add(input.integer()?);
        let attempts = u32::try_from(input.number()?).map_err(|_| broken("there are too many attempts"))?;
        let ended = input.size()?;
        let answer = answers.get(ended / 2).ok_or_else(|| broken("an answer is missing"))?;
        settlements.push(Settlement {
            changeid,
            settled_at: Timestamp::from_micros(settled_at),
            kind: if ended % 2 == 0 { SettlementKind::Delivered } else { SettlementKind::Filtered },
            attempts,
            answer: answer.clone(),
        });
    }
    if input.is_empty() { Ok(settlements) } else { Err(broken("it goes on after its end")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settlement(changeid: i64, settled_at: i64, answer: &str) -> Settlement {
        let kind = if changeid % 2 == 0 { SettlementKind::Delivered } else { SettlementKind::Filtered };
        let settled_at = Timestamp::from_micros(settled_at);
        Settlement { changeid, settled_at, kind, attempts: 1, answer: answer.to_owned() }
    }

    #[test]
    fn settlements_come_back_whatever_the_clock_did() {
        let times = [1_700_000_000_000_000, 0, -5, i64::MAX, i64::MIN, 7];
        let settlements: Vec<_> =
            (100..).step_by(3).zip(times).map(|(changeid, at)| settlement(changeid, at, "ü")).collect();
        assert_eq!(read_settlements(100, &write_settlements(&settlements)).unwrap(), settlements);
    }

    #[test]
    fn equal_answers_take_no_space() {
        let of = |answer: &str| (1..=500).map(|changeid| settlement(changeid, 0, answer)).collect::<Vec<_>>();
        let (short, long) = (write_settlements(&of("")).len(), write_settlements(&of(&"x".repeat(100))).len());
        assert_eq!(long, short + 100);
        assert!(short < 5 * 500, "{short}");
    }

    #[test]
    fn what_is_damaged_is_noticed() {
        let bytes = write_settlements(&[settlement(1, 5, "written"), settlement(2, 6, "written")]);
        for index in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[index] ^= 1;
            assert!(read_settlements(1, &bad).is_err(), "{index}");
        }
        assert!(read_settlements(1, &[]).is_err());
    }
}
