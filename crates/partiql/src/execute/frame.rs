//! The rows of one query level while they run: the slots of a frame, what lies around it, and the input
//! that moves it from row to row.

use everstrand_ion::Document;

use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression::{self, Scope};
use crate::plan::{Expression, Node};

/// The slots of one query level.
pub(crate) type Frame = Vec<Datum>;

/// What lies around the rows of one query level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OuterScope<'a> {
    /// The query level around it, if there is one.
    pub(crate) enclosing: Option<&'a Scope<'a>>,
    pub(crate) parameters: &'a [Document],
}

impl<'a> OuterScope<'a> {
    /// What an expression over this frame can see.
    pub(crate) fn scope<'s>(self, frame: &'s [Datum]) -> Scope<'s>
    where
        'a: 's,
    {
        Scope { frame, outer: self.enclosing, parameters: self.parameters }
    }

    /// What an expression over this frame yields, owned.
    pub(crate) fn datum(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        expression: &Expression,
    ) -> Result<Datum, PartiqlError> {
        expression::datum(context, self.scope(frame), expression)
    }

    /// What an expression over this frame yields that will be written: a type error in it is refused.
    pub(crate) fn written(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        expression: &Expression,
    ) -> Result<Datum, PartiqlError> {
        context.with_type_errors(true, |context| self.datum(context, frame, expression))
    }

    /// Whether a condition is TRUE of this frame.
    pub(crate) fn holds(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        condition: &Expression,
    ) -> Result<bool, PartiqlError> {
        expression::holds(context, self.scope(frame), condition)
    }
}

/// The state of a node, as the nodes above it use it.
pub(crate) trait Input {
    /// A node that has not yielded a row.
    fn start(node: &Node) -> Self;

    /// Moves to the next row; `false` at the end.
    fn next(
        &mut self,
        node: &Node,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError>;
}

/// Roughly how many bytes a row takes besides the documents that it shares with the row before.
pub(crate) fn weight(frame: &[Datum], before: Option<&[Datum]>) -> usize {
    let address = |datum: &Datum| match datum {
        Datum::Slice(slice) => Some(slice.document().as_bytes().as_ptr().addr()),
        _ => None,
    };
    frame
        .iter()
        .enumerate()
        .map(|(slot, datum)| match address(datum) {
            Some(here) if before.is_some_and(|before| address(&before[slot]) == Some(here)) => {
                size_of::<Datum>()
            }
            _ => datum.weight(),
        })
        .sum()
}
