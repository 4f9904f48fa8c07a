//! Type descriptors and annotation wrappers, which tell where a value ends.
//!
//! ```text
//! value        type descriptor, [length], payload
//! descriptor   high nibble T: type code, low nibble L
//!              L = 0..13: that many bytes follow; 14: a VarUInt length follows; 15: null
//! T = 0        L < 15: padding, otherwise null
//! T = 1        bool, L is its value
//! T = 13       struct; L = 1: its field ids are in order and a VarUInt length follows
//! T = 14       annotation wrapper: VarUInt length of the ids, ids as VarUInts, the value
//!              (L = 0 is the version marker E0 01 00 EA and stands only between values)
//! ```

use crate::MAX_DEPTH;
use crate::binary::primitives::{Reason, read_var_uint};
use crate::value::IonType;

/// The first four bytes of Ion 1.0 binary.
pub const VERSION_MARKER: [u8; 4] = [0xE0, 0x01, 0x00, 0xEA];

/// A container that is nested deeper than this reads as null, and is written and hashed as null. Input is limited to
/// [`MAX_DEPTH`], but a value that is put together from documents can be deeper.
pub(crate) const RAW_DEPTH_MAX: usize = 4 * MAX_DEPTH;

/// The type code of an annotation wrapper.
pub(crate) const WRAPPER: u8 = 14;

/// A type descriptor, and the place of the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) descriptor: u8,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Header {
    pub(crate) fn code(self) -> u8 {
        self.descriptor >> 4
    }

    pub(crate) fn low(self) -> u8 {
        self.descriptor & 0x0F
    }

    pub(crate) fn is_padding(self) -> bool {
        self.descriptor < 0x0F
    }
}

/// An annotation wrapper: the place of its ids, and the header of the value in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrapper {
    pub(crate) ids_start: usize,
    pub(crate) ids_end: usize,
    pub(crate) value: Header,
}

/// The type codes whose headers have no special rules, one bit for each.
const PLAIN: u16 = 0b0001_1111_1011_1100;

/// Reads a type descriptor and its length at `at`, and moves `at` to the payload. Checks that the payload ends inside
/// `bytes`.
#[inline]
pub(crate) fn read_header(bytes: &[u8], at: &mut usize) -> Result<Header, Reason> {
    match read_plain_header(bytes, *at) {
        Some(header) => {
            *at = header.start;
            Ok(header)
        }
        None => read_any_header(bytes, at),
    }
}

/// Reads the header of nearly all values; `None` if [`read_any_header`] must look at it.
#[inline(always)]
pub(crate) fn read_plain_header(bytes: &[u8], at: usize) -> Option<Header> {
    let (&descriptor, rest) = bytes.get(at..)?.split_first()?;
    if PLAIN >> (descriptor >> 4) & 1 == 0 {
        return None;
    }
    let low = usize::from(descriptor & 0x0F);
    // A length below 14 is in the descriptor. One below 128 takes one more byte, whose top bit is set.
    let (width, length) = match rest {
        _ if low < 14 => (1, low),
        [length, ..] if low == 14 && length & 0x80 != 0 => (2, usize::from(length & 0x7F)),
        _ => return None,
    };
    let start = at + width;
    (width + length <= 1 + rest.len()).then_some(Header { descriptor, start, end: start + length })
}

fn read_any_header(bytes: &[u8], at: &mut usize) -> Result<Header, Reason> {
    let descriptor = *bytes.get(*at).ok_or("a value is missing")?;
    *at += 1;
    let (code, low) = (descriptor >> 4, descriptor & 0x0F);
    let length = match (code, low) {
        (15, _) | (1, 2..=14) | (WRAPPER, 0..=2 | 15) | (6, 0 | 1) => {
            return Err("a type descriptor is not allowed here");
        }
        (_, 15) | (1, _) => 0,
        (13, 1) => match read_length(bytes, at)? {
            0 => return Err("a struct with ordered field names is empty"),
            length => length,
        },
        (_, 14) => read_length(bytes, at)?,
        (_, low) => usize::from(low),
    };
    let end = at.checked_add(length).filter(|end| *end <= bytes.len());
    let end = end.ok_or("a value is longer than what is around it")?;
    Ok(Header { descriptor, start: *at, end })
}

/// Reads the content of an annotation wrapper.
pub(crate) fn read_wrapper(bytes: &[u8], wrapper: Header) -> Result<Wrapper, Reason> {
    let bytes = &bytes[..wrapper.end];
    let mut at = wrapper.start;
    let length = read_length(bytes, &mut at)?;
    let ids_start = at;
    let ids_end = ids_start.checked_add(length).filter(|ids_end| length > 0 && *ids_end < bytes.len());
    let ids_end = ids_end.ok_or("an annotation wrapper leaves no room for annotations and a value")?;
    at = ids_end;
    let value = read_header(bytes, &mut at)?;
    if value.code() == WRAPPER || value.is_padding() {
        return Err("an annotation wrapper holds padding or another wrapper");
    }
    if value.end != wrapper.end {
        return Err("an annotation wrapper is longer than the value inside");
    }
    Ok(Wrapper { ids_start, ids_end, value })
}

fn read_length(bytes: &[u8], at: &mut usize) -> Result<usize, Reason> {
    let length = read_var_uint(bytes, at).ok_or("a length is cut short or exceeds 64 bits")?;
    usize::try_from(length).map_err(|_| "a length exceeds what this machine can address")
}

/// The type with this type code; `None` for annotation wrappers, and for codes that Ion 1.0 does not use.
pub(crate) const fn type_of(code: u8) -> Option<IonType> {
    Some(match code {
        0 => IonType::Null,
        1 => IonType::Bool,
        2 | 3 => IonType::Int,
        4 => IonType::Float,
        5 => IonType::Decimal,
        6 => IonType::Timestamp,
        7 => IonType::Symbol,
        8 => IonType::String,
        9 => IonType::Clob,
        10 => IonType::Blob,
        11 => IonType::List,
        12 => IonType::Sexp,
        13 => IonType::Struct,
        _ => return None,
    })
}

/// The type code of a type. For ints it is that of positive ones.
pub(crate) const fn code_of(ion_type: IonType) -> u8 {
    match ion_type {
        IonType::Null => 0,
        IonType::Bool => 1,
        IonType::Int => 2,
        IonType::Float => 4,
        IonType::Decimal => 5,
        IonType::Timestamp => 6,
        IonType::Symbol => 7,
        IonType::String => 8,
        IonType::Clob => 9,
        IonType::Blob => 10,
        IonType::List => 11,
        IonType::Sexp => 12,
        IonType::Struct => 13,
    }
}
