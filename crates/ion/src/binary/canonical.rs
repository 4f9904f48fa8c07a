//! Finds the parts of a document, and checks whether it is in canonical form.

use std::collections::HashSet;

use crate::MAX_DEPTH;
use crate::binary::header::{Header, VERSION_MARKER, WRAPPER, read_header, read_wrapper};
use crate::binary::primitives::{
    Reason, magnitude_u64, read_decimal, read_float, read_timestamp, read_var_uint, var_uint_length,
    write_decimal, write_float, write_timestamp,
};
use crate::symbol::{FIRST_LOCAL_ID, system_id};

/// The most symbols that are compared pair by pair. More are put into a set.
const PAIRWISE_MAX: usize = 32;

/// The places of a document's symbols and its value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// The start and the end of the text of each symbol, from `$10` on. Places beyond 4 GiB are `u32::MAX`; these symbols
    /// have no text.
    pub(crate) symbols: Vec<(u32, u32)>,
    /// The start of the value.
    pub(crate) value_start: usize,
}

/// Finds the parts of a document. Checks the symbol table, and that one value fills the rest; does not check the content
/// of that value.
pub(crate) fn layout(bytes: &[u8]) -> Result<Layout, Reason> {
    if !bytes.starts_with(&VERSION_MARKER) {
        return Err("a document does not begin with the version marker");
    }
    let mut layout = Layout { symbols: Vec::new(), value_start: VERSION_MARKER.len() };
    if let Some((list, end)) = symbol_list(bytes, layout.value_start) {
        // A guess: symbols are usually eight bytes or longer.
        let mut symbols = Vec::with_capacity((end - list) / 8);
        let mut at = list;
        while at < end {
            let header = read_header(&bytes[..end], &mut at)?;
            if header.code() != 8 || header.low() == 15 {
                return Err("the symbol table of a document holds something other than text");
            }
            at = header.end;
            symbols.push((saturate(header.start), saturate(header.end)));
        }
        layout.symbols = symbols;
        layout.value_start = end;
    }
    let header = read_header(bytes, &mut layout.value_start.clone())?;
    if header.code() == WRAPPER {
        read_wrapper(bytes, header)?;
    }
    if header.end != bytes.len() {
        return Err("a document holds more than one value");
    }
    Ok(layout)
}

/// Whether one value that is not annotated fills the bytes from `start` on.
pub(crate) fn fills(bytes: &[u8], start: usize) -> bool {
    let mut at = start;
    read_header(bytes, &mut at).is_ok_and(|header| header.code() != WRAPPER && header.end == bytes.len())
}

/// The layout of a document if it is valid and in canonical form; else `None`.
pub(crate) fn layout_if_canonical(bytes: &[u8]) -> Option<Layout> {
    let layout = layout(bytes).ok()?;
    if !distinct_symbols(bytes, &layout) || looks_like_a_symbol_table(&bytes[layout.value_start..]) {
        return None;
    }
    // The writer leaves out an empty table and uses the shortest lengths. A table of another form is longer.
    if symbol_table_length(layout.symbols.iter().map(|(start, end)| (end - start) as usize))
        != layout.value_start - VERSION_MARKER.len()
    {
        return None;
    }
    let limit = FIRST_LOCAL_ID + layout.symbols.len() as u64;
    let mut check = Check { bytes, next_id: FIRST_LOCAL_ID, limit };
    let mut at = layout.value_start;
    check.value(&mut at, bytes.len(), 0)?;
    (check.next_id == limit).then_some(layout)
}

/// The length of a symbol table with texts of these lengths, in bytes.
pub(crate) fn symbol_table_length(texts: impl Iterator<Item = usize>) -> usize {
    let list: usize = texts.map(with_header).sum();
    if list == 0 { 0 } else { with_header(2 + with_header(1 + with_header(list))) }
}

/// The length of a value with a payload of this length, in bytes.
pub(crate) fn with_header(length: usize) -> usize {
    let extra = if length < 14 { 0 } else { var_uint_length(length as u64) };
    1 + extra + length
}

/// The symbols of the symbol table at `at`; `None` if the table has anything but symbols, which is rare.
pub(crate) fn plain_symbol_table(bytes: &[u8], at: usize) -> Option<Vec<&str>> {
    let (mut at, end) = symbol_list(bytes, at)?;
    let mut texts = Vec::with_capacity((end - at) / 8);
    while at < end {
        let header = read_header(&bytes[..end], &mut at)
            .ok()
            .filter(|header| header.code() == 8 && header.low() != 15)?;
        texts.push(std::str::from_utf8(&bytes[header.start..header.end]).ok()?);
        at = header.end;
    }
    Some(texts)
}

/// The start and the end of the symbols in the symbol table at `at`; `None` unless there is one in the form
/// `$ion_symbol_table::{symbols:[…]}` or `$ion_symbol_table::{}`.
fn symbol_list(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let wrapper = read_header(bytes, &mut at).ok().filter(|header| header.code() == WRAPPER)?;
    let inside = read_wrapper(bytes, wrapper).ok()?;
    if bytes[inside.ids_start..inside.ids_end] != [0x83] {
        return None;
    }
    let fields = inside.value;
    if fields.code() != 13 || fields.low() == 15 {
        return None;
    }
    if fields.start == fields.end {
        return Some((fields.end, fields.end));
    }
    let mut at = fields.start + 1;
    let list = read_header(&bytes[..fields.end], &mut at).ok()?;
    let is_symbols = bytes[fields.start] == 0x87 && list.code() == 11 && list.low() != 15;
    (is_symbols && list.end == fields.end).then_some((list.start, list.end))
}

/// Whether readers would take a value for a symbol table: it is a struct whose first annotation is
/// `$ion_symbol_table`.
pub(crate) fn looks_like_a_symbol_table(value: &[u8]) -> bool {
    let mut at = 0;
    let Ok(header) = read_header(value, &mut at) else { return false };
    header.code() == WRAPPER
        && read_wrapper(value, header).is_ok_and(|wrapper| {
            value[wrapper.ids_start] == 0x83 && wrapper.value.code() == 13 && wrapper.value.low() != 15
        })
}

fn saturate(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn distinct_symbols(bytes: &[u8], layout: &Layout) -> bool {
    let texts: Option<Vec<&str>> = layout
        .symbols
        .iter()
        .map(|(start, end)| std::str::from_utf8(bytes.get(*start as usize..*end as usize)?).ok())
        .collect();
    let Some(texts) = texts else { return false };
    if texts.iter().any(|text| system_id(text).is_some()) {
        return false;
    }
    if texts.len() > PAIRWISE_MAX {
        return texts.iter().collect::<HashSet<_>>().len() == texts.len();
    }
    // Equal texts have equal marks. Therefore a text need be compared only if its mark was seen before.
    let mut marks = 0u64;
    texts.iter().enumerate().all(|(index, text)| {
        let mark = 1u64 << (mark_of(text) % 64);
        let taken = marks & mark != 0;
        marks |= mark;
        !taken || !texts[..index].contains(text)
    })
}

fn mark_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let [first, last] = [bytes.first(), bytes.last()].map(|byte| usize::from(*byte.unwrap_or(&0)));
    bytes.len() * 7 + first * 5 + last
}

/// Walks through a value. `None` means that it is not valid, or not in canonical form.
struct Check<'a> {
    bytes: &'a [u8],
    /// The next id that may appear for the first time.
    next_id: u64,
    limit: u64,
}

impl Check<'_> {
    fn value(&mut self, at: &mut usize, end: usize, depth: usize) -> Option<()> {
        let start = *at;
        let header = read_header(&self.bytes[..end], at).ok()?;
        *at = header.end;
        if !header.is_padding() && header.code() != WRAPPER {
            return self.unannotated(header, start, depth);
        }
        let wrapper = read_wrapper(self.bytes, header).ok()?;
        if header.is_padding() || !minimal(header, start) {
            return None;
        }
        let mut id_at = wrapper.ids_start;
        let ids_length = (wrapper.ids_end - wrapper.ids_start) as u64;
        if var_uint_length(ids_length) != wrapper.ids_start - header.start {
            return None;
        }
        while id_at < wrapper.ids_end {
            self.id(&mut id_at, wrapper.ids_end)?;
        }
        self.unannotated(wrapper.value, wrapper.ids_end, depth)
    }

    fn unannotated(&mut self, header: Header, start: usize, depth: usize) -> Option<()> {
        if header.low() == 15 {
            return (header.code() != 3).then_some(());
        }
        if header.code() == 1 {
            return Some(());
        }
        let payload = &self.bytes[header.start..header.end];
        if !minimal(header, start) {
            return None;
        }
        let same = match header.code() {
            2 => payload.first() != Some(&0),
            3 => payload.first().is_some_and(|first| *first != 0),
            4 => rewritten(payload, |payload, out| {
                write_float(read_float(payload).ok()?, out);
                Some(())
            }),
            5 => rewritten(payload, |payload, out| {
                write_decimal(&read_decimal(payload).ok()?, out);
                Some(())
            }),
            6 => rewritten(payload, |payload, out| {
                write_timestamp(&read_timestamp(payload).ok()?, out);
                Some(())
            }),
            7 => {
                let id = magnitude_u64(payload)?;
                self.appears(id)?;
                payload.first() != Some(&0)
            }
            8 => std::str::from_utf8(payload).is_ok(),
            9 | 10 => true,
            11..=13 if depth >= MAX_DEPTH => false,
            code @ 11..=13 => {
                let mut at = header.start;
                while at < header.end {
                    if code == 13 {
                        self.id(&mut at, header.end)?;
                    }
                    self.value(&mut at, header.end, depth + 1)?;
                }
                true
            }
            _ => false,
        };
        same.then_some(())
    }

    fn id(&mut self, at: &mut usize, end: usize) -> Option<()> {
        let minimal = self.bytes.get(*at) != Some(&0);
        let id = read_var_uint(&self.bytes[..end], at)?;
        self.appears(id).filter(|()| minimal)
    }

    fn appears(&mut self, id: u64) -> Option<()> {
        if id == self.next_id && id < self.limit {
            self.next_id += 1;
        }
        (id < self.next_id).then_some(())
    }
}

/// Whether the header that begins at `start` is as short as possible.
fn minimal(header: Header, start: usize) -> bool {
    with_header(header.end - header.start) == header.end - start
}

/// Whether a payload that is read and written again has the same bytes.
fn rewritten(payload: &[u8], rewrite: impl FnOnce(&[u8], &mut Vec<u8>) -> Option<()>) -> bool {
    let mut out = Vec::with_capacity(payload.len());
    rewrite(payload, &mut out).is_some() && out == payload
}
