//! Converts between the fields of a timestamp and seconds, in the proleptic Gregorian calendar.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::TimestampFields;

/// The seconds since 1970-01-01T00:00Z, if the fields are in UTC. The fields must be valid.
pub(super) fn unix_seconds(fields: &TimestampFields) -> i64 {
    let valid = || -> Result<PrimitiveDateTime, time::error::ComponentRange> {
        let date = Date::from_calendar_date(fields.year.into(), Month::try_from(fields.month)?, fields.day)?;
        Ok(PrimitiveDateTime::new(date, Time::from_hms(fields.hour, fields.minute, fields.second)?))
    };
    valid().expect("the fields were checked").assume_utc().unix_timestamp()
}

/// The fields in UTC of this number of seconds since 1970-01-01T00:00Z; `None` outside the years 1 to 9999.
pub(super) fn from_unix_seconds(seconds: i64) -> Option<TimestampFields> {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let year = u16::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
    Some(TimestampFields { year, month: month.into(), day, hour, minute, second, fraction: 0 })
}

/// The number of days in a month, which is 1 to 12.
pub(super) fn days_in_month(year: u16, month: u8) -> u8 {
    Month::try_from(month).expect("the month was checked").length(year.into())
}

/// Moves the fields by minutes; `None` if the year would leave 1 to 9999.
pub(super) fn shift(fields: &TimestampFields, minutes: i64) -> Option<TimestampFields> {
    if minutes == 0 {
        return Some(*fields);
    }
    let shifted = from_unix_seconds(unix_seconds(fields) + minutes * 60)?;
    Some(TimestampFields { fraction: fields.fraction, ..shifted })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS_PER_DAY: i64 = 86_400;

    #[test]
    fn every_day_is_the_day_after_the_one_before() {
        let mut fields = TimestampFields::default();
        let mut seconds = unix_seconds(&fields);
        while fields.year <= 2401 {
            assert_eq!(from_unix_seconds(seconds), Some(fields));
            seconds += SECONDS_PER_DAY;
            fields.day += 1;
            if fields.day > days_in_month(fields.year, fields.month) {
                (fields.day, fields.month) = (1, fields.month + 1);
            }
            if fields.month > 12 {
                (fields.month, fields.year) = (1, fields.year + 1);
            }
            assert_eq!(unix_seconds(&fields), seconds);
        }
    }
}
