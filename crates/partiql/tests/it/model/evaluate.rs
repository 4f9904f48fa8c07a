//! The model: every row of every source, every condition of every row.

use std::cmp::Ordering;

use everstrand_ion::{Data, Decimal, Struct, Symbol, Value};

use super::World;
use super::query::{Expression, Join, OrderTerm, Over, Query, Step};
use crate::keys::model_equal;

/// MISSING is `None`.
type Item = Option<Value>;

/// What the sources stand at: a row and its id.
type Row = Vec<(Item, Item)>;

/// Why a query has no rows: it would add up what is no number.
#[derive(Debug)]
pub(super) struct Refused;

/// All rows of a query before OFFSET and LIMIT.
pub(super) fn rows(world: &World, query: &Query) -> Result<Vec<Value>, Refused> {
    let mut rows: Vec<Row> = vec![Vec::new()];
    for source in &query.sources {
        let mut joined = Vec::new();
        for row in rows {
            let elements: Vec<(Item, Item)> = match &source.over {
                Over::Table(table) => table_rows(world, *table),
                Over::Values(values) => match scalar(world, &row, values) {
                    Some(Value { data: Data::List(items), .. }) => {
                        items.into_iter().map(|item| (Some(item), None)).collect()
                    }
                    other => vec![(other, None)],
                },
            };
            let mut is_matched = false;
            for element in elements {
                let mut longer = row.clone();
                longer.push(element);
                let joins = match &source.join {
                    Join::Comma => true,
                    Join::Inner(condition) | Join::Left(condition) => holds(world, &longer, condition),
                };
                if joins {
                    is_matched = true;
                    joined.push(longer);
                }
            }
            if !is_matched && matches!(source.join, Join::Left(_)) {
                let mut longer = row;
                longer.push((Some(unmatched()), Some(unmatched())));
                joined.push(longer);
            }
        }
        rows = joined;
    }
    if let Some(condition) = &query.condition {
        rows.retain(|row| holds(world, row, condition));
    }
    let is_aggregate = query.group.is_some()
        || query.items.iter().any(|item| matches!(item, Expression::CountAll | Expression::Aggregate(..)));
    if is_aggregate {
        return groups(world, query, rows);
    }
    if !query.order.is_empty() {
        rows.sort_by(|left, right| order_rows(world, &query.order, left, right));
    }
    let mut results: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut fields = Struct::default();
            if !query.order.is_empty() {
                let keys = query.order.iter().map(|term| scalar(world, row, &term.value));
                fields.push("o", Value::from(named("o", keys)));
            }
            // Where equal rows come out once, MISSING counts as NULL at its place.
            let items = query.items.iter().map(|item| match scalar(world, row, item) {
                None if query.distinct && query.is_list => Some(Value::null()),
                item => item,
            });
            for (name, value) in named("f", items).into_fields() {
                fields.push(name, value);
            }
            Value::from(fields)
        })
        .collect();
    if query.distinct {
        let mut distinct: Vec<Value> = Vec::new();
        for result in results {
            if !distinct.iter().any(|other| model_equal(other, &result)) {
                distinct.push(result);
            }
        }
        results = distinct;
    }
    Ok(results)
}

/// A struct of those that are not MISSING, named by a letter and their number.
fn named(letter: &str, values: impl Iterator<Item = Item>) -> Struct {
    values
        .enumerate()
        .filter_map(|(number, value)| Some((Symbol::from(format!("{letter}{number}")), value?)))
        .collect()
}

/// The rows of a table with the ids that its documents were given: numbers from 4 on, after the tables.
fn table_rows(world: &World, table: usize) -> Vec<(Item, Item)> {
    let before: usize = world[..table].iter().map(Vec::len).sum();
    world[table]
        .iter()
        .enumerate()
        .map(|(number, document)| {
            let id = format!("document{}", world.len() + 1 + before + number);
            (Some(document.clone()), Some(Value::from(id)))
        })
        .collect()
}

fn groups(world: &World, query: &Query, rows: Vec<Row>) -> Result<Vec<Value>, Refused> {
    let no_keys = Vec::new();
    let keys = query.group.as_ref().unwrap_or(&no_keys);
    let mut groups: Vec<(Vec<Value>, Vec<Row>)> = Vec::new();
    if query.group.is_none() {
        groups.push((Vec::new(), Vec::new()));
    }
    for row in rows {
        let values: Vec<Value> =
            keys.iter().map(|key| scalar(world, &row, key).unwrap_or_else(Value::null)).collect();
        let found = groups
            .iter_mut()
            .find(|(other, _)| other.iter().zip(&values).all(|(left, right)| model_equal(left, right)));
        match found {
            Some((_, members)) => members.push(row),
            None => groups.push((values, vec![row])),
        }
    }
    let results = groups.iter().map(|(keys, members)| {
        let items = query.items.iter().map(|item| {
            Ok(match item {
                Expression::CountAll => Some(Value::from(count(members.len()))),
                Expression::GroupKey(number) => Some(keys[*number].clone()),
                Expression::Aggregate(function, distinct, value) => {
                    let values = members.iter().filter_map(|row| scalar(world, row, value));
                    let mut known: Vec<Value> = Vec::new();
                    for value in values.filter(|value| !value.is_null()) {
                        if !distinct || !known.iter().any(|other| model_equal(other, &value)) {
                            known.push(value);
                        }
                    }
                    Some(aggregate(function, &known)?)
                }
                other => unreachable!("{other:?} in a group"),
            })
        });
        let items = items.collect::<Result<Vec<Item>, Refused>>()?;
        let items = named("f", items.into_iter());
        let items = match &query.names {
            Some(names) => {
                items.into_fields().into_iter().zip(names).map(|((_, value), name)| (*name, value)).collect()
            }
            None => items,
        };
        Ok((members.len(), Value::from(items)))
    });
    // Groups that HAVING drops are added up, too.
    let results = results.collect::<Result<Vec<(usize, Value)>, Refused>>()?;
    let is_kept = |members: usize| query.having.is_none() || members > 1;
    Ok(results.into_iter().filter(|(members, _)| is_kept(*members)).map(|(_, result)| result).collect())
}

fn count(count: usize) -> i64 {
    i64::try_from(count).expect("few rows")
}

fn aggregate(function: &str, values: &[Value]) -> Result<Value, Refused> {
    Ok(match function {
        "COUNT" => Value::from(count(values.len())),
        "MIN" => values.iter().min_by(|left, right| total(left, right)).cloned().unwrap_or_else(Value::null),
        "MAX" => values.iter().max_by(|left, right| total(left, right)).cloned().unwrap_or_else(Value::null),
        _ => {
            let mut sum: Option<Value> = None;
            for value in values {
                number(value).ok_or(Refused)?;
                sum = Some(match sum {
                    None => value.clone(),
                    Some(sum) => add(&sum, value).ok_or(Refused)?,
                });
            }
            sum.unwrap_or_else(Value::null)
        }
    })
}

fn order_rows(world: &World, terms: &[OrderTerm], left: &Row, right: &Row) -> Ordering {
    for term in terms {
        let known = |row| scalar(world, row, &term.value).filter(|value| !value.is_null());
        let nulls_first = term.nulls_first.unwrap_or(term.descending);
        let order = match (known(left), known(right)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => {
                if nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (Some(_), None) => {
                if nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (Some(left), Some(right)) if term.descending => total(&right, &left),
            (Some(left), Some(right)) => total(&left, &right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn holds(world: &World, row: &Row, condition: &Expression) -> bool {
    truth(&scalar(world, row, condition)) == Some(true)
}

fn truth(item: &Item) -> Option<bool> {
    match item {
        Some(Value { data: Data::Bool(truth), .. }) => Some(*truth),
        _ => None,
    }
}

fn and(truths: &[Option<bool>]) -> Option<bool> {
    if truths.contains(&Some(false)) {
        Some(false)
    } else if truths.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn of_truth(truth: Option<bool>) -> Item {
    Some(truth.map_or_else(Value::null, Value::from))
}

fn is_unknown(item: &Item) -> bool {
    item.as_ref().is_none_or(Value::is_null)
}

fn equal(left: &Item, right: &Item) -> Option<bool> {
    match (left, right) {
        (Some(left), Some(right)) if !left.is_null() && !right.is_null() => Some(model_equal(left, right)),
        _ => None,
    }
}

/// NULL for a row that a left join did not find; so is all below it.
fn unmatched() -> Value {
    Value::null().with_annotations([Symbol::from("unmatched")])
}

fn follow(value: Item, steps: &[Step]) -> Item {
    if value.as_ref().is_some_and(|value| value.is_null() && !value.annotations().is_empty()) {
        return value;
    }
    steps.iter().try_fold(value?, |value, step| match step {
        Step::Field(name) => value.get(name).cloned(),
        Step::Index(index) => value.as_sequence()?.get(*index).cloned(),
    })
}

fn scalar(world: &World, row: &Row, expression: &Expression) -> Item {
    let of = |expression: &Expression| scalar(world, row, expression);
    match expression {
        Expression::Literal(value) | Expression::Parameter(value) => Some(value.clone()),
        Expression::Missing => None,
        Expression::Path(source, steps) => follow(row[*source].0.clone(), steps),
        Expression::Id(source) => row[*source].1.clone(),
        Expression::Compare(operator, operands) => compared(operator, &of(&operands[0]), &of(&operands[1])),
        Expression::CompareRows(operator, rows) => {
            let [left, right] = [&rows[0], &rows[1]].map(|row| row.iter().map(of).collect::<Vec<Item>>());
            let pairs = || left.iter().zip(&right);
            Some(Value::from(match *operator {
                "=" => pairs().all(|(left, right)| is_same(left, right)),
                "<>" => !pairs().all(|(left, right)| is_same(left, right)),
                _ => {
                    let mut orders = pairs().map(|(left, right)| order_within(left, right));
                    satisfies(operator, orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
                }
            }))
        }
        Expression::Bare(path) => of(path),
        Expression::Add(operands) => {
            let (left, right) = (of(&operands[0]), of(&operands[1]));
            if is_unknown(&left) || is_unknown(&right) {
                return Some(Value::null());
            }
            add(&left?, &right?)
        }
        Expression::And(operands) => {
            let truths: Vec<Option<bool>> = operands.iter().map(|operand| truth(&of(operand))).collect();
            of_truth(and(&truths))
        }
        Expression::Or(operands) => {
            // By De Morgan.
            let opposites: Vec<Option<bool>> =
                operands.iter().map(|operand| truth(&of(operand)).map(|truth| !truth)).collect();
            of_truth(and(&opposites).map(|truth| !truth))
        }
        Expression::Not(operand) => match of(operand) {
            Some(Value { data: Data::Bool(truth), .. }) => Some(Value::from(!truth)),
            other if is_unknown(&other) => Some(Value::null()),
            _ => None,
        },
        Expression::In(value, items) => is_in(&of(value), items.iter().map(of)),
        Expression::InParameter(value, items) => is_in(&of(value), items.iter().cloned().map(Some)),
        Expression::InTable(value, table, steps) => {
            let elements = table_rows(world, *table).into_iter().map(|(row, _)| follow(row, steps));
            is_in(&of(value), elements)
        }
        Expression::Quantified(value, operator, quantifier, (table, steps)) => {
            let value = of(value);
            let elements = table_rows(world, *table).into_iter().map(|(row, _)| follow(row, steps));
            let truths = elements.map(|element| truth(&compared(operator, &value, &element)));
            of_truth(match *quantifier {
                "ALL" => and(&truths.collect::<Vec<_>>()),
                _ => and(&truths.map(|truth| truth.map(|truth| !truth)).collect::<Vec<_>>())
                    .map(|truth| !truth),
            })
        }
        Expression::Distinct(operands, negated) => {
            let (left, right) = (of(&operands[0]), of(&operands[1]));
            let is_same = equal(&left, &right).unwrap_or(is_unknown(&left) && is_unknown(&right));
            Some(Value::from(is_same == *negated))
        }
        Expression::IsTruth(condition, wanted, negated) => {
            Some(Value::from((truth(&of(condition)) == *wanted) != *negated))
        }
        Expression::Between(operands) => {
            let [value, low, high] = [of(&operands[0]), of(&operands[1]), of(&operands[2])];
            let (from, to) = (truth(&less(">=", &value, &low)), truth(&less("<=", &value, &high)));
            of_truth(and(&[from, to]))
        }
        Expression::IsNull(value, negated) => Some(Value::from(is_unknown(&of(value)) != *negated)),
        Expression::IsMissing(value) => Some(Value::from(of(value).is_none())),
        Expression::Like(value, pattern) => {
            let value = of(value);
            if is_unknown(&value) {
                return Some(Value::null());
            }
            let text: Vec<char> = value?.as_text()?.chars().collect();
            let pattern: Vec<char> = pattern.chars().collect();
            Some(Value::from(like(&text, &pattern)))
        }
        Expression::GroupKey(_) | Expression::CountAll | Expression::Aggregate(..) => {
            unreachable!("only in a group")
        }
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some(('%', pattern)), _) => (0..=text.len()).any(|skip| like(&text[skip..], pattern)),
        (Some((wanted, pattern)), Some((found, text))) => {
            (*wanted == '_' || wanted == found) && like(text, pattern)
        }
        (Some(_), None) => false,
    }
}

fn is_in(value: &Item, items: impl Iterator<Item = Item>) -> Item {
    let mut result = Some(false);
    for item in items {
        match equal(value, &item) {
            Some(true) => return of_truth(Some(true)),
            Some(false) => {}
            None => result = None,
        }
    }
    of_truth(result)
}

fn compared(operator: &str, left: &Item, right: &Item) -> Item {
    match operator {
        "=" => of_truth(equal(left, right)),
        "<>" => of_truth(equal(left, right).map(|equal| !equal)),
        _ => less(operator, left, right),
    }
}

fn less(operator: &str, left: &Item, right: &Item) -> Item {
    if is_unknown(left) || is_unknown(right) {
        return Some(Value::null());
    }
    let (left, right) = (left.as_ref()?, right.as_ref()?);
    let order = (rank(left) == rank(right)).then(|| total(left, right))?;
    Some(Value::from(satisfies(operator, order)))
}

fn satisfies(operator: &str, order: Ordering) -> bool {
    match operator {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// Whether two items of row values are equal: as in lists, NULL is NULL and MISSING is MISSING.
fn is_same(left: &Item, right: &Item) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => model_equal(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

/// The order of two items of row values: MISSING, NULL, all else.
fn order_within(left: &Item, right: &Item) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => total(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

/// Whether a condition of a query may be asked of what is no boolean, as far as the documents tell.
pub(super) fn may_be_no_boolean(world: &World, query: &Query) -> bool {
    let conditions = query.sources.iter().filter_map(|source| match &source.join {
        Join::Inner(condition) | Join::Left(condition) => Some(condition),
        Join::Comma => None,
    });
    conditions.chain(&query.condition).any(|condition| has_no_boolean(world, query, condition))
}

fn has_no_boolean(world: &World, query: &Query, condition: &Expression) -> bool {
    match condition {
        Expression::And(operands) | Expression::Or(operands) => {
            operands.iter().any(|operand| has_no_boolean(world, query, operand))
        }
        Expression::Not(operand) | Expression::IsTruth(operand, ..) => has_no_boolean(world, query, operand),
        Expression::Bare(path) => {
            let Expression::Path(source, steps) = &**path else { return false };
            let Over::Table(table) = query.sources[*source].over else { return true };
            let mut values = world[table].iter().filter_map(|row| follow(Some(row.clone()), steps));
            values.any(|value| !value.is_null() && !matches!(value.data, Data::Bool(_)))
        }
        _ => false,
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match &value.data {
        Data::Int(int) => Some(Decimal::new(int.clone(), 0)),
        Data::Decimal(decimal) => Some(decimal.clone()),
        Data::Float(float) => Decimal::from_f64(*float),
        _ => None,
    }
}

/// The sum of two numbers; all of the world are multiples of a half.
fn add(left: &Value, right: &Value) -> Item {
    let tenths = |value: &Value| {
        let decimal = number(value)?;
        let scale = 10i64.pow(u32::try_from(decimal.exponent() + 1).ok()?);
        Some(decimal.coefficient().as_i64()? * scale)
    };
    Some(Value::from(Decimal::new(tenths(left)? + tenths(right)?, -1)))
}

fn within_kind(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return Some(left.numeric_cmp(&right));
    }
    match (&left.data, &right.data) {
        (Data::Bool(left), Data::Bool(right)) => Some(left.cmp(right)),
        (Data::Timestamp(left), Data::Timestamp(right)) => Some(left.instant_cmp(right)),
        (Data::String(_) | Data::Symbol(_), Data::String(_) | Data::Symbol(_)) => {
            Some(left.as_text().cmp(&right.as_text()))
        }
        _ => None,
    }
}

/// The total order, as far as values of the world need it.
fn total(left: &Value, right: &Value) -> Ordering {
    rank(left).cmp(&rank(right)).then_with(|| {
        within_kind(left, right).unwrap_or_else(|| match (&left.data, &right.data) {
            (Data::List(left), Data::List(right)) => {
                let unequal = left.iter().zip(right).map(|(left, right)| total(left, right));
                unequal.into_iter().find(|order| order.is_ne()).unwrap_or(left.len().cmp(&right.len()))
            }
            // The world's structs have one field, of one name.
            (Data::Struct(left), Data::Struct(right)) => match (left.get("a"), right.get("a")) {
                (Some(left), Some(right)) => total(left, right),
                _ => Ordering::Equal,
            },
            _ => Ordering::Equal,
        })
    })
}

fn rank(value: &Value) -> u8 {
    match &value.data {
        Data::Null(_) => 0,
        Data::Bool(_) => 1,
        Data::Int(_) | Data::Decimal(_) | Data::Float(_) => 2,
        Data::Timestamp(_) => 3,
        Data::String(_) | Data::Symbol(_) => 4,
        Data::Clob(_) | Data::Blob(_) => 5,
        Data::List(_) => 6,
        Data::Sexp(_) => 7,
        Data::Struct(_) => 8,
    }
}
