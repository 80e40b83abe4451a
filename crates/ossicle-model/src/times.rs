//! Days and points in time, in the forms that the service writes.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcDateTime};

/// Milliseconds in a second.
const MS_PER_S: i64 = 1_000;

/// A calendar day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(time::Date);

/// The text is not a day in the form `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day in the form YYYY-MM-DD")]
pub struct NotADate;

impl Date {
    /// The day of this year, month (1-12) and day of the month, if there is one.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let month = time::Month::try_from(month).ok()?;
        time::Date::from_calendar_date(year, month, day).ok().map(Self)
    }

    /// The day in UTC of a wall clock's reading, in milliseconds since 1970. Readings outside of the years -9999 to
    /// 9999 give the nearest day inside.
    pub fn from_unix_ms(unix_ms: i64) -> Self {
        let at = UtcDateTime::from_unix_timestamp(unix_ms.div_euclid(MS_PER_S));
        let edge = if unix_ms < 0 { time::Date::MIN } else { time::Date::MAX };
        Self(at.map_or(edge, UtcDateTime::date))
    }

    /// This day moved by a count of days, kept inside of the calendar.
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(time::Duration::days(days)))
    }
}

impl FromStr for Date {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(NotADate);
        }
        let number = |range: std::ops::Range<usize>| {
            let digits = &bytes[range];
            digits.iter().try_fold(0u16, |sum, digit| {
                digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0'))
            })
        };
        let parts = number(0..4).zip(number(5..7)).zip(number(8..10));
        let ((year, month), day) = parts.ok_or(NotADate)?;
        // Two digits fit in a byte.
        Self::new(i32::from(year), month as u8, day as u8).ok_or(NotADate)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

/// A point in time that the service writes as a number of seconds since 1970, kept to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    unix_ms: i64,
}

impl Timestamp {
    /// The point this many milliseconds after 1970.
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self { unix_ms }
    }

    /// Milliseconds since 1970.
    pub const fn unix_ms(self) -> i64 {
        self.unix_ms
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rfc3339(f, self.unix_ms)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.unix_ms % MS_PER_S == 0 {
            serializer.serialize_i64(self.unix_ms / MS_PER_S)
        } else {
            serializer.serialize_f64(self.unix_ms as f64 / MS_PER_S as f64)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seconds;
        impl Visitor<'_> for Seconds {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds since 1970")
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Timestamp, E> {
                let unix_ms =
                    seconds.checked_mul(MS_PER_S).ok_or_else(|| E::custom("a time out of range"))?;
                Ok(Timestamp { unix_ms })
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Timestamp, E> {
                let seconds = i64::try_from(seconds).map_err(|_| E::custom("a time out of range"))?;
                self.visit_i64(seconds)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Timestamp, E> {
                // Rounded to the millisecond: the fraction of 1768472430.123 has no exact binary form.
                let unix_ms = (seconds * MS_PER_S as f64).round();
                if !unix_ms.is_finite() || unix_ms.abs() >= i64::MAX as f64 {
                    return Err(E::custom("a time out of range"));
                }
                Ok(Timestamp { unix_ms: unix_ms as i64 })
            }
        }
        deserializer.deserialize_any(Seconds)
    }
}

/// A point in time that the service writes as a string such as `2026-01-15T10:20:30Z`, kept to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsoTime {
    unix_ms: i64,
}

impl IsoTime {
    /// The point this many milliseconds after 1970.
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self { unix_ms }
    }

    /// Milliseconds since 1970.
    pub const fn unix_ms(self) -> i64 {
        self.unix_ms
    }
}

impl fmt::Display for IsoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rfc3339(f, self.unix_ms)
    }
}

impl Serialize for IsoTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IsoTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = IsoTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as 2026-01-15T10:20:30Z")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<IsoTime, E> {
                let at = OffsetDateTime::parse(text, &Rfc3339)
                    .map_err(|_| E::custom("not a time such as 2026-01-15T10:20:30Z"))?;
                let unix_ms = at.unix_timestamp_nanos().div_euclid(1_000_000);
                // The calendar's last year is far inside of 64 bits of milliseconds.
                Ok(IsoTime { unix_ms: unix_ms as i64 })
            }
        }
        deserializer.deserialize_str(Text)
    }
}

fn write_rfc3339(f: &mut fmt::Formatter<'_>, unix_ms: i64) -> fmt::Result {
    let date = Date::from_unix_ms(unix_ms);
    let day_ms = unix_ms.rem_euclid(24 * 60 * 60 * MS_PER_S);
    let (seconds, ms) = (day_ms / MS_PER_S, day_ms % MS_PER_S);
    write!(f, "{date}T{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
    if ms != 0 {
        write!(f, ".{ms:03}")?;
    }
    f.write_str("Z")
}
