//! Random documents, indexes and queries, small and full of coincidences.

use everstrand_ion::{Value, text};

use super::World;
use super::query::{Expression, Join, OrderTerm, Over, Query, Source, Step, Written};
use everstrand_testkit::Random;

const SCALARS: [&str; 14] = [
    "0", "1", "2", "1.0", "2e0", "1.5", "\"a\"", "a", "\"ab\"", "\"b\"", "null", "true", "2000T", "null.int",
];

/// What items of grouped queries are called: fields of the documents, too.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "l", "other"];

fn scalar(random: &mut Random) -> Value {
    text::read_one(random.pick::<&str>(&SCALARS)).expect("well formed")
}

fn field_value(random: &mut Random) -> String {
    match random.index(10) {
        0 => format!("[{}, {}]", scalar(random), scalar(random)),
        1 => format!("{{a: {}}}", scalar(random)),
        _ => scalar(random).to_string(),
    }
}

pub(super) fn world(random: &mut Random) -> World {
    (0..3)
        .map(|_| {
            let documents = 1 + random.index(9);
            (0..documents)
                .map(|_| {
                    let mut fields = Vec::new();
                    for name in ["a", "b", "c"] {
                        if random.permille(800) {
                            fields.push(format!("{name}: {}", field_value(random)));
                        }
                    }
                    if random.permille(600) {
                        fields.push(format!("d: {{a: {}, b: {}}}", scalar(random), field_value(random)));
                    }
                    if random.permille(600) {
                        let items: Vec<String> = (0..random.index(4)).map(|_| field_value(random)).collect();
                        fields.push(format!("l: [{}]", items.join(", ")));
                    }
                    text::read_one(&format!("{{{}}}", fields.join(", "))).expect("well formed")
                })
                .collect()
        })
        .collect()
}

pub(super) fn indexes(random: &mut Random) -> Vec<(usize, String)> {
    let mut indexes = Vec::new();
    for table in 0..3 {
        for paths in ["a", "b", "c", "d.a", "a, b", "b, d.a", "l"] {
            if random.permille(350) {
                indexes.push((table, paths.to_owned()));
            }
        }
    }
    indexes
}

pub(super) fn query(random: &mut Random) -> Query {
    let count = *random.pick(&[1, 1, 1, 2, 2, 2, 3]);
    let mut sources = Vec::new();
    for number in 0..count {
        let is_lateral = number > 0 && random.permille(200);
        let over = if is_lateral {
            Over::Values(Expression::Path(random.index(number), vec![Step::Field("l")]))
        } else {
            Over::Table(random.index(3))
        };
        let join = match random.index(6) {
            _ if number == 0 => Join::Comma,
            0 | 1 => Join::Left(join_condition(random, number)),
            2..=4 => Join::Inner(join_condition(random, number)),
            _ => Join::Comma,
        };
        sources.push(Source { over, join });
    }
    let tables: Vec<usize> = sources
        .iter()
        .enumerate()
        .filter(|(_, source)| matches!(source.over, Over::Table(_)))
        .map(|(number, _)| number)
        .collect();
    let condition = random.permille(700).then(|| condition(random, count, &tables, 2));
    let is_grouped = random.permille(150);
    if is_grouped {
        let keys: Vec<Expression> = (0..random.index(3)).map(|_| path(random, count)).collect();
        let mut items = vec![Expression::CountAll];
        items.extend((0..keys.len()).map(Expression::GroupKey));
        for _ in 0..random.index(3) {
            let function = *random.pick(&["COUNT", "MIN", "MAX", "SUM"]);
            items.push(Expression::Aggregate(function, random.permille(300), Box::new(path(random, count))));
        }
        let having = (!keys.is_empty() && random.permille(300)).then(|| {
            let limit = Expression::Literal(Value::from(1i64));
            Expression::Compare(">", Box::new([Expression::CountAll, limit]))
        });
        let group = if keys.is_empty() { None } else { Some(keys) };
        // Written without their source, fields and the names of other items are alike.
        let is_plain = count == 1 && group.is_some() && random.permille(500);
        let first = random.index(NAMES.len());
        let names =
            is_plain.then(|| (0..items.len()).map(|item| NAMES[(first + item) % NAMES.len()]).collect());
        return Query {
            distinct: false,
            is_list: is_plain || random.permille(500),
            items,
            sources,
            condition,
            group,
            names,
            having,
            order: Vec::new(),
            limit: None,
            offset: None,
        };
    }
    let items: Vec<Expression> = (0..1 + random.index(3)).map(|_| path(random, count)).collect();
    let distinct = random.permille(150);
    let order: Vec<OrderTerm> = if random.permille(350) && !distinct {
        (0..1 + random.index(2))
            .map(|_| {
                let item = random.index(items.len());
                let written = *random.pick(&[Written::Whole, Written::Name(item), Written::Place(item)]);
                OrderTerm {
                    value: match written {
                        Written::Whole => path(random, count),
                        _ => items[item].clone(),
                    },
                    descending: random.permille(400),
                    nulls_first: *random.pick(&[None, None, Some(true), Some(false)]),
                    written,
                }
            })
            .collect()
    } else {
        Vec::new()
    };
    Query {
        distinct,
        is_list: random.permille(500),
        items,
        sources,
        condition,
        group: None,
        names: None,
        having: None,
        order,
        limit: random.permille(250).then(|| random.index(6)),
        offset: random.permille(100).then(|| random.index(3)),
    }
}

/// The rows that a statement of DML changes: of one table, perhaps once for each element of a list.
pub(super) fn change(random: &mut Random) -> Query {
    let mut sources = vec![Source { over: Over::Table(random.index(3)), join: Join::Comma }];
    if random.permille(300) {
        let list = Expression::Path(0, vec![Step::Field("l")]);
        sources.push(Source { over: Over::Values(list), join: Join::Comma });
    }
    let condition = random.permille(900).then(|| condition(random, sources.len(), &[0], 2));
    Query {
        distinct: true,
        is_list: false,
        items: vec![Expression::Id(0)],
        sources,
        condition,
        group: None,
        names: None,
        having: None,
        order: Vec::new(),
        limit: None,
        offset: None,
    }
}

fn path(random: &mut Random, sources: usize) -> Expression {
    let source = random.index(sources);
    path_of(random, source)
}

fn path_of(random: &mut Random, source: usize) -> Expression {
    let steps = match random.index(12) {
        0..=3 => vec![Step::Field("a")],
        4..=6 => vec![Step::Field("b")],
        7 => vec![Step::Field("c")],
        8 | 9 => vec![Step::Field("d"), Step::Field("a")],
        10 => vec![Step::Field("l"), Step::Index(random.index(2))],
        _ => vec![Step::Field("l")],
    };
    Expression::Path(source, steps)
}

fn join_condition(random: &mut Random, number: usize) -> Expression {
    let left = random.index(number);
    let equality = Expression::Compare("=", Box::new([path_of(random, left), path_of(random, number)]));
    match random.index(5) {
        0 => Expression::And(vec![equality, simple(random, number + 1, &[])]),
        1 => {
            let left = random.index(number);
            let other = Expression::Compare("=", Box::new([path_of(random, number), path_of(random, left)]));
            Expression::And(vec![equality, other])
        }
        2 => {
            let operator = *random.pick(&["<", ">=", "<>"]);
            let left = random.index(number);
            Expression::Compare(operator, Box::new([path_of(random, left), path_of(random, number)]))
        }
        _ => equality,
    }
}

fn condition(random: &mut Random, sources: usize, tables: &[usize], depth: usize) -> Expression {
    if depth == 0 || random.permille(500) {
        return simple(random, sources, tables);
    }
    let operands = (0..2 + random.index(2)).map(|_| condition(random, sources, tables, depth - 1)).collect();
    match random.index(10) {
        0..=6 => Expression::And(operands),
        7 | 8 => Expression::Or(operands),
        _ => Expression::Not(Box::new(condition(random, sources, tables, depth - 1))),
    }
}

fn constant(random: &mut Random) -> Expression {
    if random.permille(30) {
        return Expression::Missing;
    }
    let value = scalar(random);
    if random.permille(500) { Expression::Parameter(value) } else { Expression::Literal(value) }
}

fn simple(random: &mut Random, sources: usize, tables: &[usize]) -> Expression {
    if random.permille(30) {
        return Expression::Bare(Box::new(path(random, sources)));
    }
    if random.permille(70) {
        let operator = *random.pick(&["=", "<>", "<", "<=", ">", ">="]);
        let left = vec![path(random, sources), path(random, sources)];
        let right = match random.index(3) {
            0 => vec![path(random, sources), constant(random)],
            _ => vec![constant(random), constant(random)],
        };
        return Expression::CompareRows(operator, Box::new([left, right]));
    }
    if random.permille(70) {
        return predicate(random, sources, tables);
    }
    let value = path(random, sources);
    match random.index(14) {
        0..=3 => {
            let mut operands = [value, constant(random)];
            if random.permille(300) {
                operands.reverse();
            }
            Expression::Compare("=", Box::new(operands))
        }
        4 | 5 => {
            let operator = *random.pick(&["<", "<=", ">", ">=", "<>"]);
            let mut operands = [value, constant(random)];
            if random.permille(300) {
                operands.reverse();
            }
            Expression::Compare(operator, Box::new(operands))
        }
        6 => {
            // Long lists are looked up by key.
            let count = if random.permille(200) { 8 } else { 1 + random.index(3) };
            let items = (0..count).map(|_| constant(random)).collect();
            Expression::In(Box::new(value), items)
        }
        7 => {
            let items = (0..random.index(4)).map(|_| scalar(random)).collect();
            Expression::InParameter(Box::new(value), items)
        }
        8 => Expression::Between(Box::new([value, constant(random), constant(random)])),
        9 => Expression::IsNull(Box::new(value), random.permille(500)),
        10 => {
            let pattern = *random.pick(&["a%", "%", "a", "_", "a_", "%b"]);
            Expression::Like(Box::new(value), pattern.to_owned())
        }
        11 => {
            let sum = Expression::Add(Box::new([value, Expression::Literal(Value::from(1i64))]));
            Expression::Compare(random.pick::<&str>(&["=", ">"]), Box::new([sum, constant(random)]))
        }
        12 if !tables.is_empty() => {
            // Documents are numbered behind the three tables.
            let id = format!("document{}", 4 + random.index(20));
            let id = Expression::Literal(Value::from(id.as_str()));
            Expression::Compare("=", Box::new([Expression::Id(*random.pick(tables)), id]))
        }
        12 => Expression::IsMissing(Box::new(value)),
        _ => {
            let Expression::Path(_, steps) = path_of(random, 0) else { unreachable!("a path") };
            Expression::InTable(Box::new(value), random.index(3), steps)
        }
    }
}

/// A predicate that QLDB did not have.
fn predicate(random: &mut Random, sources: usize, tables: &[usize]) -> Expression {
    match random.index(4) {
        0 => {
            let other = if random.permille(500) { path(random, sources) } else { constant(random) };
            Expression::Distinct(Box::new([path(random, sources), other]), random.permille(500))
        }
        1 => {
            let condition = Box::new(simple(random, sources, tables));
            Expression::IsTruth(
                condition,
                *random.pick(&[None, Some(true), Some(false)]),
                random.permille(500),
            )
        }
        _ => {
            let Expression::Path(_, steps) = path_of(random, 0) else { unreachable!("a path") };
            let operator = *random.pick(&["=", "<>", "<", "<=", ">", ">="]);
            let quantifier = *random.pick(&["ALL", "ANY", "SOME"]);
            let value = Box::new(path(random, sources));
            Expression::Quantified(value, operator, quantifier, (random.index(3), steps))
        }
    }
}
