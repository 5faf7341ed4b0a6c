//! Dates.

use hookd_core::{Json, Refusal, View};

/// The years 1 to 9999, in seconds since 1970: what Buildbot's dates cover.
const BUILDBOT_SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// The first of the dates at `paths` that is there, in whole seconds since 1970: milliseconds, or ISO 8601 as in the
/// newest versions. What is no date is left out.
pub(crate) fn first_date(place: &View<'_>, paths: &[&str]) -> Option<i64> {
    paths.iter().find_map(|path| place.or_left_out(date(place, path)))
}

fn date(place: &View<'_>, path: &str) -> Result<Option<i64>, Refusal> {
    let found = match place.get(path) {
        None | Some(Json::Null) => return Ok(None),
        Some(found) => found,
    };
    let seconds = match found {
        Json::Number(number) => number.as_i64().map(|milliseconds| milliseconds.div_euclid(1000)),
        Json::Text(_) => Some(place.date(path)?),
        _ => None,
    };
    let is_date = seconds.is_some_and(|seconds| BUILDBOT_SECONDS.contains(&seconds));
    if is_date { Ok(seconds) } else { Err(place.unexpected(path, found, "a date")) }
}
