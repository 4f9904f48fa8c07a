//! The patterns of TO_STRING and TO_TIMESTAMP. A letter stands for a part of a timestamp. A text in quotes and any
//! other character stand for themselves.

use everstrand_ion::{Precision, Timestamp, TimestampFields};

use crate::eval::Fault;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// One element of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// The part that a letter stands for, and how often the letter is repeated.
    Field(Field, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    HalfDay,
    Hour12,
    Hour24,
    Minute,
    Second,
    Fraction,
    Nanosecond,
    /// An offset that is written `Z` if it is zero.
    OffsetOrZ,
    Offset,
}

/// How long a format pattern may be.
const PATTERN_BYTES_MAX: usize = 1024;

/// `TO_STRING(timestamp, pattern)`
pub(crate) fn to_string(timestamp: &Timestamp, pattern: &str) -> Result<String, Fault> {
    let mut text = String::new();
    for item in parse_pattern(pattern)? {
        match item {
            Item::Literal(literal) => text.push_str(&literal),
            Item::Field(field, count) => text.push_str(&print_field(timestamp, field, count)),
        }
    }
    Ok(text)
}

/// `TO_TIMESTAMP(text, pattern)`. The result is as precise as the finest part of the pattern.
pub(crate) fn to_timestamp(text: &str, pattern: &str) -> Result<Timestamp, Fault> {
    let items = parse_pattern(pattern)?;
    check_for_reading(&items, pattern)?;
    if text.len() > 2 * PATTERN_BYTES_MAX {
        return Err("Failed to parse timestamp: the text is longer than any pattern".into());
    }
    read(&items, text)
        .ok_or_else(|| format!("Failed to parse timestamp '{text}' by the format pattern '{pattern}'").into())
}

fn parse_pattern(pattern: &str) -> Result<Vec<Item>, Fault> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("a format pattern has at most {PATTERN_BYTES_MAX} bytes").into());
    }
    let mut items = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\'' {
            items.push(Item::Literal(parse_quoted(&mut characters, pattern)?));
        } else if character.is_ascii_alphabetic() {
            let mut count = 1;
            while characters.next_if_eq(&character).is_some() {
                count += 1;
            }
            let field = field_of(character, count).ok_or_else(|| -> Fault {
                let letters = character.to_string().repeat(count);
                format!("Invalid format pattern '{pattern}': '{letters}' has no meaning").into()
            })?;
            items.push(Item::Field(field, count));
        } else {
            items.push(Item::Literal(character.to_string()));
        }
    }
    Ok(items)
}

/// Reads a text in quotes, after the first quote. Two quotes in it are one quote; so are two quotes alone.
fn parse_quoted(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    pattern: &str,
) -> Result<String, Fault> {
    let mut literal = String::new();
    while let Some(character) = characters.next() {
        if character != '\'' {
            literal.push(character);
        } else if literal.is_empty() {
            return Ok("'".to_owned());
        } else if characters.next_if_eq(&'\'').is_some() {
            literal.push('\'');
        } else {
            return Ok(literal);
        }
    }
    Err(format!("Invalid format pattern '{pattern}': a quoted text is not closed").into())
}

fn field_of(letter: char, count: usize) -> Option<Field> {
    match (letter, count) {
        ('y', 1 | 2 | 4) => Some(Field::Year),
        ('M', 1..=5) => Some(Field::Month),
        ('d', 1 | 2) => Some(Field::Day),
        ('a', 1) => Some(Field::HalfDay),
        ('h', 1 | 2) => Some(Field::Hour12),
        ('H', 1 | 2) => Some(Field::Hour24),
        ('m', 1 | 2) => Some(Field::Minute),
        ('s', 1 | 2) => Some(Field::Second),
        ('S', 1..=9) => Some(Field::Fraction),
        ('n', 1) => Some(Field::Nanosecond),
        ('X', 1..=5) => Some(Field::OffsetOrZ),
        ('x', 1..=5) => Some(Field::Offset),
        _ => None,
    }
}

fn print_field(timestamp: &Timestamp, field: Field, count: usize) -> String {
    let month = MONTHS[usize::from(timestamp.month()) - 1];
    match field {
        Field::Year if count == 2 => format!("{:02}", timestamp.year() % 100),
        Field::Year => format!("{:0count$}", timestamp.year()),
        Field::Month if count == 3 => month[..3].to_owned(),
        Field::Month if count == 4 => month.to_owned(),
        Field::Month if count == 5 => month[..1].to_owned(),
        Field::Month => format!("{:0count$}", timestamp.month()),
        Field::Day => format!("{:0count$}", timestamp.day()),
        Field::HalfDay => (if timestamp.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        Field::Hour12 => format!("{:0count$}", (timestamp.hour() + 11) % 12 + 1),
        Field::Hour24 => format!("{:0count$}", timestamp.hour()),
        Field::Minute => format!("{:0count$}", timestamp.minute()),
        Field::Second => format!("{:0count$}", timestamp.second()),
        Field::Fraction => format!("{:09}", nanoseconds(timestamp))[..count].to_owned(),
        Field::Nanosecond => nanoseconds(timestamp).to_string(),
        Field::OffsetOrZ if timestamp.offset().unwrap_or(0) == 0 => "Z".to_owned(),
        Field::OffsetOrZ | Field::Offset => print_offset(timestamp.offset().unwrap_or(0), count),
    }
}

fn print_offset(offset: i16, count: usize) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.unsigned_abs() / 60, offset.unsigned_abs() % 60);
    match count {
        1 if minutes == 0 => format!("{sign}{hours:02}"),
        3 | 5 => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}"),
    }
}

fn nanoseconds(timestamp: &Timestamp) -> u64 {
    timestamp.instant().1 / 1_000_000_000
}

/// Refuses a pattern that cannot be read by: it names a part twice, or a part without all coarser parts.
fn check_for_reading(items: &[Item], pattern: &str) -> Result<(), Fault> {
    let fault = |why: &str| -> Result<(), Fault> {
        Err(format!("Invalid format pattern '{pattern}' for TO_TIMESTAMP: {why}").into())
    };
    let fields: Vec<(Field, usize)> = items
        .iter()
        .filter_map(|item| if let Item::Field(field, count) = item { Some((*field, *count)) } else { None })
        .collect();
    let has = |wanted: &[Field]| fields.iter().filter(|(field, _)| wanted.contains(field)).count();
    let ranks: [&[Field]; 7] = [
        &[Field::Year],
        &[Field::Month],
        &[Field::Day],
        &[Field::Hour12, Field::Hour24],
        &[Field::Minute],
        &[Field::Second],
        &[Field::Fraction, Field::Nanosecond],
    ];
    let others: [&[Field]; 2] = [&[Field::HalfDay], &[Field::OffsetOrZ, Field::Offset]];
    if ranks.iter().chain(&others).any(|rank| has(rank) > 1) {
        return fault("it names a part twice");
    }
    if fields.contains(&(Field::Month, 5)) {
        return fault("MMMMM does not tell months apart");
    }
    let finest = ranks.iter().rposition(|rank| has(rank) > 0);
    if !finest.is_some_and(|finest| ranks[..finest].iter().all(|rank| has(rank) > 0)) {
        return fault("it names a part without all coarser parts");
    }
    if has(&[Field::HalfDay]) != has(&[Field::Hour12]) {
        return fault("'h' and 'a' only go together");
    }
    if has(others[1]) > 0 && has(ranks[3]) == 0 {
        return fault("an offset needs an hour");
    }
    Ok(())
}

fn read(items: &[Item], text: &str) -> Option<Timestamp> {
    let mut reading = Reading { rest: text, ..Reading::default() };
    for item in items {
        match item {
            Item::Literal(literal) => reading.rest = reading.rest.strip_prefix(literal.as_str())?,
            Item::Field(field, count) => reading.field(*field, *count)?,
        }
    }
    if !reading.rest.is_empty() {
        return None;
    }
    reading.fields.hour += reading.half_day;
    Timestamp::from_local(reading.fields, reading.precision, reading.offset).ok()
}

/// What was read of a text so far.
struct Reading<'t> {
    rest: &'t str,
    fields: TimestampFields,
    precision: Precision,
    offset: Option<i16>,
    /// The hours that PM adds.
    half_day: u8,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        let fields = TimestampFields::default();
        Reading { rest: "", fields, precision: Precision::Year, offset: None, half_day: 0 }
    }
}

impl Reading<'_> {
    /// Reads one part of the timestamp.
    fn field(&mut self, field: Field, count: usize) -> Option<()> {
        let reached = match field {
            Field::Year => {
                let year = digits(&mut self.rest, count, 4)?;
                self.fields.year = u16::try_from(match (count, year) {
                    (2, 70..) => 1900 + year,
                    (2, _) => 2000 + year,
                    _ => year,
                })
                .ok()?;
                Precision::Year
            }
            Field::Month => {
                self.fields.month = match count {
                    3 | 4 => month_name(&mut self.rest, count)?,
                    _ => small(&mut self.rest, count)?,
                };
                Precision::Month
            }
            Field::Day => {
                self.fields.day = small(&mut self.rest, count)?;
                Precision::Day
            }
            Field::HalfDay => {
                let (name, after) = self.rest.split_at_checked(2)?;
                self.rest = after;
                if name.eq_ignore_ascii_case("PM") {
                    self.half_day = 12;
                } else if !name.eq_ignore_ascii_case("AM") {
                    return None;
                }
                return Some(());
            }
            Field::Hour12 => {
                let hour = small(&mut self.rest, count)?;
                self.fields.hour = if (1..=12).contains(&hour) { hour % 12 } else { return None };
                Precision::Minute
            }
            Field::Hour24 => {
                self.fields.hour = small(&mut self.rest, count)?;
                Precision::Minute
            }
            Field::Minute => {
                self.fields.minute = small(&mut self.rest, count)?;
                Precision::Minute
            }
            Field::Second => {
                self.fields.second = small(&mut self.rest, count)?;
                Precision::Second(0)
            }
            Field::Fraction | Field::Nanosecond => self.fraction(field, count)?,
            Field::OffsetOrZ | Field::Offset => {
                self.offset = Some(read_offset(&mut self.rest, count, field == Field::OffsetOrZ)?);
                return Some(());
            }
        };
        self.precision = self.precision.max(reached);
        Some(())
    }

    /// Reads a fraction of a second. Zeros at its end do not count as precision.
    fn fraction(&mut self, field: Field, count: usize) -> Option<Precision> {
        let (mut fraction, mut places) = match field {
            Field::Fraction => (digits(&mut self.rest, count.max(2), count)?, count),
            _ => (digits(&mut self.rest, 1, 9)?, 9),
        };
        while places > 0 && fraction % 10 == 0 {
            fraction /= 10;
            places -= 1;
        }
        self.fields.fraction = u64::from(fraction);
        Some(Precision::Second(u8::try_from(places).ok()?))
    }
}

fn small(rest: &mut &str, count: usize) -> Option<u8> {
    u8::try_from(digits(rest, count, 2)?).ok()
}

/// Reads a number. One letter stands for up to `digits_max` digits, several letters for exactly as many digits.
fn digits(rest: &mut &str, count: usize, digits_max: usize) -> Option<u32> {
    let exact = if count == 1 { None } else { Some(count.min(digits_max)) };
    let limit = exact.unwrap_or(digits_max);
    let found = rest.bytes().take(limit).take_while(u8::is_ascii_digit).count();
    if found == 0 || exact.is_some_and(|exact| found != exact) {
        return None;
    }
    let (number, after) = rest.split_at(found);
    *rest = after;
    number.parse().ok()
}

fn month_name(rest: &mut &str, count: usize) -> Option<u8> {
    for (month, name) in (1..).zip(MONTHS) {
        let name = if count == 3 { &name[..3] } else { name };
        if let Some((found, after)) = rest.split_at_checked(name.len())
            && found.eq_ignore_ascii_case(name)
        {
            *rest = after;
            return Some(month);
        }
    }
    None
}

/// Reads an offset of at most 18 hours.
fn read_offset(rest: &mut &str, count: usize, z: bool) -> Option<i16> {
    if z && let Some(after) = rest.strip_prefix('Z') {
        *rest = after;
        return Some(0);
    }
    let negative = rest.starts_with('-');
    *rest = rest.strip_prefix(['+', '-'])?;
    let hours = digits(rest, 2, 2)?;
    let minutes = match count {
        1 if !rest.starts_with(|next: char| next.is_ascii_digit()) => 0,
        3 | 5 => {
            *rest = rest.strip_prefix(':')?;
            digits(rest, 2, 2)?
        }
        _ => digits(rest, 2, 2)?,
    };
    let offset = i16::try_from(hours * 60 + minutes).ok()?;
    if minutes > 59 || offset > 18 * 60 {
        return None;
    }
    Some(if negative { -offset } else { offset })
}
