//! The dates of conditions: ISO 8601 with a zone, a day alone, or seconds since 1970.

use time::{Date, Month};

/// Milliseconds since 1970 of a date as policies write it.
pub(crate) fn parse(text: &str) -> Option<i64> {
    // Fewer digits could be meant as a year.
    if (9..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<i64>().ok().map(|seconds| seconds * 1000);
    }
    let (day, time) = match text.split_once('T') {
        None => (text, None),
        Some((day, time)) => (day, Some(time)),
    };
    let [year, month, day] = fields(day, '-')?;
    let ([4, 2, 2], year, month, day) =
        ([year.len(), month.len(), day.len()], number(year)?, number(month)?, number(day)?)
    else {
        return None;
    };
    let days = days_from_1970(year, month, day)?;
    let millis = time.map_or(Some(0), millis_of_day)?;
    Some(days * 86_400_000 + millis)
}

/// `hh:mm[:ss[.fff]]` and a zone, `Z` or `±hh:mm`. It may lie before or after its day, because of the zone.
fn millis_of_day(text: &str) -> Option<i64> {
    let (time, zone_minutes) = match text.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let (time, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
            let sign = match zone.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let [hours, minutes] = fields(&zone[1..], ':')?;
            (time, sign * (two(hours, 23)? * 60 + two(minutes, 59)?))
        }
    };
    let (time, millis) = match time.split_once('.') {
        None => (time, 0),
        Some((time, fraction)) if (1..=9).contains(&fraction.len()) => {
            number(fraction)?;
            (time, number(&format!("{fraction:0<3}")[..3])?)
        }
        Some(_) => return None,
    };
    let minutes = |hours, minutes| Some(two(hours, 23)? * 60 + two(minutes, 59)?);
    let (minutes, seconds) = match fields::<3>(time, ':') {
        Some([hour, minute, second]) => (minutes(hour, minute)?, two(second, 59)?),
        None => {
            let [hour, minute] = fields(time, ':')?;
            (minutes(hour, minute)?, 0)
        }
    };
    Some(((minutes - zone_minutes) * 60 + seconds) * 1000 + millis)
}

fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn two(digits: &str, greatest: i64) -> Option<i64> {
    (digits.len() == 2).then(|| number(digits))?.filter(|number| *number <= greatest)
}

fn days_from_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year.try_into().ok()?, month, day.try_into().ok()?).ok()?;
    Some(date.midnight().assume_utc().unix_timestamp() / 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_iso_8601_says() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:00Z", 0),
            ("2026-06-15T12:00:00Z", 1_781_524_800),
            ("2026-06-15T14:00:00+02:00", 1_781_524_800),
            ("2026-06-15T07:30-04:30", 1_781_524_800),
            ("1781524800", 1_781_524_800),
            ("2000-02-29", 951_782_400),
            ("1969-12-31T23:59:59Z", -1),
            ("0001-01-01", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some(seconds * 1000), "{text}");
        }
        assert_eq!(parse("1970-01-01T00:00:00.5Z"), Some(500));
        assert_eq!(parse("1970-01-01T00:00:00.123456Z"), Some(123));
        for wrong in [
            "",
            "2026",
            "2026-6-15",
            "2026-06-31",
            "1900-02-29",
            "2026-06-15T12:00:00",
            "2026-06-15T24:00Z",
            "2026-06-15T12Z",
            "2026-06-15 12:00Z",
            "2026-06-15T12:00:60Z",
            "2026-06-15T12:00:00.Z",
            "+2026-06-15",
            "2026-06-15T12:00+0200",
            "-1",
            "2026-06-15T12:00+ä0",
            "2026-06-15T€",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
