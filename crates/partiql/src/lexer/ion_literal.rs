//! Finds the end of an Ion literal. It is the first back-tick that is not inside an Ion string, symbol, clob or
//! comment.

/// The length of the Ion text before the closing back-tick. `None` if there is no such back-tick.
pub(super) fn length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        at += match rest {
            [b'`', ..] => return Some(at),
            [b'/', b'/', ..] => until(rest, 2, b"\n").or_else(|| until(rest, 2, b"\r"))?,
            [b'/', b'*', ..] => until(rest, 2, b"*/")?,
            [b'"', ..] => quoted(rest, b"\"")?,
            [b'\'', b'\'', b'\'', ..] => quoted(rest, b"'''")?,
            [b'\'', ..] => quoted(rest, b"'")?,
            // A blob holds base64, which has no back-tick. The arms above skip the string of a clob.
            _ => 1,
        };
    }
    None
}

/// The length of a text that begins with `quote` and ends with the next `quote` that is not escaped.
fn quoted(bytes: &[u8], quote: &[u8]) -> Option<usize> {
    let mut at = quote.len();
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at..].starts_with(quote) {
            return Some(at + quote.len());
        } else {
            at += 1;
        }
    }
    None
}

/// The length up to and including the first `end` at or after `from`.
fn until(bytes: &[u8], from: usize, end: &[u8]) -> Option<usize> {
    bytes[from..].windows(end.len()).position(|window| window == end).map(|at| from + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::length;

    /// L7: back-ticks inside strings, symbols, long strings, lobs and comments do not end a literal.
    #[test]
    fn skips_quoted_back_ticks() {
        for text in [
            r#""a`b""#,
            r#""a\"`b""#,
            "'a`b'",
            r"'a\'`b'",
            "'''a`'b`'''",
            r#"{{ "`" }}"#,
            "{{ aGVsbG8= }}",
            "/* ` */ 1",
            "1 // `\n",
            "{a: [1, 'b`'], c: \"`\"}",
        ] {
            assert_eq!(length(&format!("{text}` rest `")), Some(text.len()), "{text}");
        }
        assert_eq!(length("1"), None);
        assert_eq!(length("\"a`"), None);
    }
}
