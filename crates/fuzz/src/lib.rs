//! What each fuzz target does with its bytes, as plain functions: a target panics where a decoder
//! or a promise fails. `cargo test` runs each over `fuzz/seeds/`: samples, and inputs that failed once. They
//! are where a search begins, too, which keeps what it finds in a folder that it is given:
//!
//! `RUSTC_BOOTSTRAP=1 cargo +stable fuzz run ion_binary fuzz/corpus/ion_binary fuzz/seeds/ion_binary -- -max_total_time=600`

mod journal;
mod partiql;
mod policy;
mod protocol;
mod view;

pub use journal::{journal_checkpoint, journal_evidence, journal_export, journal_slot};
pub use partiql::{partiql_execute, partiql_parse};
pub use policy::policy;
pub use protocol::{control, send_command, signature};
pub use view::view;

use std::panic::{catch_unwind, set_hook, take_hook};

use everstrand_ion::{Document, RawValue, Value, binary, text};

/// Any bytes as an Ion stream, as a document and as trusted bytes.
pub fn ion_binary(bytes: &[u8]) {
    let read = binary::read_all(bytes);
    for value in read.iter().flatten() {
        let written = binary::write(value);
        assert_eq!(binary::read_one(&written).as_ref(), Ok(value));
        // In a list, where a symbol `$ion_1_0` or a struct `$ion_symbol_table::{…}` is only that.
        let list = Value::from(vec![value.clone()]);
        assert_eq!(text::read_one(&text::write(&list)).as_ref(), Ok(&list));
    }
    if let Ok(document) = Document::from_canonical(bytes) {
        touch(document.root());
        let part = document.root().to_document();
        let _ = (document.ion_hash(), document.to_value(), part.to_value());
    }
    let document = Document::from_binary(bytes);
    assert_eq!(document.is_ok(), read.as_ref().is_ok_and(|values| values.len() == 1));
    if let Ok(document) = document {
        let value = document.to_value();
        assert_eq!(read.as_deref(), Ok(&[value.clone()][..]));
        assert_eq!(Document::from(&value), document);
        let again = Document::from_binary(document.as_bytes());
        assert_eq!(again.as_ref(), Ok(&document), "canonical bytes change");
        assert!(touch(document.root()) > 0);
    }
}

/// Any text as Ion, printed and read again.
pub fn ion_text(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    for value in text::read_all(source).into_iter().flatten() {
        for written in [text::write(&value), text::write_pretty(&value)] {
            assert_eq!(text::read_one(&written).as_ref(), Ok(&value), "{written}");
        }
        let document = Document::from(&value);
        assert_eq!(document.to_value(), value);
        assert_eq!(document.ion_hash(), everstrand_ion::ion_hash(&value));
    }
}

/// What this crate and `ion-rs` both accept, they have to understand alike, and hash alike.
pub fn cursor_vs_ion_rs(bytes: &[u8]) {
    let Ok(values) = binary::read_all(bytes) else { return };
    let Some(elements) = unless_it_panics(|| ion_rs::Element::read_all(bytes).ok()) else { return };
    assert_eq!(values.len(), elements.iter().count());
    for (value, element) in values.iter().zip(elements.iter()) {
        let Some(theirs) = unless_it_panics(|| element.encode_as(ion_rs::v1_0::Binary).ok()) else {
            continue;
        };
        assert_eq!(binary::read_one(&theirs).as_ref(), Ok(value));
        let document = Document::from_binary(&theirs).expect("what is read is a document");
        assert_same(document.root(), value);
        if let Some(hash) = unless_it_panics(|| ion_rs::ion_hash::sha256(element).ok()) {
            assert_eq!(document.ion_hash()[..], hash[..], "{value}");
        }
    }
}

/// `ion-rs` panics on some input; that is not what is looked for.
fn unless_it_panics<T>(work: impl FnOnce() -> Option<T> + std::panic::UnwindSafe) -> Option<T> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let result = catch_unwind(work);
    set_hook(hook);
    result.ok().flatten()
}

/// Uses every access of a view, all the way down, and counts the values.
fn touch(value: RawValue<'_>) -> usize {
    let _ = (value.as_bool(), value.as_i64(), value.as_int(), value.as_f64(), value.as_decimal());
    let _ = (value.as_timestamp(), value.as_symbol(), value.as_text(), value.as_bytes(), value.is_null());
    let _ = (value.annotations(), value.get("a"), value.ion_type());
    let items: usize = value.items().map(touch).sum();
    let fields: usize = value.fields().map(|(_, field)| touch(field)).sum();
    1 + items + fields
}

/// Walks a view and a tree together.
fn assert_same(raw: RawValue<'_>, value: &Value) {
    assert_eq!(raw.ion_type(), value.ion_type());
    assert_eq!(raw.is_null(), value.is_null());
    assert_eq!(raw.annotations(), value.annotations());
    assert_eq!(raw.as_text(), value.as_text());
    assert_eq!(raw.as_i64(), value.as_i64());
    let items = value.as_sequence().unwrap_or(&[]);
    assert_eq!(raw.items().count(), items.len());
    raw.items().zip(items).for_each(|(raw, value)| assert_same(raw, value));
    let fields = value.as_struct().map_or(0, |fields| fields.len());
    assert_eq!(raw.fields().count(), fields);
    let fields = value.as_struct().into_iter().flat_map(|fields| fields.iter());
    for ((raw_name, raw), (name, value)) in raw.fields().zip(fields) {
        assert_eq!(raw_name, name.text());
        assert_same(raw, value);
    }
}

#[cfg(test)]
mod tests {
    type Target = fn(&[u8]);

    /// Every target by its name.
    const TARGETS: [(&str, Target); 14] = [
        ("control", super::control),
        ("cursor_vs_ion_rs", super::cursor_vs_ion_rs),
        ("ion_binary", super::ion_binary),
        ("ion_text", super::ion_text),
        ("journal_checkpoint", super::journal_checkpoint),
        ("journal_evidence", super::journal_evidence),
        ("journal_export", super::journal_export),
        ("journal_slot", super::journal_slot),
        ("partiql_execute", super::partiql_execute),
        ("partiql_parse", super::partiql_parse),
        ("policy", super::policy),
        ("send_command", super::send_command),
        ("signature", super::signature),
        ("view", super::view),
    ];

    #[test]
    fn every_target_takes_its_seeds_and_what_is_cut_from_them() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
        for (name, target) in TARGETS {
            assert!(folder.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name} can be searched");
            let seeds = std::fs::read_dir(folder.join("seeds").join(name)).expect("seeds of each target");
            for seed in seeds {
                let path = seed.expect("a readable folder").path();
                println!("{}", path.display());
                let bytes = std::fs::read(&path).expect("a readable file");
                target(&bytes);
                for end in (0..bytes.len()).step_by(7) {
                    target(&bytes[..end]);
                }
            }
        }
    }
}
