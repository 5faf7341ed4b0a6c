//! Which numbers a query asks for, as far as its filters of the number say.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use hookd_store::{Field, Filter, Operator, Query, Value};

/// How many records that nobody asked for are read rather than looking for the next one.
const MAX_GAP_RECORDS: i64 = 16;

/// What filters of the number leave of these numbers.
pub(super) fn narrowed<F: Field>(ids: RangeInclusive<i64>, filters: &[Filter<F>]) -> RangeInclusive<i64> {
    let (mut first, mut last) = ids.into_inner();
    for filter in filters {
        let Some((least, greatest)) = ends(filter) else { continue };
        match filter.operator {
            Operator::Eq => (first, last) = (first.max(least), last.min(greatest)),
            Operator::Gt => first = first.max(greatest.saturating_add(1)),
            Operator::Ge => first = first.max(greatest),
            Operator::Lt => last = last.min(least.saturating_sub(1)),
            Operator::Le => last = last.min(least),
            Operator::Ne | Operator::Contains | Operator::StartsWith => {}
        }
    }
    first..=last
}

/// The numbers that a filter asks for one by one; `None` where no filter does.
pub(super) fn numbers<F: Field>(filters: &[Filter<F>]) -> Option<BTreeSet<i64>> {
    let filter = filters.iter().find(|filter| filter.operator == Operator::Eq && ends(filter).is_some())?;
    let number = |value: &Value| if let Value::Integer(id) = value { Some(*id) } else { None };
    Some(filter.values.iter().filter_map(number).collect())
}

/// Few ranges that include these numbers, which ascend: neighbours are mostly in one block.
pub(super) fn ranges(numbers: impl Iterator<Item = i64>) -> Vec<RangeInclusive<i64>> {
    let mut ranges: Vec<RangeInclusive<i64>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if number - *last.end() <= MAX_GAP_RECORDS => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

/// The least and the greatest value of a filter of the number; `None` for other filters.
fn ends<F: Field>(filter: &Filter<F>) -> Option<(i64, i64)> {
    let integer = |value: &Value| if let Value::Integer(id) = value { Some(*id) } else { None };
    let ids: Vec<i64> = filter.values.iter().map(integer).collect::<Option<_>>()?;
    filter.field.is_number().then_some(())?;
    Some((*ids.iter().min()?, *ids.iter().max()?))
}

/// The numbers of the page of a query that asks for all in a range of numbers, in their order, and how many match in all:
/// they are counted, not searched. `None` where the query asks for more.
pub(super) fn dense<F: Field>(query: &Query<F>, ids: &RangeInclusive<i64>) -> Option<(RangeInclusive<i64>, u64)> {
    let is_range = |filter: &Filter<F>| {
        ends(filter).is_some()
            && (matches!(filter.operator, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le)
                || (filter.operator == Operator::Eq && filter.values.len() == 1))
    };
    if !query.filters.iter().all(is_range) || query.order.first().is_some_and(|by| !by.field.is_number()) {
        return None;
    }
    let (first, last) = (*ids.start(), *ids.end());
    let total = u64::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0);
    let offset = query.offset.min(total);
    let length = query.limit.unwrap_or(u64::MAX).min(total - offset);
    let [offset, length] = [offset, length].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let wanted = if is_descending(query) {
        last - offset - length + 1..=last - offset
    } else {
        first + offset..=first + offset + length - 1
    };
    Some((wanted, total))
}

/// Whether the greatest numbers come first.
pub(super) fn is_descending<F>(query: &Query<F>) -> bool {
    query.order.first().is_none_or(|by| by.is_descending)
}
