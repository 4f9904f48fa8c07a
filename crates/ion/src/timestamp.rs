//! Timestamps: points in time with a precision and an offset from UTC.

mod calendar;
mod text;

use std::cmp::Ordering;

use calendar::{days_in_month, from_unix_seconds, shift, unix_seconds};

/// The precision of a timestamp: which of its fields are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// The year alone.
    Year,
    /// Year and month.
    Month,
    /// Year, month and day.
    Day,
    /// Hours and minutes. Ion has no timestamps with an hour alone.
    Minute,
    /// Seconds with this number of fraction digits, 0 to 18.
    Second(u8),
}

/// The fields of a timestamp, in local time or in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimestampFields {
    /// The year, 1 to 9999.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 59.
    pub second: u8,
    /// The fraction digits of the second, as an integer. The precision has their number.
    pub fraction: u64,
}

impl Default for TimestampFields {
    /// The first moment of year 1.
    fn default() -> TimestampFields {
        TimestampFields { year: 1, month: 1, day: 1, hour: 0, minute: 0, second: 0, fraction: 0 }
    }
}

/// An Ion timestamp.
///
/// Its fields are local time, as in Ion text. Fields finer than the precision are 1 (month, day) or 0. `==` is the
/// equivalence of Ion's data model: precision and offset count. [`Timestamp::instant_cmp`] compares the instants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp {
    local: TimestampFields,
    precision: Precision,
    /// Minutes east of UTC; `None` for the unknown offset `-00:00`, and at day precision and coarser, where Ion has no
    /// offset.
    offset: Option<i16>,
}

/// Fields or a text are not a timestamp; the text says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimestampError(pub(crate) &'static str);

impl Timestamp {
    /// The most fraction digits that a second can have.
    pub const FRACTION_DIGITS_MAX: u8 = 18;

    /// The timestamp with these local fields and this offset, in minutes east of UTC. Fields finer than the precision are
    /// ignored, and so is the offset at day precision and coarser. An error means that a field is out of range.
    pub fn from_local(
        fields: TimestampFields,
        precision: Precision,
        offset: Option<i16>,
    ) -> Result<Timestamp, TimestampError> {
        let local = cut(fields, precision);
        let offset = offset.filter(|_| precision >= Precision::Minute);
        check(&local, precision)?;
        if let Some(offset) = offset {
            if offset.unsigned_abs() >= 24 * 60 {
                return Err(TimestampError("the offset of a timestamp must be less than 24 hours"));
            }
            shift(&local, -i64::from(offset)).ok_or(OUT_OF_RANGE)?;
        }
        Ok(Timestamp { local, precision, offset })
    }

    /// The timestamp with these fields in UTC, as binary Ion has them, and this offset, in minutes east of UTC. At day
    /// precision and coarser the offset is ignored, and the fields are local. An error means that a field is out of range.
    pub fn from_utc(
        fields: TimestampFields,
        precision: Precision,
        offset: Option<i16>,
    ) -> Result<Timestamp, TimestampError> {
        let utc = cut(fields, precision);
        check(&utc, precision)?;
        let offset = offset.filter(|_| precision >= Precision::Minute);
        let local = match offset {
            Some(offset) => shift(&utc, i64::from(offset)).ok_or(OUT_OF_RANGE)?,
            None => utc,
        };
        Timestamp::from_local(local, precision, offset)
    }

    /// The timestamp of a time in milliseconds since 1970-01-01T00:00Z, in UTC with three fraction digits. All timestamps
    /// that QLDB itself made have this form. A time outside the years 1 to 9999 becomes the nearest one within.
    pub fn from_unix_millis(millis: i64) -> Timestamp {
        let millis = millis.clamp(MILLIS_MIN, MILLIS_MAX);
        let seconds = millis.div_euclid(1000);
        let mut local = from_unix_seconds(seconds).expect("clamped to years 1 to 9999");
        local.fraction = millis.rem_euclid(1000).unsigned_abs();
        Timestamp { local, precision: Precision::Second(3), offset: Some(0) }
    }

    /// The time in milliseconds since 1970-01-01T00:00Z, rounded towards the past.
    pub fn unix_millis(&self) -> i64 {
        let (seconds, attoseconds) = self.instant();
        let millis = i64::try_from(attoseconds / 1_000_000_000_000_000).expect("below 1000");
        seconds * 1000 + millis
    }

    /// The instant: whole seconds since 1970-01-01T00:00Z, and 10^-18 seconds after these. A timestamp with a coarse
    /// precision stands for its first moment; an unknown offset counts as UTC.
    pub fn instant(&self) -> (i64, u64) {
        let seconds = unix_seconds(&self.local) - i64::from(self.offset.unwrap_or(0)) * 60;
        let digits = match self.precision {
            Precision::Second(digits) => digits,
            _ => 0,
        };
        (seconds, self.local.fraction * 10u64.pow(u32::from(Timestamp::FRACTION_DIGITS_MAX - digits)))
    }

    /// Compares the instants; precision and offset do not matter.
    pub fn instant_cmp(&self, other: &Timestamp) -> Ordering {
        self.instant().cmp(&other.instant())
    }

    /// The fields in local time, as Ion text has them.
    pub fn local_fields(&self) -> TimestampFields {
        self.local
    }

    /// The fields in UTC, as binary Ion has them. At day precision and coarser, and with an unknown offset, they are the
    /// local fields.
    pub fn utc_fields(&self) -> TimestampFields {
        match self.offset {
            Some(offset) => shift(&self.local, -i64::from(offset)).expect("checked when it was made"),
            None => self.local,
        }
    }

    /// The precision.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The offset in minutes east of UTC; `None` if it is unknown, and at day precision and coarser.
    pub fn offset(&self) -> Option<i16> {
        self.offset
    }

    /// The local year, 1 to 9999.
    pub fn year(&self) -> u16 {
        self.local.year
    }

    /// The local month, 1 to 12.
    pub fn month(&self) -> u8 {
        self.local.month
    }

    /// The local day of the month, 1 to 31.
    pub fn day(&self) -> u8 {
        self.local.day
    }

    /// The local hour, 0 to 23.
    pub fn hour(&self) -> u8 {
        self.local.hour
    }

    /// The local minute, 0 to 59.
    pub fn minute(&self) -> u8 {
        self.local.minute
    }

    /// The second, 0 to 59.
    pub fn second(&self) -> u8 {
        self.local.second
    }

    /// The fraction digits of the second, as an integer.
    pub fn fraction(&self) -> u64 {
        self.local.fraction
    }

    /// The number of fraction digits of the second.
    pub fn fraction_digits(&self) -> u8 {
        match self.precision {
            Precision::Second(digits) => digits,
            _ => 0,
        }
    }

    /// The same instant at another offset, in minutes east of UTC. `None` at day precision and coarser, where Ion has no
    /// offset, and if the year would leave 1 to 9999.
    pub fn at_offset(&self, offset: Option<i16>) -> Option<Timestamp> {
        if self.precision < Precision::Minute {
            return None;
        }
        Timestamp::from_utc(self.utc_fields(), self.precision, offset).ok()
    }
}

const OUT_OF_RANGE: TimestampError =
    TimestampError("a timestamp must be within the years 0001 to 9999 in UTC");

/// 0001-01-01T00:00:00.000Z.
const MILLIS_MIN: i64 = -62_135_596_800_000;
/// 9999-12-31T23:59:59.999Z.
const MILLIS_MAX: i64 = 253_402_300_799_999;

fn cut(fields: TimestampFields, precision: Precision) -> TimestampFields {
    let mut cut = fields;
    if precision < Precision::Month {
        cut.month = 1;
    }
    if precision < Precision::Day {
        cut.day = 1;
    }
    if precision < Precision::Minute {
        (cut.hour, cut.minute) = (0, 0);
    }
    match precision {
        Precision::Second(0) => cut.fraction = 0,
        Precision::Second(_) => {}
        _ => (cut.second, cut.fraction) = (0, 0),
    }
    cut
}

fn check(fields: &TimestampFields, precision: Precision) -> Result<(), TimestampError> {
    if !(1..=9999).contains(&fields.year) {
        return Err(TimestampError("a year must be 0001 to 9999"));
    }
    if !(1..=12).contains(&fields.month) {
        return Err(TimestampError("a month must be 01 to 12"));
    }
    if !(1..=days_in_month(fields.year, fields.month)).contains(&fields.day) {
        return Err(TimestampError("the month has no such day"));
    }
    if fields.hour > 23 {
        return Err(TimestampError("an hour must be 00 to 23"));
    }
    if fields.minute > 59 {
        return Err(TimestampError("a minute must be 00 to 59"));
    }
    if fields.second > 59 {
        return Err(TimestampError("a second must be 00 to 59"));
    }
    if let Precision::Second(digits) = precision {
        if digits > Timestamp::FRACTION_DIGITS_MAX {
            return Err(TimestampError("a second has at most 18 fraction digits"));
        }
        if fields.fraction >= 10u64.pow(u32::from(digits)) {
            return Err(TimestampError("the fraction of a second has more digits than its precision"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn prints_as_it_was_read() {
        for text in [
            "2007T",
            "2007-02T",
            "2007-02-23",
            "2007-02-23T12:14Z",
            "2007-02-23T12:14:33-00:00",
            "2007-02-23T12:14:33.079-08:00",
            "2007-02-23T12:14:33.000000000000000001+23:59",
            "0001-01-01T00:00Z",
            "9999-12-31T23:59:59.999Z",
            "2000-02-29",
        ] {
            assert_eq!(timestamp(text).to_string(), text);
        }
        assert_eq!(timestamp("2007-02-23T"), timestamp("2007-02-23"));
        assert_eq!(timestamp("2007-02-23T12:14+00:00"), timestamp("2007-02-23T12:14Z"));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for bad in [
            "",
            "2007",
            "2007-02",
            "0000T",
            "2007-13T",
            "2007-00-01",
            "2007-02-29",
            "1900-02-29",
            "2007-02-23T12Z",
            "2007-02-23T12:14",
            "2007-02-23T24:00Z",
            "2007-02-23T12:60Z",
            "2007-02-23T12:14:60Z",
            "2007-02-23T12:14:33.Z",
            "2007-02-23T12:14:33.0000000000000000001Z",
            "2007-02-23T12:14Z ",
            "2007-02-23T12:14+24:00",
            "2007-02-23T12:14+01:60",
            "0001-01-01T00:00+00:01",
            "9999-12-31T23:59-00:01",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn milliseconds_go_both_ways() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (MILLIS_MIN, "0001-01-01T00:00:00.000Z"),
            (MILLIS_MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_unix_millis(millis).to_string(), text);
            assert_eq!(timestamp(text).unix_millis(), millis);
        }
        assert_eq!(Timestamp::from_unix_millis(i64::MIN), Timestamp::from_unix_millis(MILLIS_MIN));
        assert_eq!(Timestamp::from_unix_millis(i64::MAX), Timestamp::from_unix_millis(MILLIS_MAX));
    }

    #[test]
    fn instants_compare_across_offsets_and_precisions() {
        let equal = [
            "2007-01-01T00:00Z",
            "2007T",
            "2007-01-01",
            "2007-01-01T01:00:00.00+01:00",
            "2006-12-31T19:00-05:00",
        ];
        for text in equal {
            assert_eq!(timestamp(equal[0]).instant_cmp(&timestamp(text)), Ordering::Equal, "{text}");
        }
        let later = timestamp("2007-01-01T00:00:00.000000000000000001Z");
        assert_eq!(timestamp(equal[0]).instant_cmp(&later), Ordering::Less);
    }

    #[test]
    fn utc_fields_round_trip() {
        for text in [
            "2007-01-01T00:30:07.25+01:00",
            "2007-12-31T23:30-05:30",
            "2007-02-23",
            "2007T",
            "2007-03-01T00:00-00:00",
        ] {
            let timestamp = timestamp(text);
            let again =
                Timestamp::from_utc(timestamp.utc_fields(), timestamp.precision(), timestamp.offset());
            assert_eq!(again, Ok(timestamp));
        }
    }
}
