//! Calls with clauses as text.

use std::fmt::{self, Display, Formatter};

use super::print::order_terms;
use super::query::{ClausedCall, Frame, FrameBound, FrameUnit, Window};
use crate::expression::print::{self, prefix};

impl Display for ClausedCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print::call(f, self.function.clone(), &self.arguments)?;
        if let Some(filter) = &self.filter {
            write!(f, " FILTER (WHERE {})", filter.value)?;
        }
        match &self.over {
            Some(window) => write!(f, " OVER ({window})"),
            None => Ok(()),
        }
    }
}

impl Display for Window {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut blank = "";
        if !self.partition.is_empty() {
            print::bracketed(f, "PARTITION BY ", &self.partition, "")?;
            blank = " ";
        }
        if !self.order.is_empty() {
            f.write_str(blank)?;
            f.write_str("ORDER BY ")?;
            order_terms(f, &self.order)?;
            blank = " ";
        }
        match &self.frame {
            Some(frame) => write!(f, "{blank}{frame}"),
            None => Ok(()),
        }
    }
}

impl<N: crate::expression::Names> Display for Frame<crate::expression::Expression<N>> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.unit {
            FrameUnit::Rows => "ROWS BETWEEN ",
            FrameUnit::Range => "RANGE BETWEEN ",
        })?;
        bound(f, &self.start)?;
        f.write_str(" AND ")?;
        bound(f, &self.end)
    }
}

fn bound<N: crate::expression::Names>(
    f: &mut Formatter<'_>,
    bound: &FrameBound<crate::expression::Expression<N>>,
) -> fmt::Result {
    match bound {
        FrameBound::UnboundedPreceding => f.write_str("UNBOUNDED PRECEDING"),
        FrameBound::Preceding(rows) => {
            prefix(f, rows)?;
            f.write_str(" PRECEDING")
        }
        FrameBound::CurrentRow => f.write_str("CURRENT ROW"),
        FrameBound::Following(rows) => {
            prefix(f, rows)?;
            f.write_str(" FOLLOWING")
        }
        FrameBound::UnboundedFollowing => f.write_str("UNBOUNDED FOLLOWING"),
    }
}
