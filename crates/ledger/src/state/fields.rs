//! The names of the top-level fields that the documents of a table have or ever had.
//!
//! They decide which source a statement means that names a field without its source. A name that came never goes, so
//! that such a statement either keeps its meaning or is refused. After a redaction the view is built again, and the names
//! that only the redacted data had are gone too.

use std::collections::BTreeSet;
use std::sync::Arc;

use everstrand_ion::{RawValue, Value};
use everstrand_partiql::tables::FieldNames;

/// The most names of a table, and the most bytes of them. A table with more may have any field. Documents whose fields are
/// named by ids would otherwise make the catalog large.
const NAMES_MAX: usize = 1_000;
const BYTES_MAX: usize = 64 << 10;

/// How many names a document may lack that another document has, so that the next name is still found beside the last.
const LACKED_MAX: usize = 4;

/// The names of the fields of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fields {
    /// `None` if there are too many.
    names: Option<FieldNames>,
    /// The same names in the order in which they came. Most documents have their fields in the order of the first one,
    /// so that each name is found by one comparison.
    order: Vec<Arc<str>>,
}

impl Default for Fields {
    fn default() -> Fields {
        Fields { names: Some(Arc::default()), order: Vec::new() }
    }
}

impl Fields {
    /// The names; `None` if the table may have any field.
    pub(crate) fn names(&self) -> Option<&FieldNames> {
        self.names.as_ref()
    }

    /// Whether the document has only fields that are noted.
    pub(crate) fn cover(&self, document: RawValue<'_>) -> bool {
        let Some(names) = &self.names else { return true };
        let mut next = 0;
        fields_of(document).all(|name| {
            let mut ahead = self.order.iter().skip(next).take(LACKED_MAX);
            match ahead.position(|known| **known == *name) {
                Some(lacked) => {
                    next += lacked + 1;
                    true
                }
                None => names.contains(name),
            }
        })
    }

    /// Notes the fields of a document.
    pub(crate) fn note(&mut self, document: RawValue<'_>) {
        let Some(names) = &mut self.names else { return };
        let names = Arc::make_mut(names);
        let mut bytes: usize = names.iter().map(|name| name.len()).sum();
        for name in fields_of(document) {
            if names.contains(name) {
                continue;
            }
            bytes += name.len();
            if names.len() == NAMES_MAX || bytes > BYTES_MAX {
                *self = Fields { names: None, order: Vec::new() };
                return;
            }
            let name: Arc<str> = Arc::from(name);
            self.order.push(Arc::clone(&name));
            names.insert(name);
        }
    }

    pub(super) fn to_stored(&self) -> Value {
        match &self.names {
            Some(_) => {
                Value::from(self.order.iter().map(|name| Value::from(&**name)).collect::<Vec<Value>>())
            }
            None => Value::null(),
        }
    }

    pub(super) fn from_stored(stored: &Value) -> Option<Fields> {
        if stored.is_null() {
            return Some(Fields { names: None, order: Vec::new() });
        }
        let order = stored.as_sequence()?.iter().map(|name| name.as_text().map(Arc::from));
        let order: Vec<Arc<str>> = order.collect::<Option<_>>()?;
        let names: BTreeSet<Arc<str>> = order.iter().cloned().collect();
        Some(Fields { names: Some(Arc::new(names)), order })
    }
}

fn fields_of(document: RawValue<'_>) -> impl Iterator<Item = &str> {
    document.fields().filter_map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use everstrand_ion::{Document, text};

    fn document(text: &str) -> Document {
        Document::from(&text::read_one(text).expect("well formed"))
    }

    #[test]
    fn names_come_and_stay() {
        let mut fields = Fields::default();
        let first = document("{a: 1, b: {c: 2}, a: 3}");
        assert!(!fields.cover(first.root()));
        fields.note(first.root());
        fields.note(document("{d: null}").root());
        assert!(fields.cover(first.root()) && !fields.cover(document("{c: 1}").root()));
        for (text, is_covered) in [
            ("{d: 1, a: 2}", true),
            ("{a: 1, d: 2, b: 3}", true),
            ("{}", true),
            ("{a: 1, b: 2, c: 3}", false),
            ("{d: 1, e: 2}", false),
        ] {
            assert_eq!(fields.cover(document(text).root()), is_covered, "{text}");
        }
        let names: Vec<&str> =
            fields.names().into_iter().flat_map(|names| names.iter().map(|name| &**name)).collect();
        assert_eq!(names, ["a", "b", "d"]);
        assert_eq!(Fields::from_stored(&fields.to_stored()), Some(fields));
    }

    /// More names than the catalog keeps: any field is possible then.
    #[test]
    fn too_many_names_are_any_name() {
        let many: Vec<String> = (0..=NAMES_MAX).map(|number| format!("f{number}: 1")).collect();
        for text in [format!("{{{}}}", many.join(", ")), format!("{{'{}': 1}}", "x".repeat(BYTES_MAX + 1))] {
            let mut fields = Fields::default();
            fields.note(document(&text).root());
            assert_eq!(fields.names(), None);
            assert!(fields.cover(document("{anything: 1}").root()));
            assert_eq!(Fields::from_stored(&fields.to_stored()), Some(fields));
        }
    }
}
