//! What documents hold: keys of several kinds that mean the same few numbers, and payloads of every kind of Ion.

use std::sync::Arc;

use everstrand_ion::{Timestamp, text};
use everstrand_testkit::Random;

/// 2000-01-01T00:00Z in milliseconds.
const FIRST_MINUTE: i64 = 946_684_800_000;
/// The common beginning of long keys, longer than what an index keeps of a key.
const LONG_PREFIX: usize = 1100;

/// The kind of value that the keys of a world are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Number,
    Text,
    /// Texts that differ only far behind what an index keeps of them.
    Long,
    Time,
    /// A list with a struct in it, which is equal to others and neither less nor greater.
    Nested,
}

/// The field `k` of a document, or what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Equal to nothing.
    Null,
    Of(Kind, i64),
}

impl Kind {
    /// Whether keys of this kind have an order.
    pub(crate) fn is_ordered(self) -> bool {
        self != Kind::Nested
    }
}

impl Key {
    /// The number behind it.
    pub(crate) fn number(self) -> Option<i64> {
        match self {
            Key::Null => None,
            Key::Of(_, number) => Some(number),
        }
    }

    /// A key so much further on.
    pub(crate) fn plus(self, by: i64) -> Key {
        match self {
            Key::Null => Key::Null,
            Key::Of(kind, number) => Key::Of(kind, number + by),
        }
    }

    /// Ion text, as it is stored.
    pub(crate) fn stored(self) -> String {
        let Key::Of(kind, number) = self else { return "null.int".to_owned() };
        match kind {
            Kind::Number => number.to_string(),
            Kind::Text => format!("\"{}\"", in_order(number)),
            Kind::Long => format!("\"{}{}\"", "x".repeat(LONG_PREFIX), in_order(number)),
            Kind::Time => text::write(&time(number).into()),
            Kind::Nested => format!("[{number},{{a:\"b\",c:[]}}]"),
        }
    }

    /// Ion text of an equal value, often written in another form.
    pub(crate) fn sought(self) -> String {
        let Key::Of(kind, number) = self else { return self.stored() };
        match (kind, number % 4) {
            (Kind::Number, 1) => format!("{number}.0"),
            (Kind::Number, 3) => format!("{number}e0"),
            (Kind::Text, 1) => in_order(number),
            (Kind::Time, 1) => {
                time(number).at_offset(Some(90)).map_or(self.stored(), |time| text::write(&time.into()))
            }
            (Kind::Nested, 1) => format!("[{number}.00,{{c:[],a:b}}]"),
            _ => self.stored(),
        }
    }
}

/// A word whose order is that of the numbers.
fn in_order(number: i64) -> String {
    format!("k{:06}", number + 1000)
}

fn time(number: i64) -> Timestamp {
    Timestamp::from_unix_millis(FIRST_MINUTE + 60_000 * number)
}

/// One value of each kind of Ion, with details that are easily lost.
const KINDS: [&str; 22] = [
    "null",
    "null.struct",
    "null.timestamp",
    "true",
    "0",
    "-0.",
    "1.50",
    "123456789012345678901234567890",
    "1e0",
    "nan",
    "-inf",
    "2019-02-03T",
    "2019-02-03T04:05-00:00",
    "2019-02-03T04:05:06.700+08:00",
    "'a symbol'",
    "{{AAEC/w==}}",
    "{{\"clob\\n\"}}",
    "(a + [b, \"c\"])",
    "[[], {}, [1, {x: 2.0}]]",
    "{a: {b: [c, d::e::7]}, a: \"twice\"}",
    "note::{'$ion': 1, '': 2}",
    "\"line\\nπ\\0\"",
];

/// A payload by chance, in Ion text as it is stored.
pub(crate) fn payload(random: &mut Random, plain: bool) -> Arc<str> {
    if plain || random.permille(600) {
        let length = if random.permille(30) { 3000 } else { random.index(40) };
        return format!("\"{}\"", "x".repeat(length)).into();
    }
    let value = text::read_one(KINDS[random.index(KINDS.len())]).expect("the list holds Ion");
    text::write(&value).into()
}

#[cfg(test)]
mod tests {
    use everstrand_ion::Document;

    use super::*;

    #[test]
    fn keys_and_payloads_are_written_as_they_are_stored() {
        let stored = |ion: &str| {
            let document = Document::from(&text::read_one(ion).expect("Ion"));
            text::write(&document.to_value())
        };
        for kind in [Kind::Number, Kind::Text, Kind::Long, Kind::Time, Kind::Nested] {
            for key in (-50..50).map(|number| Key::Of(kind, number)) {
                assert_eq!(stored(&key.stored()), key.stored());
                text::read_one(&key.sought()).expect("Ion");
            }
        }
        for ion in KINDS {
            let written = text::write(&text::read_one(ion).expect("Ion"));
            assert_eq!(stored(&written), written);
        }
    }
}
