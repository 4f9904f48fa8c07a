//! Parses the clauses after a call: FILTER and OVER. None of their words is reserved, because only a parenthesis after
//! FILTER or OVER makes a clause of it, and no name can stand before a parenthesis there.

use super::{Parser, is_keyword};
use crate::ast::{Clause, ClausedCall, Expression, Frame, FrameBound, FrameUnit, FunctionForm, Window};
use crate::error::PartiqlError;
use crate::lexer::TokenKind;

impl Parser<'_> {
    /// The clauses after a call, if any follow.
    pub(super) fn call_clauses(&mut self, call: Expression) -> Result<Expression, PartiqlError> {
        let Expression::Call { function, arguments, position } = call else { return Ok(call) };
        let filter = self.filter(&function)?;
        let over = if self.is_word("over") && self.opens(1) { Some(self.window()?) } else { None };
        if filter.is_none() && over.is_none() {
            return Ok(Expression::Call { function, arguments, position });
        }
        self.wrapped()?;
        Ok(Expression::Claused(Box::new(ClausedCall { function, arguments, filter, over, position })))
    }

    fn opens(&self, after: usize) -> bool {
        matches!(self.kind_after(after), TokenKind::Symbol("("))
    }

    /// `FILTER (WHERE e)`
    fn filter(&mut self, function: &FunctionForm) -> Result<Option<Clause>, PartiqlError> {
        if !self.is_word("filter") || !self.opens(1) || !is_keyword(self.kind_after(2), "where") {
            return Ok(None);
        }
        if !matches!(function, FunctionForm::Aggregate { collection: false, .. }) {
            return Err(self.unexpected("FILTER follows an aggregate only: COUNT, SUM, AVG, MIN or MAX"));
        }
        self.step();
        let position = self.position();
        self.step();
        self.step();
        let value = self.expression()?;
        self.expect(")")?;
        Ok(Some(Clause { value, is_fetch: false, position }))
    }

    /// `OVER (…)`
    fn window(&mut self) -> Result<Window, PartiqlError> {
        self.step();
        let position = self.position();
        self.step();
        let mut partition = Vec::new();
        if self.accept_word("partition") {
            self.expect_keyword("by")?;
            partition = self.list(Self::expression)?;
        }
        let mut order = Vec::new();
        if self.accept_keyword("order") {
            self.expect_keyword("by")?;
            order = self.order_terms()?;
        }
        let frame = self.frame()?;
        self.expect(")")?;
        Ok(Window { partition, order, frame, position })
    }

    /// `ROWS | RANGE …`, if it comes next.
    fn frame(&mut self) -> Result<Option<Frame<Expression>>, PartiqlError> {
        if self.is_word("groups") {
            return Err(self.unexpected("GROUPS frames are not supported, only ROWS and RANGE"));
        }
        let unit = match self.kind() {
            TokenKind::Keyword("rows") => FrameUnit::Rows,
            TokenKind::Identifier(word) if word.eq_ignore_ascii_case("range") => FrameUnit::Range,
            _ => return Ok(None),
        };
        self.step();
        let is_between = self.accept_keyword("between");
        let start = self.frame_bound(unit)?;
        let end = if is_between {
            self.expect_keyword("and")?;
            self.frame_bound(unit)?
        } else {
            FrameBound::CurrentRow
        };
        if start.rank() > end.rank() || start.rank() == 4 || end.rank() == 0 {
            return Err(self.unexpected("The start of a frame must not come after its end"));
        }
        if self.is_word("exclude") {
            return Err(self.unexpected("EXCLUDE is not supported in frames"));
        }
        Ok(Some(Frame { unit, start, end }))
    }

    fn frame_bound(&mut self, unit: FrameUnit) -> Result<FrameBound<Expression>, PartiqlError> {
        if self.accept_keyword("current") {
            self.expect_word("row")?;
            return Ok(FrameBound::CurrentRow);
        }
        if self.accept_word("unbounded") {
            if self.accept_word("preceding") {
                return Ok(FrameBound::UnboundedPreceding);
            }
            self.expect_word("following")?;
            return Ok(FrameBound::UnboundedFollowing);
        }
        if unit == FrameUnit::Range {
            return Err(self.unexpected(
                "RANGE frames with an offset are not supported, only UNBOUNDED PRECEDING, CURRENT ROW and UNBOUNDED \
                 FOLLOWING",
            ));
        }
        let rows = self.operand()?;
        if self.accept_word("preceding") {
            return Ok(FrameBound::Preceding(rows));
        }
        self.expect_word("following")?;
        Ok(FrameBound::Following(rows))
    }
}
