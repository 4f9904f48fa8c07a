//! Functions that users of SQL expect.

use super::generator::{Generator, Scope};
use crate::sqlite::tree::sequence;
use crate::sqlite::tree::{Tree, choice, construct, spelled, text};
use crate::sqlite::value::Kind;

impl Generator<'_> {
    pub(super) fn int_function(&mut self, scope: &Scope, depth: u32) -> Tree {
        if self.often(400) {
            let of = *self.random.pick(&[Kind::Int, Kind::Decimal]);
            let (name, call) = *self.random.pick(&[("ABS", "ABS("), ("SIGN", "SIGN(")]);
            let kind = if name == "ABS" { Kind::Int } else { of };
            return construct(name, sequence![call, self.expression(kind, scope, depth), ")"]);
        }
        let of = self.expression(Kind::Text, scope, depth);
        match self.random.below(4) {
            0 => construct("LENGTH", sequence!["LENGTH(", of, ")"]),
            1 => construct("OCTET_LENGTH", sequence!["OCTET_LENGTH(", of, ")"]),
            _ => {
                let within = self.leaf_or_literal(Kind::Text, scope);
                let sqlite = sequence!["INSTR(", within.clone(), ", ", of.clone(), ")"];
                // The two texts have other orders of parameters.
                if !sqlite.print().parameters.is_empty() || self.often(500) {
                    return construct("INSTR", sqlite);
                }
                let ours = sequence!["POSITION(", of, " IN ", within, ")"];
                construct("POSITION", spelled(ours, sqlite))
            }
        }
    }

    pub(super) fn decimal_function(&mut self, scope: &Scope, depth: u32) -> Tree {
        if self.often(350) {
            let of = self.expression(Kind::Int, scope, depth);
            let kind = spelled(text("DECIMAL"), text("REAL"));
            return construct("CAST to DECIMAL", sequence!["CAST(", of, " AS ", kind, ")"]);
        }
        let of = self.expression(Kind::Decimal, scope, depth);
        let (name, call) = *self.random.pick(&[("ABS", "ABS("), ("ROUND", "ROUND(")]);
        choice(construct(name, sequence![call, of.clone(), ")"]), vec![of])
    }

    pub(super) fn text_function(&mut self, scope: &Scope, depth: u32) -> Tree {
        let (one, other) = self.two(Kind::Text, scope, depth);
        let simpler = vec![one.clone(), other.clone()];
        let tree = match self.random.below(4) {
            0 => {
                let by = self.leaf_or_literal(Kind::Text, scope);
                // SQLite looks for an empty text first, and answers the whole text then, though the last argument is NULL.
                let sought = *self.random.pick(&["'a'", "'b'", "'ab'"]);
                construct("REPLACE", sequence!["REPLACE(", one, ", ", sought, ", ", by, ")"])
            }
            1 => construct("CONCAT", sequence!["CONCAT(", one, ", ", other, ")"]),
            2 => {
                let (name, call) = *self.random.pick(&[("LTRIM", "LTRIM("), ("RTRIM", "RTRIM(")]);
                construct(name, sequence![call, one, ", 'ab')"])
            }
            _ => {
                let from = self.random.between(1, 3).to_string();
                construct("SUBSTR", sequence!["SUBSTR(", one, ", ", from, ")"])
            }
        };
        choice(tree, simpler)
    }

    /// The greatest or least of two values, or the first that is not NULL.
    pub(super) fn outermost(&mut self, kind: Kind, scope: &Scope, depth: u32) -> Tree {
        let (one, other) = self.two(kind, scope, depth);
        let simpler = vec![one.clone(), other.clone()];
        if self.often(300) || !sequence![one.clone(), other.clone()].print().parameters.is_empty() {
            return choice(construct("IFNULL", sequence!["IFNULL(", one, ", ", other, ")"]), simpler);
        }
        let (name, ours, sqlite) =
            *self.random.pick(&[("GREATEST", "GREATEST(", "MAX("), ("LEAST", "LEAST(", "MIN(")]);
        let both = sequence![one.clone(), ", ", other.clone()];
        // They pass over NULL, which SQLite's functions do not.
        let passing = sequence!["COALESCE(", sqlite, both.clone(), "), ", both.clone(), ")"];
        choice(construct(name, spelled(sequence![ours, both, ")"], passing)), simpler)
    }
}
