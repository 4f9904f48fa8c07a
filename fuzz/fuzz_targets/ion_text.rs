//! Any text is read or refused; what is read is written and read back the same.
#![no_main]

use everstrand_ion::{Document, binary, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Ok(values) = text::read_all(input) else { return };
    for value in values {
        assert_eq!(text::read_one(&text::write(&value)).unwrap(), value);
        assert_eq!(text::read_one(&text::write_pretty(&value)).unwrap(), value);
        assert_eq!(binary::read_one(&binary::write(&value)).unwrap(), value);
        let document = Document::from(&value);
        assert_eq!(document.to_value(), value);
        assert_eq!(document.ion_hash(), everstrand_ion::ion_hash(&value));
    }
});
