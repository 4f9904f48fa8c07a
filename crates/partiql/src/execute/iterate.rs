//! Elements of values as rows: of lists and bags, or with UNPIVOT the fields of a struct. Any other
//! value is one row.

use everstrand_ion::Symbol;

use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::execute::context::Context;
use crate::execute::node::{Around, Frame};
use crate::plan::{Expression, SourceSlots};
use crate::view::View;

/// Where an iteration stands.
#[derive(Debug, Default)]
pub(crate) struct IterateState {
    rows: Option<Rows>,
}

#[derive(Debug)]
enum Rows {
    Elements { items: std::vec::IntoIter<Datum>, next_position: Option<i64> },
    Fields(std::vec::IntoIter<(Symbol, Datum)>),
}

impl IterateState {
    pub(crate) fn next(
        &mut self,
        value: &Expression,
        unpivot: bool,
        slots: SourceSlots,
        context: &mut Context<'_>,
        around: Around<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => {
                let value = around.datum(context, frame, value)?;
                self.rows.insert(if unpivot { fields_of(value) } else { elements_of(value) })
            }
        };
        let (element, place) = match rows {
            Rows::Elements { items, next_position } => match items.next() {
                None => return Ok(false),
                Some(element) => {
                    let place = next_position.map_or(Datum::Missing, Datum::of);
                    *next_position = next_position.map(|position| position + 1);
                    (element, place)
                }
            },
            Rows::Fields(fields) => match fields.next() {
                None => return Ok(false),
                Some((name, value)) => (value, Datum::of(name.text().map_or(String::new(), str::to_owned))),
            },
        };
        context.step()?;
        frame[slots.value] = element;
        if let Some(at) = slots.at {
            frame[at] = place;
        }
        if let Some(by) = slots.by {
            frame[by] = Datum::Missing;
        }
        Ok(true)
    }
}

fn elements_of(value: Datum) -> Rows {
    let (items, next_position) = match value.view() {
        View::List => (value.into_items(), Some(0)),
        View::Bag => (value.into_items(), None),
        _ => (vec![value], None),
    };
    Rows::Elements { items: items.into_iter(), next_position }
}

fn fields_of(value: Datum) -> Rows {
    let fields = match value.view() {
        View::Struct => value.into_fields(),
        View::Missing => Vec::new(),
        _ if matches!(value, Datum::Unmatched) => Vec::new(),
        _ => vec![(Symbol::from("_1"), value)],
    };
    Rows::Fields(fields.into_iter())
}
