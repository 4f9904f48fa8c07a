//! Sources: tables, derived tables, and their joins.

use super::generator::{Generator, Leaf, Scope};
use super::query::derived_table;
use crate::sqlite::tree::sequence;
use crate::sqlite::tree::{Tree, construct, nothing, optional, text};
use crate::sqlite::value::Kind;
use crate::sqlite::world::{Column, TABLES, Table};

/// A FROM clause and what its rows have.
pub(super) struct From {
    pub(super) tree: Tree,
    pub(super) scope: Scope,
    /// Whether `*` names every column once.
    pub(super) star_is_clear: bool,
}

struct Source {
    tree: Tree,
    leaves: Vec<Leaf>,
    name: Option<&'static str>,
}

impl Generator<'_> {
    /// One source or several, joined.
    pub(super) fn from(&mut self, outer: &[Leaf], sources_max: u64, is_whole: bool) -> From {
        let count = match self.random.below(10) {
            0..=5 => 1,
            6..=8 => 2,
            _ => 3,
        };
        if is_whole && self.often(60) {
            let (tree, leaves) = self.using();
            return From { tree, scope: Scope { leaves, ..Scope::default() }, star_is_clear: true };
        }
        // Without the table that is changed there are two others.
        let count = count.min(if self.changed.is_some() { sources_max.min(2) } else { sources_max });
        // A name without its table means one column only if no table comes twice.
        let bare = self.often(400).then_some(match (is_whole, count) {
            (false, _) => "a name without its table in a nested query",
            (true, 1) => "a name without its table",
            (true, _) => "a name without its table in a join",
        });
        let mut names = Vec::new();
        let first = self.source(bare, &names);
        names.extend(first.name);
        let mut tree = vec![first.tree];
        let mut leaves = first.leaves;
        for _ in 1..count {
            let source = self.source(bare, &names);
            names.extend(source.name);
            tree.push(self.join(&mut leaves, source, outer));
        }
        names.sort_unstable();
        let is_clear = names.windows(2).all(|pair| pair[0] != pair[1]);
        let scope = Scope { leaves, outer: outer.to_vec(), grouped: None };
        From { tree: sequence![" FROM ", Tree::Sequence(tree)], scope, star_is_clear: is_clear }
    }

    /// A source, whose columns may be named without it. Then it is none of those that are there already.
    fn source(&mut self, bare: Option<&'static str>, others: &[&'static str]) -> Source {
        let mut source = if self.queries_left > 0 && self.often(200) {
            let (tree, leaves) = derived_table(self);
            Source { tree, leaves, name: None }
        } else if self.named.is_some() && (bare.is_none() || !others.contains(&"w")) && self.often(400) {
            self.named_source()
        } else {
            let table = self.table(if bare.is_some() { others } else { &[] });
            let alias = self.name("q");
            let leaves = table.columns.iter().map(|column| {
                let tree = text(format!("{alias}.{}", column.name));
                let (kind, nullable) = (column.kind, column.nullable);
                Leaf { tree: tree.clone(), kind, nullable, from_within: Some(tree) }
            });
            Source {
                leaves: leaves.collect(),
                tree: sequence![table.name, " AS ", alias],
                name: Some(table.name),
            }
        };
        if let Some(name) = bare {
            for leaf in &mut source.leaves {
                let words = leaf.tree.print().ours;
                let column = words.split_once('.').map_or(words.as_str(), |(_, column)| column);
                leaf.tree = construct(name, text(column));
            }
        }
        source
    }

    /// The query of WITH.
    fn named_source(&mut self) -> Source {
        let alias = self.name("q");
        let (name, columns) = self.named.clone().expect("a query of WITH");
        let leaves = columns.into_iter().map(|(column, kind)| {
            let tree = text(format!("{alias}.{column}"));
            Leaf { tree: tree.clone(), kind, nullable: true, from_within: Some(tree) }
        });
        // Its columns may be there twice.
        Source { leaves: leaves.collect(), tree: sequence![name, " AS ", alias], name: Some("w") }
    }

    /// Two queries with a column of the same name, joined by it.
    pub(super) fn using(&mut self) -> (Tree, Vec<Leaf>) {
        let name = self.name("k");
        let (one, other) = (self.random.pick(&TABLES), self.random.pick(&TABLES));
        let mut leaves = Vec::new();
        let mut side = |generator: &mut Self, table: &'static Table| {
            let (alias, inner, rest) = (generator.name("q"), generator.name("q"), generator.name("c"));
            let keys: Vec<&Column> = table.columns.iter().filter(|column| column.kind == Kind::Int).collect();
            let key = generator.random.pick(&keys).name;
            let column = generator.random.pick(table.columns);
            let tree = text(format!("{alias}.{rest}"));
            leaves.push(Leaf {
                tree: tree.clone(),
                kind: column.kind,
                nullable: true,
                from_within: Some(tree),
            });
            format!(
                "(SELECT {inner}.{key} AS {name}, {inner}.{} AS {rest} FROM {} AS {inner}) AS {alias}",
                column.name, table.name
            )
        };
        let (left, right) = (side(self, one), side(self, other));
        let kind = *self.random.pick(&[" JOIN ", " LEFT JOIN ", " FULL JOIN ", " RIGHT JOIN "]);
        leaves.push(Leaf { tree: text(name.clone()), kind: Kind::Int, nullable: true, from_within: None });
        let tree = sequence![" FROM ", left, kind, right, format!(" USING ({name})")];
        (construct("JOIN … USING", tree), leaves)
    }

    fn join(&mut self, leaves: &mut Vec<Leaf>, mut source: Source, outer: &[Leaf]) -> Tree {
        let kind = self.random.below(8);
        if kind < 2 {
            leaves.append(&mut source.leaves);
            let (name, words) = if kind == 0 { ("FROM a, b", ", ") } else { ("CROSS JOIN", " CROSS JOIN ") };
            return optional(construct(name, sequence![words, source.tree]));
        }
        let both = Scope {
            leaves: leaves.iter().chain(&source.leaves).cloned().collect(),
            outer: outer.to_vec(),
            grouped: None,
        };
        let condition = self.join_condition(leaves, &source.leaves, &both);
        let (name, words) = match kind {
            2 => ("JOIN … ON", " JOIN "),
            3 => ("INNER JOIN", " INNER JOIN "),
            4 => ("RIGHT JOIN", " RIGHT JOIN "),
            5 => ("FULL JOIN", " FULL JOIN "),
            _ => ("LEFT JOIN", " LEFT JOIN "),
        };
        if name != "RIGHT JOIN" {
            source.leaves.iter_mut().for_each(|leaf| leaf.nullable = true);
        }
        if matches!(name, "RIGHT JOIN" | "FULL JOIN") {
            leaves.iter_mut().for_each(|leaf| leaf.nullable = true);
        }
        leaves.append(&mut source.leaves);
        optional(construct(name, sequence![words, source.tree, " ON ", condition]))
    }

    /// Mostly two columns that are equal, sometimes with more.
    fn join_condition(&mut self, left: &[Leaf], right: &[Leaf], both: &Scope) -> Tree {
        let kind = if self.often(800) { Kind::Int } else { Kind::Text };
        let of = |leaves: &[Leaf]| -> Vec<Tree> {
            leaves.iter().filter(|leaf| leaf.kind == kind).map(|leaf| leaf.tree.clone()).collect()
        };
        let (left, right) = (of(left), of(right));
        if left.is_empty() || right.is_empty() || self.often(100) {
            return self.condition(both, 1);
        }
        let (one, other) = (self.random.pick(&left).clone(), self.random.pick(&right).clone());
        let operator = if self.often(850) { " = " } else { " <= " };
        let equality = match kind == Kind::Int && self.often(150) {
            true => sequence![one, " + 1", operator, other],
            false => sequence![one, operator, other],
        };
        let more = match self.often(250) {
            true => optional(sequence![" AND ", super::generator::wrapped(self.condition(both, 1))]),
            false => nothing(),
        };
        sequence![equality, more]
    }
}
