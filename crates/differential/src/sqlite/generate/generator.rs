//! The state of generating one statement, and what its parts may name.

use everstrand_testkit::Random;

use crate::sqlite::tree::{Tree, text};
use crate::sqlite::value::{Kind, Scalar};
use crate::sqlite::world::{TABLES, Table, value};

/// A value that an expression can begin with: a column, a key of groups, an item.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) tree: Tree,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    /// How a nested query names it, if it can.
    pub(crate) from_within: Option<Tree>,
}

/// What an expression may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The values of the query itself.
    pub(crate) leaves: Vec<Leaf>,
    /// The values of the queries around it.
    pub(crate) outer: Vec<Leaf>,
    /// What aggregates aggregate, where rows are grouped.
    pub(crate) grouped: Option<Vec<Leaf>>,
}

impl Scope {
    /// What a nested query sees of this one.
    pub(super) fn seen_from_within(&self) -> Vec<Leaf> {
        let visible = |leaf: &Leaf| {
            let tree = leaf.from_within.clone()?;
            Some(Leaf { tree: tree.clone(), from_within: Some(tree), ..leaf.clone() })
        };
        self.leaves.iter().chain(&self.outer).filter_map(visible).collect()
    }
}

/// The state of generating one statement.
pub(crate) struct Generator<'r> {
    pub(super) random: &'r mut Random,
    /// Counts sources and items, so that every name is used once.
    pub(super) names: u32,
    /// How many nested queries the statement may still have.
    pub(super) queries_left: u32,
    /// The query of WITH: its name, and the names and kinds of its columns.
    pub(super) named: Option<(String, Vec<(String, Kind)>)>,
    /// The table that a change is about, where nested queries may not read it.
    pub(super) changed: Option<&'static str>,
    /// Whether literals may become parameters: not where a text must be the same twice.
    pub(super) parameters: bool,
}

impl<'r> Generator<'r> {
    pub(super) fn new(random: &'r mut Random) -> Generator<'r> {
        Generator { random, names: 0, queries_left: 3, named: None, changed: None, parameters: true }
    }

    pub(super) fn name(&mut self, letter: &str) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    /// A table that a nested query may read, and that is none of these.
    pub(super) fn table(&mut self, others: &[&str]) -> &'static Table {
        let may_be_read = |table: &&Table| self.changed != Some(table.name) && !others.contains(&table.name);
        let tables: Vec<&'static Table> = TABLES.iter().filter(may_be_read).collect();
        self.random.pick::<&'static Table>(&tables)
    }

    pub(super) fn often(&mut self, permille: u64) -> bool {
        self.random.permille(permille)
    }

    /// A value of a kind, seldom NULL.
    pub(super) fn literal(&mut self, kind: Kind) -> Tree {
        let value = value(self.random, kind);
        self.constant(value)
    }

    /// A value that is written or passed.
    pub(super) fn constant(&mut self, value: Scalar) -> Tree {
        if self.parameters && self.often(60) {
            return crate::sqlite::tree::choice(Tree::Parameter(value.clone()), vec![Tree::Literal(value)]);
        }
        Tree::Literal(value)
    }

    /// A column of a kind, if there is any.
    pub(super) fn leaf(&mut self, kind: Kind, scope: &Scope) -> Option<Leaf> {
        let from_outside = !scope.outer.is_empty() && self.often(250);
        let among = if from_outside { &scope.outer } else { &scope.leaves };
        let fitting: Vec<&Leaf> = among.iter().filter(|leaf| leaf.kind == kind).collect();
        (!fitting.is_empty()).then(|| (*self.random.pick(&fitting)).clone())
    }

    /// A column of a kind, or a value.
    pub(super) fn leaf_or_literal(&mut self, kind: Kind, scope: &Scope) -> Tree {
        let often = self.often(800);
        let leaf = self.leaf(kind, scope).filter(|_| often);
        leaf.map_or_else(|| self.literal(kind), |leaf| leaf.tree)
    }
}

/// In parentheses, unless it is a word.
pub(super) fn wrapped(tree: Tree) -> Tree {
    let printed = tree.print();
    let is_word =
        |words: &str| words.chars().all(|letter| letter.is_alphanumeric() || "._?".contains(letter));
    match is_word(&printed.ours) && is_word(&printed.sqlite) {
        true => tree,
        false => Tree::Sequence(vec![text("("), tree, text(")")]),
    }
}
