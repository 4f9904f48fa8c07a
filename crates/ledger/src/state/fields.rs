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

/// The names of the fields of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fields {
    /// `None` if there are too many.
    names: Option<FieldNames>,
}

impl Default for Fields {
    fn default() -> Fields {
        Fields { names: Some(Arc::default()) }
    }
}

impl Fields {
    /// The names; `None` if the table may have any field.
    pub(crate) fn names(&self) -> Option<&FieldNames> {
        self.names.as_ref()
    }

    /// Whether the document has only fields that are noted.
    pub(crate) fn cover(&self, document: RawValue<'_>) -> bool {
        self.names.as_ref().is_none_or(|names| fields_of(document).all(|name| names.contains(name)))
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
                self.names = None;
                return;
            }
            names.insert(Arc::from(name));
        }
    }

    pub(super) fn to_stored(&self) -> Value {
        match &self.names {
            Some(names) => Value::from(names.iter().map(|name| Value::from(&**name)).collect::<Vec<Value>>()),
            None => Value::null(),
        }
    }

    pub(super) fn from_stored(stored: &Value) -> Option<Fields> {
        if stored.is_null() {
            return Some(Fields { names: None });
        }
        let names = stored.as_sequence()?.iter().map(|name| name.as_text().map(Arc::from));
        let names: BTreeSet<Arc<str>> = names.collect::<Option<_>>()?;
        Some(Fields { names: Some(Arc::new(names)) })
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
