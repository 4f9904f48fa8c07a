//! One query level while it runs: the slots of its frame, the scope around it, and the input that fills the frame row
//! by row.

use everstrand_ion::Document;

use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression;
use crate::eval::scope::Scope;
use crate::plan::{Expression, Node};

/// The slots of one query level.
pub(crate) type Frame = Vec<Datum>;

/// The scope around one query level: the level that encloses it, and the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OuterScope<'a> {
    /// The enclosing query level, if there is one.
    pub(crate) enclosing: Option<&'a Scope<'a>>,
    pub(crate) parameters: &'a [Document],
}

impl<'a> OuterScope<'a> {
    /// What an expression over this frame can read.
    pub(crate) fn scope<'s>(self, frame: &'s [Datum]) -> Scope<'s>
    where
        'a: 's,
    {
        Scope { frame, outer: self.enclosing, parameters: self.parameters, row: None }
    }

    /// The value of an expression over this frame.
    pub(crate) fn datum(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        expression: &Expression,
    ) -> Result<Datum, PartiqlError> {
        expression::datum(context, self.scope(frame), expression)
    }

    /// The value of an expression over this frame that will be written. A type error in it fails the statement.
    pub(crate) fn written(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        expression: &Expression,
    ) -> Result<Datum, PartiqlError> {
        context.writing(|context| self.datum(context, frame, expression))
    }

    /// Whether a condition over this frame is TRUE.
    pub(crate) fn holds(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        condition: &Expression,
    ) -> Result<bool, PartiqlError> {
        expression::holds(context, self.scope(frame), condition)
    }
}

/// The state of a node, as the node above it uses it.
pub(crate) trait Input {
    /// The state of a node before its first row.
    fn start(node: &Node) -> Self;

    /// Moves to the next row. Answers `false` at the end.
    fn next(
        &mut self,
        node: &Node,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError>;
}

/// Roughly how many bytes a row takes, without the documents that it shares with the row before.
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
