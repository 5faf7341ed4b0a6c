//! Dates.

use hookd_core::{Json, Refusal, View, parse_date};

/// The years 1 to 9999, in seconds since 1970: what Buildbot's dates cover.
const BUILDBOT_SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// The first of the dates at `paths` that is there, in whole seconds since 1970: milliseconds, or ISO 8601 as in the
/// newest versions.
pub(crate) fn first_date(place: &View<'_>, paths: &[&str]) -> Result<Option<i64>, Refusal> {
    for path in paths {
        let found = match place.get(path) {
            None | Some(Json::Null) => continue,
            Some(found) => found,
        };
        let seconds = match found {
            Json::Number(number) => number.as_i64().map(|milliseconds| milliseconds.div_euclid(1000)),
            Json::Text(date) => Some(parse_date(date)?),
            _ => None,
        };
        let is_date = seconds.is_some_and(|seconds| BUILDBOT_SECONDS.contains(&seconds));
        return if is_date { Ok(seconds) } else { Err(place.unexpected(path, found, "a date")) };
    }
    Ok(None)
}
