//! The form of time in signatures: `20261122T071029Z`.

use std::fmt;
use std::str::FromStr;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// A time to the second, in the form of the header `x-amz-date`. Its year is 0 to 9999, because the form has four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AmzDate(OffsetDateTime);

const YEAR_0: i64 = -62_167_219_200;
const YEAR_9999_END: i64 = 253_402_300_799;

impl AmzDate {
    /// The time that is this number of seconds after 1970-01-01T00:00Z. One outside the years 0 to 9999 becomes the
    /// nearest one within.
    pub fn from_unix_seconds(seconds: i64) -> AmzDate {
        let seconds = seconds.clamp(YEAR_0, YEAR_9999_END);
        AmzDate(OffsetDateTime::from_unix_timestamp(seconds).expect("a year of four digits"))
    }

    /// The seconds since 1970-01-01T00:00Z.
    pub fn unix_seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// The day in UTC, as `YYYYMMDD`.
    pub fn day(self) -> String {
        let (year, month, day) = self.0.to_calendar_date();
        format!("{year:04}{:02}{day:02}", u8::from(month))
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        let (hour, minute, second) = self.0.to_hms();
        let month = u8::from(month);
        write!(formatter, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

impl FromStr for AmzDate {
    type Err = ();

    fn from_str(text: &str) -> Result<AmzDate, ()> {
        let (day, time) = text.strip_suffix('Z').and_then(|text| text.split_once('T')).ok_or(())?;
        let is_number =
            |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(day, 8) || !is_number(time, 6) {
            return Err(());
        }
        let two = |digits: &str| digits.parse::<u8>().map_err(drop);
        let month = Month::try_from(two(&day[4..6])?).map_err(drop)?;
        let year = day[..4].parse().map_err(drop)?;
        let date = Date::from_calendar_date(year, month, two(&day[6..])?).map_err(drop)?;
        let time = Time::from_hms(two(&time[..2])?, two(&time[2..4])?, two(&time[4..])?).map_err(drop)?;
        Ok(AmzDate(PrimitiveDateTime::new(date, time).assume_utc()))
    }
}
