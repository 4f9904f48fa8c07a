//! What an expression can read while it is evaluated.

use everstrand_ion::Document;

use crate::datum::Datum;
use crate::datum::value_ref::ValueRef;

/// What an expression can read: the slots of its query level, those of the levels around it, and the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'e> {
    pub(crate) frame: &'e [Datum],
    pub(crate) outer: Option<&'e Scope<'e>>,
    pub(crate) parameters: &'e [Document],
    /// A slot of this level whose value stands here and not in the frame.
    pub(crate) row: Option<&'e (usize, ValueRef<'e>)>,
}

impl<'e> Scope<'e> {
    /// The same scope with a row in the place of what the frame has in its slot.
    pub(crate) fn with_row(self, row: &'e (usize, ValueRef<'e>)) -> Scope<'e> {
        Scope { row: Some(row), ..self }
    }

    #[inline]
    pub(crate) fn slot(self, depth: usize, slot: usize) -> Option<ValueRef<'e>> {
        let mut scope = self;
        for _ in 0..depth {
            scope = *scope.outer?;
        }
        match scope.row {
            Some((place, value)) if *place == slot => Some(*value),
            _ => scope.frame.get(slot).map(ValueRef::from),
        }
    }
}
