//! The characters and words that have a meaning of their own in Ion text.

/// Whether an identifier is a version marker: `$ion_` and two numbers.
pub(super) fn is_version_marker(identifier: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    identifier
        .strip_prefix("$ion_")
        .and_then(|version| version.split_once('_'))
        .is_some_and(|(major, minor)| digits(major) && digits(minor))
}

pub(super) fn is_keyword(identifier: &str) -> bool {
    matches!(identifier, "null" | "true" | "false" | "nan")
}

pub(super) fn is_identifier_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$')
}

pub(super) fn is_identifier_part(byte: u8) -> bool {
    is_identifier_start(byte) || byte.is_ascii_digit()
}

pub(super) fn is_operator(byte: u8) -> bool {
    b"!#%&*+-./;<=>?@^`|~".contains(&byte)
}
