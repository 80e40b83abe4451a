//! Dates in the two forms that signatures use.

use crate::limits::SIGNED_SECOND_MAX;

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// Days of the 400 years after which the calendar repeats.
const DAYS_PER_CYCLE: i64 = 146_097;

/// The whole second of a time in milliseconds since 1970, within the years 1970 to 9999: a signature's date has no room for any
/// other, and a clock that shows one is refused by any service.
pub(crate) fn second_of(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(1000).clamp(0, SIGNED_SECOND_MAX)
}

/// `YYYYMMDD` of a day since 1970.
pub(crate) fn date_text(day: i64) -> [u8; 8] {
    let mut year = 1970 + 400 * (day / DAYS_PER_CYCLE);
    let mut left = day % DAYS_PER_CYCLE;
    while left >= days_in_year(year) {
        left -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while left >= days_in_month(year, month) {
        left -= days_in_month(year, month);
        month += 1;
    }
    let mut text = [0; 8];
    digits(&mut text[0..4], year);
    digits(&mut text[4..6], month);
    digits(&mut text[6..8], left + 1);
    text
}

/// `HHMMSS` of a second since 1970.
pub(crate) fn time_text(second: i64) -> [u8; 6] {
    let second = second % SECONDS_PER_DAY;
    let mut text = [0; 6];
    digits(&mut text[0..2], second / 3600);
    digits(&mut text[2..4], second / 60 % 60);
    digits(&mut text[4..6], second % 60);
    text
}

fn digits(text: &mut [u8], mut number: i64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{date_text, second_of, time_text};
    use crate::limits::SIGNED_SECOND_MAX;

    #[test]
    fn known_days() {
        for (second, text) in [
            (0, "19700101T000000"),
            (951_782_400, "20000229T000000"),
            (1_709_164_800, "20240229T000000"),
            (1_768_472_430, "20260115T102030"),
            (4_107_542_399, "21000228T235959"),
            (4_107_542_400, "21000301T000000"),
            (SIGNED_SECOND_MAX, "99991231T235959"),
        ] {
            let date = date_text(second / 86_400);
            let time = time_text(second);
            let found = format!("{}T{}", str::from_utf8(&date).unwrap(), str::from_utf8(&time).unwrap());
            assert_eq!(found, text);
        }
    }

    #[test]
    fn times_out_of_range_are_clamped() {
        assert_eq!(second_of(-1), 0);
        assert_eq!(second_of(1_999), 1);
        assert_eq!(second_of(i64::MAX), SIGNED_SECOND_MAX);
    }
}
