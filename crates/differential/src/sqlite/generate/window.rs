//! Window functions.

use super::generator::{Generator, Scope};
use crate::sqlite::tree::sequence;
use crate::sqlite::tree::{Tree, construct, nothing, text};
use crate::sqlite::value::Kind;

impl Generator<'_> {
    /// A value of each row that depends on other rows.
    pub(super) fn window(&mut self, scope: &Scope) -> (Kind, Tree) {
        // Without a certain order of all rows, which row comes first is anybody's choice.
        let order = self.total_order(scope);
        let kind = *self.random.pick(&[Kind::Int, Kind::Text]);
        let of = self.leaf_or_literal(kind, scope);
        let number = self.leaf_or_literal(Kind::Int, scope);
        let inner = Scope { outer: Vec::new(), ..scope.clone() };
        let of_key = *self.random.pick(&[Kind::Int, Kind::Text]);
        let partition = match self.leaf(of_key, &inner) {
            Some(key) if self.often(600) => construct("PARTITION BY", sequence!["PARTITION BY ", key.tree]),
            _ => nothing(),
        };
        let over = |function: Tree, frame: &'static str| {
            let frame =
                if frame.is_empty() { nothing() } else { construct("frames of windows", text(frame)) };
            let parts = Tree::List(" ", vec![partition.clone(), order.clone(), frame]);
            sequence![function, " OVER (", parts, ")"]
        };
        let frame = *self.random.pick(&[
            "",
            "",
            "ROWS UNBOUNDED PRECEDING",
            "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
            "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
        ]);
        let offset = self.random.between(0, 2);
        match self.random.below(11) {
            0 => (Kind::Int, construct("ROW_NUMBER", over(text("ROW_NUMBER()"), ""))),
            1 => (Kind::Int, construct("RANK", over(text("RANK()"), ""))),
            2 => (Kind::Int, construct("DENSE_RANK", over(text("DENSE_RANK()"), ""))),
            3 => (kind, construct("LAG", over(sequence!["LAG(", of, format!(", {offset})")], ""))),
            4 => (kind, construct("LEAD", over(sequence!["LEAD(", of, ")"], ""))),
            5 => (kind, construct("FIRST_VALUE", over(sequence!["FIRST_VALUE(", of, ")"], frame))),
            8 => (kind, construct("LAST_VALUE", over(sequence!["LAST_VALUE(", of, ")"], frame))),
            9 => (kind, construct("MAX OVER", over(sequence!["MAX(", of, ")"], frame))),
            6 => (Kind::Int, construct("COUNT OVER", over(text("COUNT(*)"), frame))),
            7 => (Kind::Int, construct("NTILE", over(text("NTILE(3)"), ""))),
            _ => (Kind::Int, construct("SUM OVER", over(sequence!["SUM(", number, ")"], frame))),
        }
    }

    /// All columns, so that rows that come in no certain order have the same values.
    fn total_order(&mut self, scope: &Scope) -> Tree {
        let keys = scope.leaves.iter().map(|leaf| sequence![leaf.tree.clone(), " NULLS FIRST"]).collect();
        sequence!["ORDER BY ", Tree::List(", ", keys)]
    }
}
