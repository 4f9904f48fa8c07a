//! Points in time with their precision and their offset from UTC.

mod calendar;
mod text;

use std::cmp::Ordering;

use calendar::{days_in_month, from_unix_seconds, shift, unix_seconds};

/// How much of a timestamp is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the units")]
pub enum Precision {
    Year,
    Month,
    Day,
    /// Hours and minutes; Ion has no precision of an hour alone.
    Minute,
    /// Seconds with this many fraction digits (0 to 18).
    Second(u8),
}

/// The calendar and clock fields of a timestamp, in local time or in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the units")]
pub struct TimestampFields {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// The digits after the point as an integer; how many there are is in the precision.
    pub fraction: u64,
}

impl Default for TimestampFields {
    /// The fields of the first moment of year 1.
    fn default() -> TimestampFields {
        TimestampFields { year: 1, month: 1, day: 1, hour: 0, minute: 0, second: 0, fraction: 0 }
    }
}

/// An Ion timestamp. The fields are local time, as text Ion shows them; parts finer than the
/// precision are 1 (month, day) or 0. `==` is Ion equivalence: precision and offset count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp {
    local: TimestampFields,
    precision: Precision,
    /// Minutes east of UTC; `None` is the unknown offset `-00:00`. `None` at day precision and
    /// coarser, where Ion has none.
    offset: Option<i16>,
}

/// Why fields or a text are not a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimestampError(pub(crate) &'static str);

impl Timestamp {
    /// The most fraction digits of a second that are kept.
    pub const FRACTION_DIGITS_MAX: u8 = 18;

    /// A timestamp from its local fields. Fields finer than the precision are ignored, and so is
    /// the offset at day precision and coarser.
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
                return Err(TimestampError("the offset of a timestamp is below 24 hours"));
            }
            shift(&local, -i64::from(offset)).ok_or(OUT_OF_RANGE)?;
        }
        Ok(Timestamp { local, precision, offset })
    }

    /// A timestamp from its fields in UTC, as binary Ion holds them, and the offset of the place.
    /// At day precision and coarser there is no offset and the fields are what text shows.
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

    /// A timestamp of day precision.
    pub fn from_date(year: u16, month: u8, day: u8) -> Result<Timestamp, TimestampError> {
        let fields = TimestampFields { year, month, day, ..TimestampFields::default() };
        Timestamp::from_local(fields, Precision::Day, None)
    }

    /// Milliseconds since 1970-01-01T00:00Z, in UTC with three fraction digits: the form of
    /// every timestamp that QLDB itself writes. Before year 1 and after year 9999 the nearest
    /// millisecond that Ion can say.
    pub fn from_unix_millis(millis: i64) -> Timestamp {
        let millis = millis.clamp(MILLIS_MIN, MILLIS_MAX);
        let seconds = millis.div_euclid(1000);
        let mut local = from_unix_seconds(seconds).expect("clamped to years 1 to 9999");
        local.fraction = millis.rem_euclid(1000).unsigned_abs();
        Timestamp { local, precision: Precision::Second(3), offset: Some(0) }
    }

    /// Milliseconds since 1970-01-01T00:00Z, finer digits cut off (towards the past).
    pub fn unix_millis(&self) -> i64 {
        let (seconds, attoseconds) = self.instant();
        let millis = i64::try_from(attoseconds / 1_000_000_000_000_000).expect("below 1000");
        seconds * 1000 + millis
    }

    /// The instant as whole seconds since 1970-01-01T00:00Z and 10^-18 seconds after that. Fields
    /// finer than the precision count as their first moment, an unknown offset as UTC.
    pub fn instant(&self) -> (i64, u64) {
        let seconds = unix_seconds(&self.local) - i64::from(self.offset.unwrap_or(0)) * 60;
        let digits = match self.precision {
            Precision::Second(digits) => digits,
            _ => 0,
        };
        (seconds, self.local.fraction * 10u64.pow(u32::from(Timestamp::FRACTION_DIGITS_MAX - digits)))
    }

    /// The timestamp of an instant, as [`Timestamp::instant`] gives it, with the clock of an
    /// offset. Digits finer than the precision are cut off.
    pub fn from_instant(
        seconds: i64,
        attoseconds: u64,
        precision: Precision,
        offset: Option<i16>,
    ) -> Result<Timestamp, TimestampError> {
        let mut utc = from_unix_seconds(seconds).ok_or(OUT_OF_RANGE)?;
        if let Precision::Second(digits) = precision {
            let cut = Timestamp::FRACTION_DIGITS_MAX.saturating_sub(digits);
            utc.fraction = attoseconds / 10u64.pow(u32::from(cut));
        }
        Timestamp::from_utc(utc, precision, offset)
    }

    /// Compares the instants, whatever the precision and the offset.
    pub fn instant_cmp(&self, other: &Timestamp) -> Ordering {
        self.instant().cmp(&other.instant())
    }

    /// The fields as text shows them.
    pub fn local_fields(&self) -> TimestampFields {
        self.local
    }

    /// The fields in UTC, as binary Ion holds them; at day precision and coarser, or with an
    /// unknown offset, those of the text.
    pub fn utc_fields(&self) -> TimestampFields {
        match self.offset {
            Some(offset) => shift(&self.local, -i64::from(offset)).expect("checked when it was made"),
            None => self.local,
        }
    }

    /// How much is known.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Minutes east of UTC; `None` is the unknown offset.
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

    /// The digits of the second after the point, as an integer.
    pub fn fraction(&self) -> u64 {
        self.local.fraction
    }

    /// How many digits the second has after the point.
    pub fn fraction_digits(&self) -> u8 {
        match self.precision {
            Precision::Second(digits) => digits,
            _ => 0,
        }
    }

    /// The same instant with the clock of another offset. Nothing at day precision and coarser,
    /// which have no clock, and where the year leaves 1 to 9999.
    pub fn at_offset(&self, offset: Option<i16>) -> Option<Timestamp> {
        if self.precision < Precision::Minute {
            return None;
        }
        Timestamp::from_utc(self.utc_fields(), self.precision, offset).ok()
    }
}

const OUT_OF_RANGE: TimestampError = TimestampError("a timestamp lies within the years 0001 to 9999 in UTC");

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
        return Err(TimestampError("a year is 0001 to 9999"));
    }
    if !(1..=12).contains(&fields.month) {
        return Err(TimestampError("a month is 01 to 12"));
    }
    if !(1..=days_in_month(fields.year, fields.month)).contains(&fields.day) {
        return Err(TimestampError("the month has no such day"));
    }
    if fields.hour > 23 {
        return Err(TimestampError("an hour is 00 to 23"));
    }
    if fields.minute > 59 {
        return Err(TimestampError("a minute is 00 to 59"));
    }
    if fields.second > 59 {
        return Err(TimestampError("a second is 00 to 59"));
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
