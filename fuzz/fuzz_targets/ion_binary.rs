//! Any bytes are read or refused; what is read has one canonical form, and hashes the same as a
//! tree and as bytes.
#![no_main]

use everstrand_ion::{Document, binary, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(values) = binary::read_all(input) {
        for value in values {
            assert_eq!(text::read_one(&format!("[{value}]")).unwrap().as_sequence().unwrap(), [value.clone()]);
            assert_eq!(binary::read_one(&binary::write(&value)).unwrap(), value);
        }
    }
    if let Ok(document) = Document::from_binary(input) {
        assert_eq!(binary::write(&document.to_value()), document.as_bytes());
        assert_eq!(document.ion_hash(), everstrand_ion::ion_hash(&document.to_value()));
    }
    // Bytes that were damaged where they lay: no access may panic.
    if let Ok(document) = Document::from_canonical(input) {
        let _ = document.to_value();
        let _ = document.ion_hash();
        let _ = document.to_string();
        for (_, value) in document.root().fields() {
            let _ = value.to_document();
        }
    }
});
