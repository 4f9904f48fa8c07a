//! Statements that change a table. Every document keeps all of its fields: NULL stands where a field could be absent.

use everstrand_testkit::Random;

use super::generator::{Generator, Leaf, Scope, wrapped};
use crate::sqlite::tree::sequence;
use crate::sqlite::tree::{Tree, choice, construct, nothing, optional, spelled, text};
use crate::sqlite::value::Kind;
use crate::sqlite::world::{Column, TABLES, Table};

/// The table whose first column is unique.
pub(crate) const UNIQUE: &str = "u";

/// A random change; its number is unique in its world.
pub(crate) fn change(random: &mut Random, number: i64) -> Tree {
    let mut generator = Generator::new(random);
    let table = generator.random.pick(&TABLES);
    match generator.random.below(10) {
        0..=2 => generator.insert(table, number),
        3 => generator.insert_query(table, number),
        4..=8 => generator.update(table),
        _ => generator.delete(table),
    }
}

impl Generator<'_> {
    fn insert(&mut self, table: &Table, number: i64) -> Tree {
        let is_unique = table.name == UNIQUE;
        let count = self.random.between(1, 2);
        let rows: Vec<Vec<Tree>> = (0..count)
            .map(|row| {
                let mut values = vec![text((2 * number + row + 20).to_string())];
                if is_unique && self.often(500) {
                    values[0] = text(self.random.between(1, 12).to_string());
                }
                values.extend(table.columns[1..].iter().map(|column| self.cell(column)));
                values
            })
            .collect();
        let documents = rows.iter().map(|row| document(table, row)).collect();
        let ours = sequence!["INSERT INTO ", table.name, " << ", Tree::List(", ", documents), " >>"];
        let tuples = rows.iter().map(|row| sequence!["(", Tree::List(", ", row.clone()), ")"]).collect();
        let columns = table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        let values = Tree::List(", ", tuples);
        let ours = match self.often(400) {
            true => construct(
                "INSERT of fields",
                sequence![format!("INSERT INTO {} ({columns}) VALUES ", table.name), values.clone()],
            ),
            false => ours,
        };
        let into = |verb: &str| format!("{verb} INTO {} ({columns}) VALUES ", table.name);
        match is_unique.then(|| self.random.below(3)) {
            Some(0) => construct(
                "INSERT … ON CONFLICT DO NOTHING",
                spelled(
                    sequence![ours, " ON CONFLICT DO NOTHING"],
                    sequence![into("INSERT"), values, " ON CONFLICT DO NOTHING"],
                ),
            ),
            Some(1) => construct(
                "INSERT … ON CONFLICT DO REPLACE",
                spelled(
                    sequence![ours, " ON CONFLICT DO REPLACE"],
                    sequence![into("INSERT OR REPLACE"), values],
                ),
            ),
            _ => construct("INSERT", spelled(ours, sequence![into("INSERT"), values])),
        }
    }

    /// A value to insert, which is NULL only where a column may be.
    fn cell(&mut self, column: &Column) -> Tree {
        match column.nullable && self.often(200) {
            true => text("NULL"),
            false => self.literal(column.kind),
        }
    }

    fn insert_query(&mut self, table: &Table, number: i64) -> Tree {
        let source = self.random.pick(&TABLES);
        let (alias, scope) = self.row_of(source);
        let mut items =
            vec![sequence![format!("{alias}.{} + {}", source.columns[0].name, 100 * (number + 1))]];
        for column in &table.columns[1..] {
            items.push(self.assigned(column, &scope));
        }
        // Only the first rows, so that numbers stay unique.
        let few = format!(" WHERE {alias}.{} < 100", source.columns[0].name);
        let more = match self.often(700) {
            true => optional(sequence![" AND ", wrapped(self.condition(&scope, 1))]),
            false => nothing(),
        };
        let named = items.iter().zip(table.columns);
        let ours = named.map(|(item, column)| sequence![item.clone(), " AS ", column.name]).collect();
        let rest = sequence![format!(" FROM {} AS {alias}", source.name), few, more];
        let columns = table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        let sqlite = sequence![
            format!("INSERT INTO {} ({columns}) SELECT ", table.name),
            Tree::List(", ", items),
            rest.clone()
        ];
        if self.often(400) {
            return construct("INSERT of fields … SELECT", sqlite);
        }
        let ours =
            sequence![format!("INSERT INTO {} (SELECT ", table.name), Tree::List(", ", ours), rest, ")"];
        construct("INSERT … SELECT", spelled(ours, sqlite))
    }

    fn update(&mut self, table: &Table) -> Tree {
        let (alias, mut scope) = self.row_of(table);
        let is_bare = self.often(300);
        if is_bare {
            for (leaf, column) in scope.leaves.iter_mut().zip(table.columns) {
                leaf.tree = text(column.name);
            }
        }
        let is_from = !is_bare && self.often(250);
        // The two texts have the condition in another place, and so the parameters in another order.
        self.parameters &= !is_from;
        let mut columns: Vec<&Column> = table.columns[1..].iter().collect();
        let mut assignments = Vec::new();
        for _ in 0..self.random.between(1, 2) {
            let column = columns.swap_remove(self.random.index(columns.len()));
            let target = match is_bare {
                true => text(column.name),
                false => spelled(text(format!("{alias}.{}", column.name)), text(column.name)),
            };
            // A query in SET sees there what is already changed, and here what was before.
            self.changed = Some(table.name);
            let value = self.assigned(column, &scope);
            self.changed = None;
            assignments.push(optional(sequence![target, " = ", value]));
        }
        let assignments = Tree::List(", ", assignments);
        let filter = self.filter(&scope, 650);
        if is_from {
            let ours = sequence![
                format!("FROM {} AS {alias}", table.name),
                filter.clone(),
                " SET ",
                assignments.clone()
            ];
            let sqlite = sequence![format!("UPDATE {} AS {alias} SET ", table.name), assignments, filter];
            return construct("FROM … SET", spelled(ours, sqlite));
        }
        construct("UPDATE", sequence![format!("UPDATE {} AS {alias} SET ", table.name), assignments, filter])
    }

    fn delete(&mut self, table: &Table) -> Tree {
        let (alias, scope) = self.row_of(table);
        let condition = sequence![self.condition(&scope, 2), ""];
        // Mostly few rows, so that tables do not run empty.
        let few = format!("{alias}.{} % 2 = 1 AND ", table.columns[0].name);
        let filter = match self.often(600) {
            true => sequence![" WHERE ", few, wrapped(condition)],
            false => sequence![" WHERE ", condition],
        };
        construct("DELETE", sequence![format!("DELETE FROM {} AS {alias}", table.name), filter])
    }

    fn row_of(&mut self, table: &Table) -> (String, Scope) {
        let alias = self.name("q");
        let leaves = table.columns.iter().map(|column| {
            let tree = text(format!("{alias}.{}", column.name));
            Leaf { tree: tree.clone(), kind: column.kind, nullable: column.nullable, from_within: Some(tree) }
        });
        let scope = Scope { leaves: leaves.collect(), ..Scope::default() };
        (alias, scope)
    }

    /// A value for a column. What is computed is kept small, since it may be computed with again.
    fn assigned(&mut self, column: &Column, scope: &Scope) -> Tree {
        let simple = self.leaf_or_literal(column.kind, scope);
        let value = match (column.kind, self.often(500)) {
            (_, false) => simple.clone(),
            (Kind::Int, _) => sequence![wrapped(self.expression(Kind::Int, scope, 2)), " % 20"],
            (Kind::Decimal, _) => {
                sequence!["CAST(", self.expression(Kind::Decimal, scope, 2), " AS INT) % 20 / 4.0"]
            }
            (Kind::Text, _) => sequence!["SUBSTRING(", self.expression(Kind::Text, scope, 2), ", 1, 5)"],
            (Kind::Bool, _) => wrapped(self.condition(scope, 2)),
        };
        let value = choice(value, vec![simple]);
        match column.nullable {
            true => value,
            false => sequence!["COALESCE(", value, ", ", self.literal(column.kind), ")"],
        }
    }
}

fn document(table: &Table, row: &[Tree]) -> Tree {
    let fields = table.columns.iter().zip(row);
    let fields =
        fields.map(|(column, value)| sequence![format!("'{}': ", column.name), value.clone()]).collect();
    sequence!["{", Tree::List(", ", fields), "}"]
}
