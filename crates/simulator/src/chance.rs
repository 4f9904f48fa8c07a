//! Statements by chance: what a client may say next, given what it may know.

use everstrand_testkit::Random;

use crate::model::Model;
use crate::operation::{AsOf, Change, Filter, Operation, Row, TABLES};
use crate::settings::Settings;
use crate::value::{Key, payload};

/// What the transaction in which a statement is to be said did before, and may know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoFar {
    /// Whether it has changed anything, as far as its client knows.
    pub(crate) has_written: bool,
    /// The last block that certainly was there when it began.
    pub(crate) after: u64,
}

/// A statement by chance. `known` is what an application may know from before: ids that exist, or did.
pub(crate) fn random(random: &mut Random, settings: &Settings, known: &Model, so_far: SoFar) -> Operation {
    let table = TABLES[random.index(settings.tables)];
    if random.permille(settings.definitions) {
        return definition(random, settings, table, known);
    }
    if random.permille(settings.redactions)
        && let Some((block, table_id, id)) = known.some_revision(random, table)
    {
        return Operation::Redact { strand: known.strand.clone(), block, table_id, id };
    }
    let some = |random: &mut Random| filter(random, settings, table, known);
    match random.below(100) {
        0..16 => {
            let count = if random.permille(850) { 1 } else { 2 + random.index(3) };
            // The ids come on one page, or nobody could tell which belongs to which row.
            let count = count.min(settings.page_values);
            let rows = (0..count).map(|_| row(random, settings)).collect();
            Operation::Insert { table, rows }
        }
        16..22 => Operation::Upsert { table, row: row(random, settings), replace: random.permille(500) },
        22..50 => Operation::Update { table, change: change(random, settings), filter: some(random) },
        50..60 => Operation::Delete { table, filter: narrow_filter(random, settings, table, known) },
        60..75 => Operation::Select { table, filter: some(random) },
        75..80 => Operation::Whole { table, filter: narrow_filter(random, settings, table, known) },
        80..83 => Operation::Count { table, filter: some(random) },
        83..87 => {
            let right = TABLES[random.index(settings.tables)];
            Operation::Join { left: table, right, filter: some(random) }
        }
        87..90 if !so_far.has_written => Operation::Committed { table, filter: some(random) },
        90..92 if !so_far.has_written => Operation::History { table },
        92..97 if !so_far.has_written => {
            Operation::Past { table, as_of: as_of(random, known, so_far.after), filter: some(random) }
        }
        97 => Operation::Tables,
        _ => Operation::Select { table, filter: Filter::Key(key(random, settings)) },
    }
}

/// Mostly lately, now and then in the future.
fn as_of(random: &mut Random, known: &Model, after: u64) -> AsOf {
    let block =
        if random.permille(600) { after.saturating_sub(random.below(6)) } else { random.below(after + 1) };
    match known.time_of(block).filter(|_| random.permille(400)) {
        Some(millis) => AsOf::Millis(millis + *random.pick(&[-1, 0, 0, 0, 1, 5000])),
        None if random.permille(100) => AsOf::Block(after + random.below(4)),
        None => AsOf::Block(block),
    }
}

/// The tables that a world begins with.
pub(crate) fn first_definitions(random: &mut Random, settings: &Settings) -> Vec<Operation> {
    let mut definitions = Vec::new();
    for table in &TABLES[..settings.tables] {
        definitions.push(Operation::CreateTable { table });
        for field in ["k", "v"] {
            if random.permille(if field == "k" { 700 } else { 150 }) {
                definitions.push(Operation::CreateIndex { table, field, unique: false });
            }
        }
        if settings.unique && random.permille(800) {
            definitions.push(Operation::CreateIndex { table, field: "k", unique: true });
        }
    }
    definitions
}

fn definition(random: &mut Random, settings: &Settings, table: &'static str, known: &Model) -> Operation {
    match random.below(10) {
        0..3 => Operation::CreateTable { table },
        3..5 => Operation::DropTable { table },
        5 => match known.some_table(random) {
            Some(id) => Operation::UndropTable { id },
            None => Operation::CreateTable { table },
        },
        6..9 => {
            let field = if random.permille(700) { "k" } else { "v" };
            let unique = settings.unique && field == "k" && random.permille(500);
            Operation::CreateIndex { table, field, unique }
        }
        _ => match known.some_index(random, table) {
            Some(index) => Operation::DropIndex { table, index },
            None => Operation::CreateIndex { table, field: "k", unique: false },
        },
    }
}

fn row(random: &mut Random, settings: &Settings) -> Row {
    let number = random.between(0, settings.keys - 1);
    let k = if random.permille(settings.nulls) { Key::Null } else { Key::Of(settings.kind, number) };
    Row { k, v: random.between(0, 9), s: payload(random, settings.plain) }
}

/// Half of the keys are never inserted, only looked up and moved to.
fn key(random: &mut Random, settings: &Settings) -> Key {
    let span = if random.permille(150) { settings.keys * 2 } else { settings.keys };
    Key::Of(settings.kind, random.between(0, span - 1))
}

fn change(random: &mut Random, settings: &Settings) -> Change {
    match random.below(10) {
        0..6 => Change::AddValue(random.between(-3, 3)),
        6 => Change::SetValue(random.between(0, 9)),
        9 if settings.adds_to_keys => Change::AddKey(random.between(-1, 1)),
        _ => Change::SetKey(key(random, settings)),
    }
}

fn filter(random: &mut Random, settings: &Settings, table: &str, known: &Model) -> Filter {
    match random.below(20) {
        0 => Filter::All,
        1 => Filter::ValueFrom(random.between(0, 12)),
        2..5 if settings.kind.is_ordered() => {
            let low = random.between(0, settings.keys - 1);
            let high = low + random.between(-1, 4);
            let (with_low, with_high) = (random.permille(500), random.permille(500));
            let [low, high] = [low, high].map(|number| Key::Of(settings.kind, number));
            Filter::Range { low, high, with_low, with_high }
        }
        _ => narrow_filter(random, settings, table, known),
    }
}

/// One that few documents belong to.
fn narrow_filter(random: &mut Random, settings: &Settings, table: &str, known: &Model) -> Filter {
    match random.below(10) {
        0..5 => Filter::Key(key(random, settings)),
        5 => Filter::Keys(key(random, settings), key(random, settings)),
        6 => Filter::KeyAndValueFrom(key(random, settings), random.between(0, 9)),
        _ => match known.some_document(random, table) {
            Some(id) => Filter::Id(id),
            None => Filter::Key(key(random, settings)),
        },
    }
}
