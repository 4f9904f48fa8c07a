//! The documents that are measured with: vehicle registrations of eleven fields, 300 to 400 bytes of Ion each.

use everstrand_ion::{Document, Struct, Timestamp, Value};
use everstrand_testkit::Random;

/// The table, and the indexes that lookups and ranges use.
pub(crate) const DEFINITIONS: [&str; 3] = [
    "CREATE TABLE Registration",
    "CREATE INDEX ON Registration (VIN)",
    "CREATE INDEX ON Registration (PendingPenaltyTicketAmount)",
];

/// A document's vehicle identification number, by which it is looked up. The order of these numbers is unrelated to the
/// order of the documents.
pub(crate) fn vin(number: u64) -> String {
    format!("1N4AL{:012}", u128::from(number) * 618_033_988_747 % 1_000_000_000_000)
}

/// The document with this number, the same in every run.
pub(crate) fn registration(number: u64) -> Value {
    let mut random = Random::new(number);
    let owner = |random: &mut Random| format!("{:011}{:011}", random.below(u64::MAX), random.below(1 << 36));
    let day = |random: &mut Random| {
        let (year, month, day) = (2015 + random.below(10), 1 + random.below(12), 1 + random.below(28));
        let date: Timestamp = format!("{year}-{month:02}-{day:02}T").parse().expect("a date");
        Value::from(date)
    };
    let (primary, secondary) = (owner(&mut random), owner(&mut random));
    let owners = Struct::from_iter([
        ("PrimaryOwner", Value::from(primary)),
        ("SecondaryOwner", Value::from(secondary)),
    ]);
    Value::from(Struct::from_iter([
        ("VIN", Value::from(vin(number))),
        ("LicensePlateNumber", Value::from(format!("LEWISR{:06}", random.below(1_000_000)))),
        ("State", Value::from("WA")),
        ("City", Value::from("Seattle")),
        ("Make", Value::from(["Tesla", "Ducati", "Mercedes", "Chevrolet"][random.index(4)])),
        ("Model", Value::from("Model S 100D")),
        ("PendingPenaltyTicketAmount", Value::from(amount(number))),
        ("ValidFromDate", day(&mut random)),
        ("ValidToDate", day(&mut random)),
        ("Mileage", Value::from(0i64)),
        ("Owners", Value::from(owners)),
    ]))
}

/// An amount for range queries: each number below 100,000 once in a hundred thousand documents.
pub(crate) fn amount(number: u64) -> i64 {
    (number.wrapping_mul(7919) % 100_000).cast_signed()
}

/// A value as a statement's parameter.
pub(crate) fn parameter(value: impl Into<Value>) -> Document {
    Document::from(&value.into())
}
