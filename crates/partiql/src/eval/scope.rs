//! What an expression can read while it is evaluated.

use everstrand_ion::Document;

use crate::datum::Datum;

/// What an expression can read: the slots of its query level, those of the levels around it, and the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'e> {
    pub(crate) frame: &'e [Datum],
    pub(crate) outer: Option<&'e Scope<'e>>,
    pub(crate) parameters: &'e [Document],
}

impl<'e> Scope<'e> {
    pub(crate) fn slot(self, depth: usize, slot: usize) -> Option<&'e Datum> {
        let mut scope = self;
        for _ in 0..depth {
            scope = *scope.outer?;
        }
        scope.frame.get(slot)
    }
}
