//! A document as a row, for databases that have columns.

use everstrand_ion::Value;

use crate::data::registration;

/// The document of a number as a row of twelve columns: texts, numbers and days.
pub(crate) fn columns(number: u64) -> Vec<String> {
    fn column(value: &Value, columns: &mut Vec<String>) {
        match (value.as_struct(), value.as_text()) {
            (Some(inner), _) => inner.iter().for_each(|(_, value)| column(value, columns)),
            (None, Some(text)) => columns.push(text.to_owned()),
            // A day is written as a timestamp without a time.
            (None, None) => columns.push(value.to_string().trim_end_matches('T').to_owned()),
        }
    }
    let mut columns = Vec::new();
    column(&registration(number), &mut columns);
    columns
}
