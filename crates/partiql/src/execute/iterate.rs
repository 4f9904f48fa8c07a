//! Turns the elements of a list or a bag into rows, or with UNPIVOT the fields of a struct. Any other value is one row.

use everstrand_ion::Symbol;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::datum::value_ref::ValueKind;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::path;
use crate::execute::frame::{Frame, OuterScope};
use crate::plan::{Expression, SourceSlots};

/// The state of an iteration.
#[derive(Debug, Default)]
pub(crate) struct IterateState {
    rows: Option<(Rows, Charge)>,
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
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        let rows = match &mut self.rows {
            Some((rows, _)) => rows,
            None => {
                let held = context.held();
                let value = outer.datum(context, frame, value)?;
                let rows = if unpivot { fields_of(context, value)? } else { elements_of(context, value)? };
                &mut self.rows.insert((rows, context.keep(held))).0
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
                Some((name, value)) => (value, Datum::text(name.text().unwrap_or(""))),
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

fn elements_of(context: &mut Context<'_>, value: Datum) -> Result<Rows, PartiqlError> {
    let (items, next_position) = match value.kind() {
        ValueKind::List => (path::items(context, value)?, Some(0)),
        ValueKind::Bag => (path::items(context, value)?, None),
        _ => (vec![value], None),
    };
    Ok(Rows::Elements { items: items.into_iter(), next_position })
}

fn fields_of(context: &mut Context<'_>, value: Datum) -> Result<Rows, PartiqlError> {
    let fields = match value.kind() {
        ValueKind::Struct => path::fields(context, value)?,
        ValueKind::Missing => Vec::new(),
        _ if matches!(value, Datum::Unmatched) => Vec::new(),
        _ => vec![(Symbol::from("_1"), value)],
    };
    Ok(Rows::Fields(fields.into_iter()))
}
