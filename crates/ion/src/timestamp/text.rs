//! The text form of timestamps.

use std::fmt;

use super::{Precision, Timestamp, TimestampError, TimestampFields};

/// Prints Ion text as QLDB did: UTC as `Z`, and a day without a `T` at its end.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TimestampFields { year, month, day, hour, minute, second, fraction } = self.local;
        match self.precision {
            Precision::Year => return write!(formatter, "{year:04}T"),
            Precision::Month => return write!(formatter, "{year:04}-{month:02}T"),
            Precision::Day => return write!(formatter, "{year:04}-{month:02}-{day:02}"),
            Precision::Minute => {
                write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")?;
            }
            Precision::Second(digits) => {
                write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
                if digits > 0 {
                    write!(formatter, ".{fraction:0width$}", width = usize::from(digits))?;
                }
            }
        }
        match self.offset {
            None => formatter.write_str("-00:00"),
            Some(0) => formatter.write_str("Z"),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let offset = offset.unsigned_abs();
                write!(formatter, "{sign}{:02}:{:02}", offset / 60, offset % 60)
            }
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads Ion text: `2007T`, `2007-02T`, `2007-02-23`, `2007-02-23T12:14Z` or `2007-02-23T12:14:33.079-08:00`.
    fn from_str(text: &str) -> Result<Timestamp, TimestampError> {
        let mut cursor = Cursor(text.as_bytes());
        let mut fields = TimestampFields { year: cursor.number(4)?, ..TimestampFields::default() };
        if cursor.ends_with_t() {
            return Timestamp::from_local(fields, Precision::Year, None);
        }
        cursor.expect(b'-')?;
        fields.month = cursor.two_digits()?;
        if cursor.ends_with_t() {
            return Timestamp::from_local(fields, Precision::Month, None);
        }
        cursor.expect(b'-')?;
        fields.day = cursor.two_digits()?;
        if cursor.0.is_empty() || cursor.ends_with_t() {
            return Timestamp::from_local(fields, Precision::Day, None);
        }
        cursor.expect(b'T')?;
        fields.hour = cursor.two_digits()?;
        cursor.expect(b':')?;
        fields.minute = cursor.two_digits()?;
        let mut precision = Precision::Minute;
        if cursor.take(b':') {
            fields.second = cursor.two_digits()?;
            precision = Precision::Second(0);
            if cursor.take(b'.') {
                let (fraction, digits) = cursor.fraction()?;
                fields.fraction = fraction;
                precision = Precision::Second(digits);
            }
        }
        let offset = cursor.offset()?;
        Timestamp::from_local(fields, precision, offset)
    }
}

const MALFORMED: TimestampError = TimestampError(
    "not a timestamp: expected the form 2007T, 2007-02T, 2007-02-23, 2007-02-23T12:14Z or 2007-02-23T12:14:33.079-08:00",
);

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let taken = self.0.first() == Some(&byte);
        if taken {
            self.0 = &self.0[1..];
        }
        taken
    }

    fn expect(&mut self, byte: u8) -> Result<(), TimestampError> {
        if self.take(byte) { Ok(()) } else { Err(MALFORMED) }
    }

    fn ends_with_t(&mut self) -> bool {
        self.0 == b"T"
    }

    fn number(&mut self, digits: usize) -> Result<u16, TimestampError> {
        let (number, rest) = self.0.split_at_checked(digits).ok_or(MALFORMED)?;
        self.0 = rest;
        number.iter().try_fold(0u16, |sum, byte| {
            if byte.is_ascii_digit() { Ok(sum * 10 + u16::from(byte - b'0')) } else { Err(MALFORMED) }
        })
    }

    fn two_digits(&mut self) -> Result<u8, TimestampError> {
        u8::try_from(self.number(2)?).map_err(|_| MALFORMED)
    }

    fn fraction(&mut self) -> Result<(u64, u8), TimestampError> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(MALFORMED);
        }
        if digits > usize::from(Timestamp::FRACTION_DIGITS_MAX) {
            return Err(TimestampError("a second has at most 18 fraction digits"));
        }
        let (fraction, rest) = self.0.split_at(digits);
        self.0 = rest;
        let fraction = fraction.iter().fold(0u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
        Ok((fraction, u8::try_from(digits).expect("at most 18")))
    }

    /// Reads the offset, after which the text must end.
    fn offset(&mut self) -> Result<Option<i16>, TimestampError> {
        if self.0 == b"Z" {
            return Ok(Some(0));
        }
        let negative = match self.0.first() {
            Some(b'-') => true,
            Some(b'+') => false,
            _ => return Err(TimestampError("a timestamp with a time needs an offset: Z, +hh:mm or -hh:mm")),
        };
        self.0 = &self.0[1..];
        let hours = self.two_digits()?;
        self.expect(b':')?;
        let minutes = self.two_digits()?;
        if !self.0.is_empty() {
            return Err(MALFORMED);
        }
        if hours > 23 || minutes > 59 {
            return Err(TimestampError("an offset is at most 23:59"));
        }
        let offset = i16::from(hours) * 60 + i16::from(minutes);
        Ok(match (negative, offset) {
            (true, 0) => None,
            (true, offset) => Some(-offset),
            (false, offset) => Some(offset),
        })
    }
}
