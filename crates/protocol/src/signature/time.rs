//! The one form of time in signatures: `20261122T071029Z`.

use std::fmt;
use std::str::FromStr;

/// A moment to the second, as `x-amz-date` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AmzDate {
    /// Seconds since 1970, between the years 0 and 9999.
    unix_seconds: i64,
}

const YEAR_0: i64 = -62_167_219_200;
const YEAR_9999_END: i64 = 253_402_300_799;

impl AmzDate {
    /// From seconds since 1970. Times outside four-digit years become the nearest end.
    pub fn from_unix_seconds(seconds: i64) -> AmzDate {
        AmzDate { unix_seconds: seconds.clamp(YEAR_0, YEAR_9999_END) }
    }

    /// Seconds since 1970.
    pub fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// The day, `YYYYMMDD`.
    pub fn day(self) -> String {
        let (year, month, day) = civil_from_days(self.unix_seconds.div_euclid(86_400));
        format!("{year:04}{month:02}{day:02}")
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.unix_seconds.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let (year, month, day) = civil_from_days(self.unix_seconds.div_euclid(86_400));
        write!(formatter, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

impl FromStr for AmzDate {
    type Err = ();

    fn from_str(text: &str) -> Result<AmzDate, ()> {
        let bytes = text.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
            return Err(());
        }
        let number = |from: usize, to: usize| {
            bytes[from..to].iter().try_fold(0, |number, byte| match byte {
                b'0'..=b'9' => Ok(number * 10 + i64::from(byte - b'0')),
                _ => Err(()),
            })
        };
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
            return Err(());
        }
        let days = days_from_civil(year, month, day);
        // A day that the month does not have would come back as another day.
        if civil_from_days(days) != (year, month, day) {
            return Err(());
        }
        Ok(AmzDate { unix_seconds: days * 86_400 + hour * 3600 + minute * 60 + second })
    }
}

// Both conversions count years from March, so that the leap day is a year's last, in eras of 400
// years, each of 146,097 days.

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
