//! Days and seconds: between fields and a count of seconds, in the proleptic Gregorian calendar.

use super::TimestampFields;

pub(super) const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_400_YEARS: i64 = 146_097;
/// From 0000-03-01, where the count of days is simplest, to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// Seconds since 1970 as if the fields were UTC.
pub(super) fn unix_seconds(fields: &TimestampFields) -> i64 {
    // A year that begins in March has its leap day last, so that days before a month do not
    // depend on the year: 153 days every five months.
    let (year, month) = (i64::from(fields.year), i64::from(fields.month));
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month + 2) / 5 + i64::from(fields.day) - 1;
    let days = era * DAYS_PER_400_YEARS + year * 365 + year / 4 - year / 100 + day - DAYS_TO_1970;
    days * SECONDS_PER_DAY
        + i64::from(fields.hour) * 3600
        + i64::from(fields.minute) * 60
        + i64::from(fields.second)
}

/// The fields in UTC of seconds since 1970; nothing outside the years 1 to 9999.
pub(super) fn from_unix_seconds(seconds: i64) -> Option<TimestampFields> {
    let days = seconds.div_euclid(SECONDS_PER_DAY) + DAYS_TO_1970;
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let (era, day) = (days.div_euclid(DAYS_PER_400_YEARS), days.rem_euclid(DAYS_PER_400_YEARS));
    // Takes the leap days before this one out: one each 4 years, but for each 100, but not for 400.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = year + era * 400;
    let (year, month) = if month >= 10 { (year + 1, month - 9) } else { (year, month + 3) };
    Some(TimestampFields {
        year: u16::try_from(year).ok().filter(|year| (1..=9999).contains(year))?,
        month: u8::try_from(month).ok()?,
        day: u8::try_from(day).ok()?,
        hour: u8::try_from(second / 3600).ok()?,
        minute: u8::try_from(second / 60 % 60).ok()?,
        second: u8::try_from(second % 60).ok()?,
        fraction: 0,
    })
}

/// How many days a month has.
pub(super) fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Moves the fields by minutes; nothing when the year leaves 1 to 9999.
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
