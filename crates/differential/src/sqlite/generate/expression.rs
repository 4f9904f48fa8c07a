//! Numbers and texts.

use super::generator::{Generator, Scope, wrapped};
use super::query::{aggregate_query, column_query};
use crate::sqlite::tree::sequence;
use crate::sqlite::tree::{Tree, choice, construct, spelled, text};
use crate::sqlite::value::{Kind, Scalar};

impl Generator<'_> {
    /// An expression of a kind, of so many levels at most.
    pub(super) fn expression(&mut self, kind: Kind, scope: &Scope, depth: u32) -> Tree {
        if kind == Kind::Bool {
            return self.condition(scope, depth);
        }
        if scope.grouped.is_some()
            && self.often(450)
            && let Some(aggregate) = self.aggregate(kind, scope)
        {
            return aggregate;
        }
        if depth == 0 || self.often(350) {
            return self.leaf_or_literal(kind, scope);
        }
        let simple = self.leaf_or_literal(kind, scope);
        let composed = match self.random.below(11) {
            0 => self.case(kind, scope, depth - 1),
            4 => self.outermost(kind, scope, depth - 1),
            1 => {
                let (one, other) = self.two(kind, scope, depth - 1);
                let call = sequence!["COALESCE(", one.clone(), ", ", other.clone(), ")"];
                choice(construct("COALESCE", call), vec![one, other])
            }
            2 => {
                let (one, other) = self.two(kind, scope, depth - 1);
                let call = sequence!["NULLIF(", one.clone(), ", ", other.clone(), ")"];
                choice(construct("NULLIF", call), vec![one, other])
            }
            3 if self.queries_left > 0 => match self.often(700) {
                true => aggregate_query(self, kind, scope),
                false => column_query(self, kind, scope),
            },
            _ => match kind {
                Kind::Int => self.int(scope, depth - 1),
                Kind::Decimal => self.decimal(scope, depth - 1),
                _ => self.text(scope, depth - 1),
            },
        };
        choice(composed, vec![simple])
    }

    pub(super) fn two(&mut self, kind: Kind, scope: &Scope, depth: u32) -> (Tree, Tree) {
        (self.expression(kind, scope, depth), self.expression(kind, scope, depth))
    }

    fn case(&mut self, kind: Kind, scope: &Scope, depth: u32) -> Tree {
        let (one, other) = self.two(kind, scope, depth);
        let otherwise = match self.often(300) {
            true => text(""),
            false => sequence![" ELSE ", other.clone()],
        };
        let tree = if self.often(500) {
            let condition = self.condition(scope, depth);
            construct(
                "CASE WHEN",
                sequence!["CASE WHEN ", condition, " THEN ", one.clone(), otherwise, " END"],
            )
        } else {
            let of = [Kind::Int, Kind::Text][self.random.index(2)];
            let compared = self.expression(of, scope, depth);
            let (first, second) = (self.literal(of), self.literal(of));
            let branches =
                sequence![" WHEN ", first, " THEN ", one.clone(), " WHEN ", second, " THEN ", other.clone()];
            construct("CASE x WHEN", sequence!["CASE ", compared, branches, otherwise, " END"])
        };
        choice(tree, vec![one, other])
    }

    fn int(&mut self, scope: &Scope, depth: u32) -> Tree {
        if self.often(250) {
            return self.int_function(scope, depth);
        }
        let one = self.expression(Kind::Int, scope, depth);
        let simpler = vec![one.clone()];
        let tree = match self.random.below(12) {
            0..=2 => {
                let other = self.expression(Kind::Int, scope, depth);
                let (name, operator) = *self.random.pick(&[("+", " + "), ("-", " - "), ("*", " * ")]);
                let tree = sequence![wrapped(one.clone()), operator, wrapped(other.clone())];
                return choice(construct(name, tree), vec![one, other]);
            }
            3 => {
                let other = self.leaf_or_literal(Kind::Int, scope);
                let third = self.leaf_or_literal(Kind::Int, scope);
                let (first, second) =
                    *self.random.pick(&[("+", "*"), ("-", "*"), ("*", "-"), ("-", "-"), ("-", "+")]);
                let (other, third) = (wrapped(other), wrapped(third));
                let tree = sequence![wrapped(one), format!(" {first} "), other, format!(" {second} "), third];
                construct("arithmetic without parentheses", tree)
            }
            // A divisor that is zero is an error here and NULL there.
            4 => {
                let divisor = self.divisor();
                construct("/ of ints", sequence![wrapped(one), " / ", divisor])
            }
            5 => {
                let divisor = self.divisor();
                construct("%", sequence![wrapped(one), " % ", divisor])
            }
            6 => construct("unary -", sequence!["-", wrapped(one)]),
            7 => {
                let written =
                    sequence!["CAST(CAST(", one, " AS ", spelled(text("STRING"), text("TEXT")), ") AS INT)"];
                construct("CAST to INT", written)
            }
            8 => {
                let of = self.expression(Kind::Decimal, scope, depth);
                construct("CAST to INT", sequence!["CAST(", of, " AS INT)"])
            }
            _ => {
                let of = self.expression(Kind::Text, scope, depth);
                let name = spelled(text("CHAR_LENGTH("), text("length("));
                construct("CHAR_LENGTH", sequence![name, of, ")"])
            }
        };
        choice(tree, simpler)
    }

    fn divisor(&mut self) -> Tree {
        let divisor = *self.random.pick(&[-2, 2, 3, 5]);
        self.constant(Scalar::Int(divisor))
    }

    fn decimal(&mut self, scope: &Scope, depth: u32) -> Tree {
        if self.often(250) {
            return self.decimal_function(scope, depth);
        }
        let one = self.expression(Kind::Decimal, scope, depth);
        let other_kind = if self.often(500) { Kind::Decimal } else { Kind::Int };
        let other = self.expression(other_kind, scope, depth);
        let (one_, other_) = (wrapped(one.clone()), wrapped(other));
        let tree = match self.random.below(6) {
            0 | 1 => construct("+", sequence![one_, " + ", other_]),
            2 => construct("-", sequence![one_, " - ", other_]),
            3 => construct("*", sequence![one_, " * ", other_]),
            // Other quotients are rounded in two ways.
            4 => construct("/ of decimals", sequence![one_, " / ", *self.random.pick(&["2", "4.0", "-2.0"])]),
            _ => construct("unary -", sequence!["-", one_]),
        };
        choice(tree, vec![one])
    }

    fn text(&mut self, scope: &Scope, depth: u32) -> Tree {
        if self.often(250) {
            return self.text_function(scope, depth);
        }
        let one = self.expression(Kind::Text, scope, depth);
        let simpler = vec![one.clone()];
        let tree = match self.random.below(8) {
            0 | 1 => {
                let other = self.expression(Kind::Text, scope, depth);
                construct("||", sequence![wrapped(one), " || ", wrapped(other)])
            }
            2 => construct("UPPER", sequence!["UPPER(", one, ")"]),
            3 => construct("LOWER", sequence!["LOWER(", one, ")"]),
            4 => {
                let (from, length) =
                    (self.random.between(1, 3).to_string(), self.random.between(0, 3).to_string());
                construct("SUBSTRING", sequence!["SUBSTRING(", one, ", ", from, ", ", length, ")"])
            }
            5 => self.trim(one),
            6 => {
                let of = self.expression(Kind::Int, scope, depth);
                let tree = sequence!["CAST(", of, " AS ", spelled(text("STRING"), text("TEXT")), ")"];
                return construct("CAST to STRING", tree);
            }
            _ => {
                let from = self.random.between(1, 4).to_string();
                construct("SUBSTRING", sequence!["SUBSTRING(", one, ", ", from, ")"])
            }
        };
        choice(tree, simpler)
    }

    fn trim(&mut self, of: Tree) -> Tree {
        if self.often(400) {
            return construct("TRIM", sequence!["TRIM(", of, ")"]);
        }
        let (ours, sqlite) =
            *self.random.pick(&[("LEADING", "ltrim("), ("TRAILING", "rtrim("), ("BOTH", "trim(")]);
        let ours = sequence!["TRIM(", ours, " 'a' FROM ", of.clone(), ")"];
        construct("TRIM of letters", spelled(ours, sequence![sqlite, of, ", 'a')"]))
    }

    /// An aggregate of a kind over the rows of a group.
    pub(super) fn aggregate(&mut self, kind: Kind, scope: &Scope) -> Option<Tree> {
        let rows = Scope { leaves: scope.grouped.clone()?, outer: Vec::new(), grouped: None };
        let of = |generator: &mut Self, kind| generator.expression(kind, &rows, 1);
        let tree = match (kind, self.random.below(7)) {
            (Kind::Int, 0 | 1) => construct("COUNT(*)", text("COUNT(*)")),
            (Kind::Int, 2) => {
                let kind = *self.random.pick(&[Kind::Int, Kind::Text, Kind::Decimal]);
                construct("COUNT(x)", sequence!["COUNT(", of(self, kind), ")"])
            }
            (Kind::Int, 3) => {
                let kind = *self.random.pick(&[Kind::Int, Kind::Text]);
                construct("COUNT(DISTINCT x)", sequence!["COUNT(DISTINCT ", of(self, kind), ")"])
            }
            (Kind::Int | Kind::Decimal, 4) => construct("SUM", sequence!["SUM(", of(self, kind), ")"]),
            (_, 5) => construct("MIN", sequence!["MIN(", of(self, kind), ")"]),
            (Kind::Int | Kind::Decimal, 6) if self.often(300) => {
                construct("SUM(DISTINCT x)", sequence!["SUM(DISTINCT ", of(self, kind), ")"])
            }
            _ => construct("MAX", sequence!["MAX(", of(self, kind), ")"]),
        };
        let mut simple = if kind == Kind::Int { vec![text("COUNT(*)")] } else { Vec::new() };
        if !self.often(120) {
            return Some(choice(tree, simple));
        }
        simple.push(tree.clone());
        let condition = self.condition(&rows, 1);
        Some(choice(construct("FILTER", sequence![tree, " FILTER (WHERE ", condition, ")"]), simple))
    }

    /// An average, which only stands where its last digits do not matter.
    pub(super) fn average(&mut self, scope: &Scope) -> Option<Tree> {
        let rows = Scope { leaves: scope.grouped.clone()?, outer: Vec::new(), grouped: None };
        let kind = if self.often(500) { Kind::Int } else { Kind::Decimal };
        Some(construct("AVG", sequence!["AVG(", self.expression(kind, &rows, 1), ")"]))
    }
}
