//! DATE_ADD, DATE_DIFF and EXTRACT. They work on the local time that a timestamp shows.

use everstrand_ion::{Precision, Timestamp, TimestampFields};

use crate::eval::Fault;
use crate::expression::DatePart;

const OUT_OF_RANGE: &str = "timestamp is out of range, which is the years 0001 to 9999";

/// The longest text that is read as a timestamp.
pub(crate) const TIMESTAMP_BYTES_MAX: usize = 1024;

/// `DATE_ADD(part, count, timestamp)`. A timestamp that is less precise than the part becomes as precise first. The
/// offset stays as it is, known or unknown. Months and years keep the day, or take the last day of a shorter month.
pub(crate) fn date_add(part: DatePart, count: i64, timestamp: &Timestamp) -> Result<Timestamp, Fault> {
    let wanted = match part {
        DatePart::Year => Precision::Year,
        DatePart::Month => Precision::Month,
        DatePart::Day => Precision::Day,
        DatePart::Hour | DatePart::Minute => Precision::Minute,
        DatePart::Second => Precision::Second(0),
        DatePart::TimezoneHour | DatePart::TimezoneMinute => return Err(bad_part(part)),
    };
    let fields = timestamp.local_fields();
    let fields = match part {
        DatePart::Year => add_months(fields, count.checked_mul(12)),
        DatePart::Month => add_months(fields, Some(count)),
        DatePart::Day => add_seconds(fields, count.checked_mul(24 * 60 * 60)),
        DatePart::Hour => add_seconds(fields, count.checked_mul(60 * 60)),
        DatePart::Minute => add_seconds(fields, count.checked_mul(60)),
        _ => add_seconds(fields, Some(count)),
    };
    let precision = timestamp.precision().max(wanted);
    Timestamp::from_local(fields.ok_or(OUT_OF_RANGE)?, precision, timestamp.offset())
        .map_err(|_| OUT_OF_RANGE.into())
}

/// `DATE_DIFF(part, from, to)`: how many whole parts lie between the two. Years and months are counted between the
/// local dates, all other parts between the instants without their fractions of a second.
pub(crate) fn date_diff(part: DatePart, from: &Timestamp, to: &Timestamp) -> Result<i64, Fault> {
    let seconds = to.instant().0 - from.instant().0;
    Ok(match part {
        DatePart::Year => months_between(from, to) / 12,
        DatePart::Month => months_between(from, to),
        DatePart::Day => seconds / (24 * 60 * 60),
        DatePart::Hour => seconds / (60 * 60),
        DatePart::Minute => seconds / 60,
        DatePart::Second => seconds,
        DatePart::TimezoneHour | DatePart::TimezoneMinute => return Err(bad_part(part)),
    })
}

/// `EXTRACT(part FROM timestamp)`, of its local time. A month or a day that is not known is 1, other parts are 0.
pub(crate) fn extract(part: DatePart, timestamp: &Timestamp) -> i64 {
    let offset = i64::from(timestamp.offset().unwrap_or(0));
    match part {
        DatePart::Year => i64::from(timestamp.year()),
        DatePart::Month => i64::from(timestamp.month()),
        DatePart::Day => i64::from(timestamp.day()),
        DatePart::Hour => i64::from(timestamp.hour()),
        DatePart::Minute => i64::from(timestamp.minute()),
        DatePart::Second => i64::from(timestamp.second()),
        DatePart::TimezoneHour => offset / 60,
        DatePart::TimezoneMinute => offset % 60,
    }
}

/// The days of a month.
pub(crate) fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn bad_part(part: DatePart) -> Fault {
    let part = if part == DatePart::TimezoneHour { "timezone_hour" } else { "timezone_minute" };
    format!("{part} is not a part to count in, expected one of: [year, month, day, hour, minute, second]")
        .into()
}

fn add_months(mut fields: TimestampFields, count: Option<i64>) -> Option<TimestampFields> {
    let months = (i64::from(fields.year) * 12 + i64::from(fields.month) - 1).checked_add(count?)?;
    fields.year = u16::try_from(months.div_euclid(12)).ok()?;
    fields.month = u8::try_from(months.rem_euclid(12) + 1).ok()?;
    fields.day = fields.day.min(days_in_month(i64::from(fields.year), fields.month));
    Some(fields)
}

fn add_seconds(fields: TimestampFields, count: Option<i64>) -> Option<TimestampFields> {
    // With an offset of zero the local fields and the instant are the same time.
    let moment = Timestamp::from_local(fields, Precision::Second(0), Some(0)).ok()?;
    let seconds = moment.instant().0.checked_add(count?)?;
    let millis = seconds.checked_mul(1000)?;
    let moved = Timestamp::from_unix_millis(millis);
    // `from_unix_millis` answers the nearest moment if this one lies outside the years of Ion.
    if moved.instant().0 != seconds {
        return None;
    }
    let local = moved.local_fields();
    Some(TimestampFields { fraction: fields.fraction, ..local })
}

fn months_between(from: &Timestamp, to: &Timestamp) -> i64 {
    let months = |timestamp: &Timestamp| i64::from(timestamp.year()) * 12 + i64::from(timestamp.month());
    let between = months(to) - months(from);
    // A month that is not complete does not count.
    if between > 0 && to.day() < from.day() {
        between - 1
    } else if between < 0 && to.day() > from.day() {
        between + 1
    } else {
        between
    }
}
