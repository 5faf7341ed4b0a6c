//! Dates, as GitHub writes them.

/// Formats a time in seconds since 1970 for the offset `zone`, which is `ahead` seconds ahead of UTC.
pub(crate) fn date(time: i64, zone: &str, ahead: i64) -> String {
    let local = time + ahead;
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    // The calendar from the number of days, by Howard Hinnant's `civil_from_days`.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn formats_dates_in_any_zone() {
        assert_eq!(date(0, "Z", 0), "1970-01-01T00:00:00Z");
        assert_eq!(date(1_709_208_000, "+02:00", 7200), "2024-02-29T14:00:00+02:00");
        assert_eq!(date(1_760_000_000, "-05:00", -18_000), "2025-10-09T03:53:20-05:00");
    }
}
