//! Conditions, and values that are true or false.

use super::generator::{Generator, Leaf, Scope, wrapped};
use super::query::{exists_query, membership_query, row_membership_query};
use crate::sqlite::tree::sequence;
use crate::sqlite::tree::{Tree, choice, construct, nothing, optional, spelled, text};
use crate::sqlite::value::{Kind, Scalar};

const COMPARISONS: [(&str, &str); 7] = [
    ("=", " = "),
    ("<>", " <> "),
    ("!=", " != "),
    ("<", " < "),
    ("<=", " <= "),
    (">", " > "),
    (">=", " >= "),
];

const PATTERNS: [&str; 10] = ["a%", "%b%", "_", "%", "a_", "%c", "A%", "", "b%", "__%"];

impl Generator<'_> {
    /// A condition of so many levels at most.
    pub(super) fn condition(&mut self, scope: &Scope, depth: u32) -> Tree {
        if depth == 0 || self.often(250) {
            return self.simple_condition(scope, 0);
        }
        let one = self.condition(scope, depth - 1);
        let tree = match self.random.below(10) {
            0 | 1 => {
                let other = self.condition(scope, depth - 1);
                let tree = sequence![wrapped(one.clone()), " AND ", wrapped(other.clone())];
                return choice(construct("AND", tree), vec![one, other]);
            }
            2 | 3 => {
                let other = self.condition(scope, depth - 1);
                let tree = sequence![wrapped(one.clone()), " OR ", wrapped(other.clone())];
                return choice(construct("OR", tree), vec![one, other]);
            }
            4 => construct("NOT", sequence!["NOT ", wrapped(one.clone())]),
            5 => {
                let (other, third) = (self.simple_condition(scope, 0), self.simple_condition(scope, 0));
                let (first, second) =
                    *self.random.pick(&[("AND", "OR"), ("OR", "AND"), ("OR", "OR"), ("AND", "AND NOT")]);
                let tree = sequence![
                    wrapped(one.clone()),
                    format!(" {first} "),
                    wrapped(other),
                    format!(" {second} "),
                    wrapped(third)
                ];
                construct("AND and OR without parentheses", tree)
            }
            6 => {
                let other = self.condition(scope, 0);
                construct("conditions compared", sequence![wrapped(one.clone()), " = ", wrapped(other)])
            }
            _ => return self.simple_condition(scope, depth - 1),
        };
        choice(tree, vec![one])
    }

    /// A condition over values.
    fn simple_condition(&mut self, scope: &Scope, depth: u32) -> Tree {
        let kind = *self.random.pick(&[Kind::Int, Kind::Int, Kind::Text, Kind::Decimal]);
        let one = self.expression(kind, scope, depth);
        let not = if self.often(300) { " NOT" } else { "" };
        let comparison = |generator: &mut Self| {
            let other = generator.expression(kind, scope, depth);
            let (name, operator) = *generator.random.pick(&COMPARISONS);
            construct(name, sequence![wrapped(one.clone()), operator, wrapped(other)])
        };
        let simple = comparison(self);
        let tree = match self.random.below(16) {
            10 => {
                let other = self.expression(kind, scope, depth);
                let name = if not.is_empty() { "IS DISTINCT FROM" } else { "IS NOT DISTINCT FROM" };
                construct(name, sequence![wrapped(one), " IS", not, " DISTINCT FROM ", wrapped(other)])
            }
            11 => {
                let of = self.condition(scope, depth);
                let (name, what) = *self.random.pick(&[
                    ("IS TRUE", " IS TRUE"),
                    ("IS FALSE", " IS FALSE"),
                    ("IS NOT TRUE", " IS NOT TRUE"),
                    ("IS NOT FALSE", " IS NOT FALSE"),
                ]);
                return choice(construct(name, sequence![wrapped(of.clone()), what]), vec![of]);
            }
            0 => {
                let name = if not.is_empty() { "IS NULL" } else { "IS NOT NULL" };
                let leaf = self.leaf_or_literal(kind, scope);
                construct(name, sequence![wrapped(leaf), " IS", not, " NULL"])
            }
            1 => {
                let (low, high) = (self.expression(kind, scope, depth), self.expression(kind, scope, depth));
                let name = if not.is_empty() { "BETWEEN" } else { "NOT BETWEEN" };
                construct(
                    name,
                    sequence![wrapped(one), not, " BETWEEN ", wrapped(low), " AND ", wrapped(high)],
                )
            }
            2 => {
                let length = self.random.between(1, 4);
                let items: Vec<Tree> = (0..length).map(|_| self.leaf_or_literal(kind, scope)).collect();
                let items = choice(Tree::List(", ", items.clone()), vec![items[0].clone()]);
                let name = if not.is_empty() { "IN a list" } else { "NOT IN a list" };
                construct(name, sequence![wrapped(one), not, " IN (", items, ")"])
            }
            3 | 4 => self.like(scope, not),
            5 if self.queries_left > 0 => membership_query(self, kind, one, not, scope),
            6 if self.queries_left > 0 => exists_query(self, scope),
            7 => self.row_comparison(scope).unwrap_or(simple.clone()),
            8 => match self.leaf(Kind::Bool, scope) {
                Some(leaf) => construct("a boolean field", leaf.tree),
                None => simple.clone(),
            },
            9 if self.often(250) => return construct("TRUE and FALSE", self.constant_condition()),
            _ => return simple,
        };
        choice(tree, vec![simple])
    }

    fn constant_condition(&mut self) -> Tree {
        Tree::Literal(Scalar::Bool(self.often(600)))
    }

    fn like(&mut self, scope: &Scope, not: &'static str) -> Tree {
        let of = self.expression(Kind::Text, scope, 1);
        let pattern = match self.often(200) {
            // With the wildcard as the letter itself.
            true => construct(
                "LIKE … ESCAPE",
                text(
                    (*self.random.pick(&["'%!%%' ESCAPE '!'", "'_!_%' ESCAPE '!'", "'ba\\%' ESCAPE '\\'"]))
                        .to_owned(),
                ),
            ),
            false => {
                let pattern = (*self.random.pick(&PATTERNS)).to_owned();
                self.constant(Scalar::Text(pattern))
            }
        };
        let name = if not.is_empty() { "LIKE" } else { "NOT LIKE" };
        construct(name, sequence![wrapped(of), not, " LIKE ", pattern])
    }

    /// Two rows, of columns that are never NULL: `(NULL, 1) = (NULL, 1)` is true here, as lists are compared.
    fn row_comparison(&mut self, scope: &Scope) -> Option<Tree> {
        let certain = |kind: Kind, leaves: &[Leaf]| -> Vec<Tree> {
            leaves
                .iter()
                .filter(|leaf| leaf.kind == kind && !leaf.nullable)
                .map(|leaf| leaf.tree.clone())
                .collect()
        };
        let (ints, texts) = (certain(Kind::Int, &scope.leaves), certain(Kind::Text, &scope.leaves));
        if ints.is_empty() {
            return None;
        }
        let first = self.random.pick(&ints).clone();
        let (second, kind) = match texts.is_empty() || self.often(500) {
            true => (self.random.pick(&ints).clone(), Kind::Int),
            false => (self.random.pick(&texts).clone(), Kind::Text),
        };
        let row = sequence!["(", first, ", ", second, ")"];
        let (one, two) = (self.literal(Kind::Int), self.literal(kind));
        let other = sequence!["(", one, ", ", two, ")"];
        if self.queries_left > 0 && (kind == Kind::Int || self.changed != Some("v")) && self.often(250) {
            return Some(row_membership_query(self, row, kind));
        }
        if self.often(300) {
            let (three, four) = (self.literal(Kind::Int), self.literal(kind));
            // SQLite takes rows from queries only.
            let ours = sequence!["(", other.clone(), ", (", three.clone(), ", ", four.clone(), "))"];
            let sqlite = sequence!["(VALUES ", other, ", (", three, ", ", four, "))"];
            return Some(construct("rows IN", sequence![row, " IN ", spelled(ours, sqlite)]));
        }
        let (_, operator) = *self.random.pick(&COMPARISONS);
        Some(construct("rows compared", sequence![row, operator, other]))
    }

    /// A WHERE clause, or none.
    pub(super) fn filter(&mut self, scope: &Scope, often: u64) -> Tree {
        match self.often(often) {
            true => {
                let condition = self.condition(scope, 2);
                optional(construct("WHERE", sequence![" WHERE ", condition]))
            }
            false => nothing(),
        }
    }
}
