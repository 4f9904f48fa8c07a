//! Points in time with their precision and their offset from UTC.

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

/// An Ion timestamp. The fields are local time, as text Ion shows them; parts finer than the
/// precision are 1 (month, day) or 0. `==` is Ion equivalence: precision and offset count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// The digits after the point as an integer; how many there are is in the precision.
    pub(crate) fraction: u64,
    pub(crate) precision: Precision,
    /// Minutes east of UTC; `None` is the unknown offset `-00:00`.
    pub(crate) offset: Option<i16>,
}

impl Timestamp {
    /// Milliseconds since 1970-01-01T00:00Z, in UTC with three fraction digits: the form of
    /// every timestamp that QLDB itself writes.
    pub fn from_unix_millis(_millis: i64) -> Timestamp {
        todo!()
    }

    /// Milliseconds since 1970-01-01T00:00Z, finer digits cut off.
    pub fn unix_millis(&self) -> i64 {
        todo!()
    }

    /// How much is known.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Minutes east of UTC; `None` is the unknown offset.
    pub fn offset(&self) -> Option<i16> {
        self.offset
    }
}
