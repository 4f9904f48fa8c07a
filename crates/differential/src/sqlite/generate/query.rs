//! Queries, on their own and within others.

use everstrand_testkit::Random;

use super::generator::{Generator, Leaf, Scope, wrapped};
use crate::sqlite::tree::sequence;
use crate::sqlite::tree::{Tree, choice, construct, nothing, optional, spelled, text};
use crate::sqlite::value::{KINDS, Kind};

const SET_OPERATIONS: [&str; 4] = ["UNION", "UNION ALL", "EXCEPT", "INTERSECT"];

const AGGREGATES: [&str; 8] =
    ["COUNT(*)", "COUNT(x)", "COUNT(DISTINCT x)", "SUM", "SUM(DISTINCT x)", "AVG", "MIN", "MAX"];

/// A query that a report can compare.
pub(crate) struct Query {
    pub(crate) tree: Tree,
    /// Whether it orders its rows by all columns, so that their order can be compared, too.
    pub(crate) is_ordered: bool,
}

/// An item of a select list.
struct Item {
    name: String,
    kind: Kind,
    tree: Tree,
    /// Whether it is more than a constant, by which nothing can be ordered.
    names_a_column: bool,
}

/// A SELECT and the items of its rows.
struct Select {
    tree: Tree,
    items: Vec<Item>,
    /// Whether ORDER BY may name other expressions than the items.
    is_plain: bool,
    is_star: bool,
}

/// A random query on its own.
pub(crate) fn query(random: &mut Random) -> Query {
    let mut generator = Generator::new(random);
    let with = match generator.often(120) {
        true => generator.with(),
        false => nothing(),
    };
    let select = generator.whole(&[], true);
    let (order, is_ordered) = generator.order(&select, 500);
    Query { tree: sequence![with, select.tree, order], is_ordered }
}

/// A query in FROM, with what its rows have.
pub(super) fn derived_table(generator: &mut Generator<'_>) -> (Tree, Vec<Leaf>) {
    generator.queries_left -= 1;
    let select = generator.whole(&[], false);
    let (order, _) = generator.order(&select, 150);
    let alias = generator.name("q");
    let leaves = select.items.iter().map(|item| {
        let tree = text(format!("{alias}.{}", item.name));
        Leaf { tree: tree.clone(), kind: item.kind, nullable: true, from_within: Some(tree) }
    });
    let leaves = leaves.collect();
    (construct("a query in FROM", sequence!["(", select.tree, order, ") AS ", alias]), leaves)
}

/// One row of an aggregate, as a value.
pub(super) fn aggregate_query(generator: &mut Generator<'_>, kind: Kind, scope: &Scope) -> Tree {
    generator.queries_left -= 1;
    let from = generator.from(&scope.seen_from_within(), 2, false);
    let grouped = Scope { leaves: Vec::new(), outer: Vec::new(), grouped: Some(from.scope.leaves.clone()) };
    let item = generator.aggregate(kind, &grouped).expect("rows that are grouped");
    let filter = generator.filter(&from.scope, 800);
    construct("a query as a value", sequence!["(SELECT ", item, " AS x", from.tree, filter, ")"])
}

/// A column of the row with a number, as a value: one row at most.
pub(super) fn column_query(generator: &mut Generator<'_>, kind: Kind, scope: &Scope) -> Tree {
    generator.queries_left -= 1;
    let table = generator.table(&[]);
    let alias = generator.name("q");
    let leaves = table.columns.iter().map(|column| Leaf {
        tree: text(format!("{alias}.{}", column.name)),
        kind: column.kind,
        nullable: column.nullable,
        from_within: None,
    });
    let inner = Scope { leaves: leaves.collect(), outer: scope.seen_from_within(), grouped: None };
    let item = generator.expression(kind, &inner, 1);
    let around = Scope { leaves: scope.seen_from_within(), ..Scope::default() };
    let number = generator.leaf_or_literal(Kind::Int, &around);
    let row = sequence![format!("{alias}.{}", table.columns[0].name), " = ", wrapped(number)];
    let from = format!(" FROM {} AS {alias}", table.name);
    construct("a query as a value", sequence!["(SELECT ", item, " AS x", from, " WHERE ", row, ")"])
}

/// `x IN (SELECT …)`.
pub(super) fn membership_query(
    generator: &mut Generator<'_>,
    kind: Kind,
    one: Tree,
    not: &'static str,
    scope: &Scope,
) -> Tree {
    generator.queries_left -= 1;
    let name = if not.is_empty() { "IN a query" } else { "NOT IN a query" };
    let select = generator.select(&scope.seen_from_within(), Some(kind), false);
    construct(name, sequence![wrapped(one), not, " IN (", select.tree, ")"])
}

/// `(x, y) IN (SELECT …)` over columns that are never NULL.
pub(super) fn row_membership_query(generator: &mut Generator<'_>, row: Tree, kind: Kind) -> Tree {
    generator.queries_left -= 1;
    let alias = generator.name("q");
    let (table, first, second) = match kind {
        Kind::Int if generator.changed != Some("u") => ("u", "c", "uid"),
        Kind::Int => ("t", "b", "id"),
        _ => ("v", "uc", "w"),
    };
    let inner = format!("SELECT {alias}.{first}, {alias}.{second} FROM {table} AS {alias}");
    construct("rows IN a query", sequence![row, " IN (", inner, ")"])
}

/// `EXISTS (SELECT …)`.
pub(super) fn exists_query(generator: &mut Generator<'_>, scope: &Scope) -> Tree {
    generator.queries_left -= 1;
    let not = if generator.often(400) { "NOT " } else { "" };
    let name = if not.is_empty() { "EXISTS" } else { "NOT EXISTS" };
    let select = generator.select(&scope.seen_from_within(), None, false);
    construct(name, sequence![not, "EXISTS (", select.tree, ")"])
}

impl Generator<'_> {
    /// A query, or several whose results are put together.
    fn whole(&mut self, outer: &[Leaf], is_whole: bool) -> Select {
        if !self.often(150) {
            return self.select(outer, None, is_whole);
        }
        let kinds: Vec<Kind> =
            (0..self.random.between(1, 2)).map(|_| *self.random.pick(&KINDS[..3])).collect();
        let (first, items) = self.operand(&kinds);
        let mut tree = first;
        for _ in 0..self.random.between(1, 2) {
            // SQLite takes all operations from left to right, and has no EXCEPT ALL and INTERSECT ALL.
            let (name, words) = *self.random.pick(&[
                ("UNION", " UNION "),
                ("UNION ALL", " UNION ALL "),
                ("EXCEPT", " EXCEPT "),
                ("INTERSECT", " INTERSECT "),
            ]);
            let (other, _) = self.operand(&kinds);
            let is_first = !SET_OPERATIONS.iter().any(|name| tree.print().constructs.contains(name));
            let (operand, ours) =
                (tree.clone(), if is_first { tree.clone() } else { sequence!["(", tree.clone(), ")"] });
            let both = construct(name, sequence![spelled(ours, tree), words, other.clone()]);
            tree = choice(both, vec![operand, other]);
        }
        Select { tree, items, is_plain: false, is_star: false }
    }

    /// A query without ORDER BY whose items are of these kinds.
    fn operand(&mut self, kinds: &[Kind]) -> (Tree, Vec<Item>) {
        let from = self.from(&[], 2, false);
        let items: Vec<Item> = kinds
            .iter()
            .map(|kind| {
                let tree = self.expression(*kind, &from.scope, 1);
                self.item(*kind, tree, &from.scope)
            })
            .collect();
        let filter = self.filter(&from.scope, 600);
        let listed =
            items.iter().map(|item| sequence![item.tree.clone(), " AS ", item.name.clone()]).collect();
        (sequence!["SELECT ", Tree::List(", ", listed), from.tree, filter], items)
    }

    /// Queries with names before the statement, by which sources may mean the last of them.
    fn with(&mut self) -> Tree {
        let first = self.named_query();
        if !self.often(250) {
            return construct("WITH", sequence!["WITH ", first, " "]);
        }
        let second = self.named_query();
        construct("WITH of several queries", sequence!["WITH ", first, ", ", second, " "])
    }

    fn named_query(&mut self) -> Tree {
        let select = self.select(&[], None, false);
        let name = self.name("w");
        let has_columns = self.often(300);
        let column = |generator: &mut Self, item: &Item| match has_columns {
            true => (generator.name("k"), item.kind),
            false => (item.name.clone(), item.kind),
        };
        let columns: Vec<(String, Kind)> = select.items.iter().map(|item| column(self, item)).collect();
        let names = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let names = match has_columns {
            true => construct("WITH and columns", text(format!(" ({names})"))),
            false => nothing(),
        };
        self.named = Some((name.clone(), columns));
        // With names of columns no item can be left out.
        let query = if has_columns { fixed(&select.tree) } else { select.tree };
        sequence![name, names, " AS (", query, ")"]
    }

    /// A query of one item of a kind, or of some items.
    fn select(&mut self, outer: &[Leaf], only: Option<Kind>, is_whole: bool) -> Select {
        if self.often(40) {
            return self.without_from(only, outer);
        }
        let from = self.from(outer, 3, is_whole);
        let distinct = match self.often(150) {
            true => optional(construct("SELECT DISTINCT", text("DISTINCT "))),
            false => nothing(),
        };
        let is_plain = distinct.print().ours.is_empty();
        if self.often(300) {
            return self.grouped(from.scope, from.tree, only, distinct, is_plain);
        }
        let filter = self.filter(&from.scope, 700);
        if is_whole && from.star_is_clear && self.often(150) {
            let tree = construct("SELECT *", sequence!["SELECT ", distinct, "*", from.tree, filter]);
            return Select { tree, items: Vec::new(), is_plain, is_star: true };
        }
        let mut items = self.items(&from.scope, only);
        if only.is_none() && self.often(280) {
            let (kind, tree) = self.window(&from.scope);
            items.push(Item { name: self.name("c"), kind, tree, names_a_column: false });
        }
        let tree = sequence!["SELECT ", distinct, list(&items), from.tree, filter];
        Select { tree, items, is_plain, is_star: false }
    }

    /// A query of one row that reads nothing.
    fn without_from(&mut self, only: Option<Kind>, outer: &[Leaf]) -> Select {
        let scope = Scope { outer: outer.to_vec(), ..Scope::default() };
        let items = self.items(&scope, only);
        let tree = construct("SELECT without FROM", sequence!["SELECT ", list(&items)]);
        Select { tree, items, is_plain: false, is_star: false }
    }

    fn items(&mut self, scope: &Scope, only: Option<Kind>) -> Vec<Item> {
        let kinds: Vec<Kind> = match only {
            Some(kind) => vec![kind],
            None => (0..self.random.between(1, 4)).map(|_| *self.random.pick(&KINDS)).collect(),
        };
        let item = |generator: &mut Self, kind| {
            let tree = generator.expression(kind, scope, 2);
            generator.item(kind, tree, scope)
        };
        kinds.into_iter().map(|kind| item(self, kind)).collect()
    }

    fn item(&mut self, kind: Kind, tree: Tree, scope: &Scope) -> Item {
        let names_a_column = scope.leaves.iter().chain(&scope.outer).any(|leaf| tree.contains(&leaf.tree))
            || AGGREGATES.iter().any(|name| tree.print().constructs.contains(name));
        Item { name: self.name("c"), kind, tree, names_a_column }
    }

    /// A query whose rows are grouped, or aggregated as a whole.
    fn grouped(
        &mut self,
        rows: Scope,
        from: Tree,
        only: Option<Kind>,
        distinct: Tree,
        is_plain: bool,
    ) -> Select {
        let filter = self.filter(&rows, 600);
        // A key stands twice, and a parameter is not known to be equal to another.
        let parameters = std::mem::replace(&mut self.parameters, false);
        let keys: Vec<Leaf> = (0..self.random.below(3)).filter_map(|_| self.key(&rows)).collect();
        self.parameters = parameters;
        // Without a key, every item has to be an aggregate.
        let has_keys = !keys.is_empty();
        let scope = Scope { leaves: keys.clone(), outer: Vec::new(), grouped: Some(rows.leaves) };
        let mut items: Vec<Item> = self.group_items(&scope, only);
        if only.is_none() && self.often(200) {
            let tree = self.average(&scope).expect("rows that are grouped");
            items.push(self.item(Kind::Decimal, tree, &scope));
        }
        let group = match has_keys {
            false => construct("aggregates without GROUP BY", nothing()),
            true => {
                let keys = keys.iter().map(|key| self.group_key(key, &items)).collect();
                construct("GROUP BY", sequence![" GROUP BY ", Tree::List(", ", keys)])
            }
        };
        let having = match has_keys && self.often(350) {
            true => {
                let condition = match self.often(150) {
                    true => {
                        sequence![self.average(&scope).expect("grouped rows"), " > ", self.literal(Kind::Int)]
                    }
                    false => self.condition(&scope, 1),
                };
                optional(construct("HAVING", sequence![" HAVING ", condition]))
            }
            false => nothing(),
        };
        let tree = sequence!["SELECT ", distinct, list(&items), from, filter, group, having];
        Select { tree, items, is_plain, is_star: false }
    }

    /// A key of groups: its expression, or the item that shows it.
    fn group_key(&mut self, key: &Leaf, items: &[Item]) -> Tree {
        match items.iter().position(|item| item.tree == key.tree) {
            Some(place) if self.often(120) => construct("GROUP BY a position", text((place + 1).to_string())),
            Some(place) if self.often(120) => {
                construct("GROUP BY an item's name", text(items[place].name.clone()))
            }
            _ => key.tree.clone(),
        }
    }

    fn key(&mut self, rows: &Scope) -> Option<Leaf> {
        let kind = *self.random.pick(&[Kind::Int, Kind::Text, Kind::Decimal, Kind::Bool]);
        if self.often(700) {
            return self.leaf(kind, &Scope { outer: Vec::new(), ..rows.clone() });
        }
        let queries = std::mem::replace(&mut self.queries_left, 0);
        let tree = self.expression(kind, rows, 1);
        self.queries_left = queries;
        // A constant is no key: an integer would be the position of an item.
        let has_name = rows.leaves.iter().any(|leaf| tree.contains(&leaf.tree));
        // Without choices, since it must stay the same text wherever it stands.
        has_name.then(|| Leaf { tree: fixed(&tree), kind, nullable: true, from_within: None })
    }

    /// Items over groups: keys, aggregates and what is made of them.
    fn group_items(&mut self, scope: &Scope, only: Option<Kind>) -> Vec<Item> {
        let mut items = Vec::new();
        for key in &scope.leaves {
            if only.is_none_or(|kind| kind == key.kind && items.is_empty()) && self.often(850) {
                items.push(self.item(key.kind, key.tree.clone(), scope));
            }
        }
        if only.is_some() && !items.is_empty() {
            return items;
        }
        let count = if only.is_some() { 1 } else { self.random.between(1, 2) };
        for _ in 0..count {
            let kind = only.unwrap_or(*self.random.pick(&[Kind::Int, Kind::Int, Kind::Decimal, Kind::Text]));
            let tree = match self.often(600) {
                true => self.aggregate_of(kind, scope),
                false => self.expression(kind, scope, 1),
            };
            items.push(self.item(kind, tree, scope));
        }
        items
    }

    fn aggregate_of(&mut self, kind: Kind, scope: &Scope) -> Tree {
        match kind {
            Kind::Bool => self.condition(scope, 1),
            kind => self.aggregate(kind, scope).expect("rows that are grouped"),
        }
    }

    /// ORDER BY over all items, sometimes with LIMIT: then which rows are cut off is certain.
    fn order(&mut self, select: &Select, often: u64) -> (Tree, bool) {
        if select.is_star || !self.often(often) {
            return (nothing(), false);
        }
        let mut places: Vec<usize> = (0..select.items.len()).collect();
        for place in (1..places.len()).rev() {
            places.swap(place, self.random.index(place + 1));
        }
        let keys = places.into_iter().map(|place| self.order_key(select, place)).collect();
        let order = construct("ORDER BY", sequence![" ORDER BY ", Tree::List(", ", keys)]);
        let limit = match self.often(500) {
            true => {
                let offset = match self.often(400) {
                    true => optional(construct(
                        "OFFSET",
                        sequence![" OFFSET ", self.random.between(0, 3).to_string()],
                    )),
                    false => nothing(),
                };
                let limit = sequence![" LIMIT ", self.random.between(1, 6).to_string(), offset];
                optional(construct("LIMIT", limit))
            }
            false => nothing(),
        };
        (choice(sequence![order.clone(), limit], vec![nothing(), order]), true)
    }

    fn order_key(&mut self, select: &Select, place: usize) -> Tree {
        let item = &select.items[place];
        let term = match self.random.below(3) {
            0 => construct("ORDER BY a position", text((place + 1).to_string())),
            // SQLite takes a condition that it can compute beforehand for a position.
            1 if select.is_plain
                && item.names_a_column
                && item.kind != Kind::Bool
                && item.tree.print().parameters.is_empty() =>
            {
                construct("ORDER BY an expression", wrapped(fixed(&item.tree)))
            }
            _ => construct("ORDER BY an item's name", text(item.name.clone())),
        };
        // The engines put NULL at different ends unless they are told.
        let direction = match self.often(400) {
            true => construct("DESC", text(" DESC")),
            false => nothing(),
        };
        let nulls = match self.often(500) {
            true => construct("NULLS FIRST", text(" NULLS FIRST")),
            false => construct("NULLS LAST", text(" NULLS LAST")),
        };
        sequence![term, direction, nulls]
    }
}

/// The tree with its choices made for good.
fn fixed(tree: &Tree) -> Tree {
    let printed = tree.print();
    let words = spelled(text(printed.ours), text(printed.sqlite));
    printed.constructs.into_iter().fold(words, |tree, name| construct(name, tree))
}

fn list(items: &[Item]) -> Tree {
    let one = |item: &Item| optional(sequence![item.tree.clone(), " AS ", item.name.clone()]);
    Tree::List(", ", items.iter().map(one).collect())
}
