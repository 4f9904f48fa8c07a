//! Property: a printed tree parses to an equal tree. Trees are those that the parser makes: chains of
//! AND and OR are flat, number literals carry their sign, `a['b']` is `a.b`. Parameters are left out,
//! because their numbers depend on where they stand.

use everstrand_ion::{Data, Value, text};
use everstrand_partiql::ast::*;
use everstrand_partiql::parse;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn printed_trees_parse_to_equal_trees(statement in statement()) {
        let printed = statement.to_string();
        match parse(&printed) {
            Ok(parsed) => prop_assert_eq!(parsed, statement, "{}", printed),
            Err(error) => prop_assert!(false, "{}: {}", printed, error),
        }
    }
}

fn position() -> Position {
    Position::default()
}

fn identifier() -> impl Strategy<Value = Identifier> + Clone {
    let names = ["a", "b", "_x", "$1", "select", "Order", "a b", "it's", "a\"b", "offset", "year", "é", ""];
    prop::sample::select(names.to_vec()).prop_map(|name| Identifier {
        name: name.to_owned(),
        position: position(),
        is_quoted: false,
    })
}

fn literal() -> impl Strategy<Value = Expression> + Clone {
    let values = [
        "1",
        "0",
        "-7",
        "123456789012345678901",
        "1.50",
        "-0.5",
        "-0.",
        "1d5",
        "1d-12",
        "true",
        "null",
        "\"it's\"",
        "\"\"",
        "\"`\"",
        "a",
        "'`'",
        "1e0",
        "-1e-3",
        "nan",
        "2020-01T",
        "{{aGVsbG8=}}",
        "null.int",
        "[1, a]",
        "(1 '`')",
        "{a: 1, a: \"`\"}",
        "x::1",
        "x::-1",
        "x::\"s\"",
    ];
    let values: Vec<Value> = values.iter().filter_map(|value| text::read_one(value).ok()).collect();
    prop::sample::select(values).prop_map(|value| Expression::Literal { value, position: position() })
}

fn variable() -> impl Strategy<Value = Expression> + Clone {
    (identifier(), any::<bool>()).prop_map(|(name, local)| Expression::Variable(Variable { name, local }))
}

fn types() -> impl Strategy<Value = Type> {
    use Type::*;
    prop::sample::select(vec![
        Null, Missing, Boolean, Integer, Float, Decimal, Timestamp, Symbol, String, Clob, Blob, List, Sexp,
        Struct, Bag,
    ])
}

fn operators() -> impl Strategy<Value = BinaryOperator> {
    use BinaryOperator::*;
    prop::sample::select(vec![
        Equal,
        NotEqual,
        Less,
        LessOrEqual,
        Greater,
        GreaterOrEqual,
        Add,
        Subtract,
        Multiply,
        Divide,
        Modulo,
        Concatenate,
    ])
}

fn comparisons() -> impl Strategy<Value = BinaryOperator> {
    use BinaryOperator::*;
    prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
}

fn quantifiers() -> impl Strategy<Value = Quantifier> {
    prop::sample::select(vec![Quantifier::All, Quantifier::Any, Quantifier::Some])
}

fn dates() -> impl Strategy<Value = DatePart> {
    use DatePart::*;
    prop::sample::select(vec![Year, Month, Day, Hour, Minute, Second])
}

fn boxed(expression: Expression) -> Box<Expression> {
    Box::new(expression)
}

fn expression() -> BoxedStrategy<Expression> {
    let leaf = prop_oneof![literal(), variable(), Just(Expression::Missing)];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let e = inner.clone();
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            3 => (operators(), two.clone()).prop_map(|(operator, (left, right))| {
                // One more operator after a chain would be part of it.
                let left = if matches!(left, Expression::Chain { .. }) { Expression::Missing } else { left };
                Expression::Binary { operator, left: boxed(left), right: boxed(right), position: position() }
            }),
            1 => (e.clone(), vec((operators(), e.clone()), 9..12)).prop_map(|(first, rest)| chain(first, rest)),
            2 => vec(e.clone(), 2..4).prop_map(|operands| flat(operands, true)),
            2 => vec(e.clone(), 2..4).prop_map(|operands| flat(operands, false)),
            1 => e.clone().prop_map(|value| Expression::Not(boxed(value))),
            1 => (any::<bool>(), e.clone()).prop_map(|(negative, operand)| match operand {
                literal @ Expression::Literal { .. } => literal,
                operand => Expression::Sign { negative, operand: boxed(operand), position: position() },
            }),
            2 => path(e.clone()),
            1 => (e.clone(), collection(e.clone()), any::<bool>()).prop_map(|(value, collection, negated)| {
                Expression::In { value: boxed(value), collection: boxed(collection), negated, position: position() }
            }),
            1 => (three.clone(), any::<bool>()).prop_map(|((value, low, high), negated)| Expression::Between {
                value: boxed(value), low: boxed(low), high: boxed(high), negated, position: position(),
            }),
            1 => (two.clone(), option::of(e.clone()), any::<bool>()).prop_map(|((value, pattern), escape, negated)| {
                Expression::Like {
                    value: boxed(value), pattern: boxed(pattern), escape: escape.map(boxed), negated,
                    position: position(),
                }
            }),
            1 => (e.clone(), types(), any::<bool>())
                .prop_map(|(value, of, negated)| Expression::Is { value: boxed(value), of, negated }),
            1 => (two.clone(), any::<bool>()).prop_map(|((left, right), negated)| Expression::Distinct {
                left: boxed(left), right: boxed(right), negated, position: position(),
            }),
            1 => (e.clone(), option::of(any::<bool>()), any::<bool>()).prop_map(|(value, truth, negated)| {
                Expression::IsTruth { value: boxed(value), truth, negated, position: position() }
            }),
            1 => (two.clone(), comparisons(), quantifiers()).prop_map(
                |((value, collection), operator, quantifier)| Expression::Quantified {
                    value: boxed(value), operator, quantifier, collection: boxed(collection), position: position(),
                }
            ),
            1 => (option::of(e.clone()), vec(two.clone(), 1..3), option::of(e.clone())).prop_map(
                |(operand, branches, otherwise)| Expression::Case {
                    operand: operand.map(boxed), branches, otherwise: otherwise.map(boxed),
                }
            ),
            1 => (e.clone(), types())
                .prop_map(|(value, to)| Expression::Cast { value: boxed(value), to, position: position() }),
            1 => vec(e.clone(), 0..3).prop_map(Expression::List),
            1 => vec(e.clone(), 0..3).prop_map(Expression::Bag),
            1 => vec(two.clone(), 0..3).prop_map(Expression::Struct),
            1 => vec(e.clone(), 0..3).prop_map(|arguments| call(FunctionForm::Named("f".into()), arguments)),
            1 => (any::<bool>(), dates(), two.clone()).prop_map(|(difference, part, (first, second))| {
                let form = if difference { FunctionForm::DateDiff } else { FunctionForm::DateAdd };
                call(form(part), vec![first, second])
            }),
            1 => (dates(), e.clone()).prop_map(|(part, value)| call(FunctionForm::Extract(part), vec![value])),
            1 => (
                prop::sample::select(vec![TrimSide::Leading, TrimSide::Trailing, TrimSide::Both]),
                vec(e.clone(), 1..3),
            )
                .prop_map(|(side, arguments)| call(FunctionForm::Trim(side), arguments)),
            1 => (
                prop::sample::select(vec![
                    AggregateFunction::Avg, AggregateFunction::Count, AggregateFunction::Max,
                    AggregateFunction::Min, AggregateFunction::Sum,
                ]),
                any::<bool>(), any::<bool>(), e.clone(),
            )
                .prop_map(|(function, collection, distinct, argument)| {
                    call(FunctionForm::Aggregate { function, collection, distinct }, vec![argument])
                }),
            1 => two.clone().prop_map(|(wanted, text)| {
                call(FunctionForm::Named("position".into()), vec![wanted, text])
            }),
            1 => two.clone().prop_map(|(text, count)| call(FunctionForm::Named("left".into()), vec![text, count])),
            1 => Just(call(FunctionForm::CurrentTimestamp, Vec::new())),
            1 => Just(call(
                FunctionForm::Aggregate {
                    function: AggregateFunction::Count, collection: false, distinct: false,
                },
                Vec::new(),
            )),
            1 => claused(e.clone()),
            2 => query(e.clone()).prop_map(|query| Expression::Query(Box::new(query))),
        ]
    })
    .boxed()
}

/// An aggregate with FILTER, or a window function.
fn claused(e: impl Strategy<Value = Expression> + Clone + 'static) -> impl Strategy<Value = Expression> {
    let bound = |e| {
        prop_oneof![
            Just(FrameBound::CurrentRow),
            Strategy::prop_map(e, FrameBound::Preceding),
            Just(FrameBound::UnboundedPreceding)
        ]
    };
    let term = (e.clone(), any::<bool>(), option::of(any::<bool>()))
        .prop_map(|(value, descending, nulls_first)| OrderTerm { value, descending, nulls_first });
    let frame = option::of(bound(literal()).prop_map(|start| Frame {
        unit: match start {
            FrameBound::Preceding(_) => FrameUnit::Rows,
            _ => FrameUnit::Range,
        },
        start,
        end: FrameBound::CurrentRow,
    }));
    let window = (vec(e.clone(), 0..3), vec(term, 0..3), frame)
        .prop_map(|(partition, order, frame)| Window { partition, order, frame, position: position() });
    let aggregate =
        FunctionForm::Aggregate { function: AggregateFunction::Sum, collection: false, distinct: false };
    (e.clone(), option::of(e), option::of(window), any::<bool>()).prop_map(
        move |(argument, filter, over, is_named)| {
            let is_named = is_named && filter.is_none() && over.is_some();
            let function = if is_named { FunctionForm::Named("lag".into()) } else { aggregate.clone() };
            if filter.is_none() && over.is_none() {
                return call(function, vec![argument]);
            }
            let filter = filter.map(|value| Clause { value, is_fetch: false, position: position() });
            let (arguments, position) = (vec![argument], position());
            Expression::Claused(Box::new(ClausedCall { function, arguments, filter, over, position }))
        },
    )
}

/// Operators that bind as tight as the first of them, from left to right. What the parser makes a chain of is one.
fn chain(first: Expression, rest: Vec<(BinaryOperator, Expression)>) -> Expression {
    use BinaryOperator::*;
    let alike = |operator: BinaryOperator, at: usize| match operator {
        Equal | NotEqual => [Equal, NotEqual][at % 2],
        Less | LessOrEqual | Greater | GreaterOrEqual => [Less, LessOrEqual, Greater, GreaterOrEqual][at % 4],
        Add | Subtract | Concatenate => [Add, Subtract, Concatenate][at % 3],
        Multiply | Divide | Modulo => [Multiply, Divide, Modulo][at % 3],
    };
    let operator = rest[0].0;
    let links = rest.into_iter().enumerate().map(|(at, (_, operand))| Link {
        operator: alike(operator, at),
        operand,
        position: position(),
    });
    // An operand that binds as tight on the left would be part of the chain.
    let first = match first {
        Expression::Binary { .. } | Expression::Chain { .. } | Expression::Quantified { .. } => {
            Expression::Missing
        }
        first => first,
    };
    Expression::Chain { first: boxed(first), links: links.collect() }
}

fn call(function: FunctionForm, arguments: Vec<Expression>) -> Expression {
    Expression::Call { function, arguments, position: position() }
}

/// AND or OR of operands that are not the same.
fn flat(operands: Vec<Expression>, and: bool) -> Expression {
    let mut items = Vec::new();
    for operand in operands {
        match operand {
            Expression::And(more) if and => items.extend(more),
            Expression::Or(more) if !and => items.extend(more),
            operand => items.push(operand),
        }
    }
    if and { Expression::And(items) } else { Expression::Or(items) }
}

/// What can follow IN: a parenthesis there begins a list.
fn collection(e: impl Strategy<Value = Expression> + Clone + 'static) -> impl Strategy<Value = Expression> {
    prop_oneof![
        variable(),
        vec(e.clone(), 1..3).prop_map(Expression::List),
        vec(e.clone(), 0..3).prop_map(Expression::Bag),
        e.clone().prop_map(|value| Expression::Not(boxed(value))),
        query(e.clone()).prop_map(|query| Expression::Query(Box::new(query))),
        (variable(), operators(), e.clone()).prop_map(|(left, operator, right)| match operator {
            BinaryOperator::Equal | BinaryOperator::NotEqual => left,
            operator =>
                Expression::Binary { operator, left: boxed(left), right: boxed(right), position: position() },
        }),
    ]
}

fn path(e: impl Strategy<Value = Expression> + Clone + 'static) -> impl Strategy<Value = Expression> {
    let step = prop_oneof![
        3 => identifier().prop_map(|name| PathStep::Field(name.name.into())),
        1 => e.clone().prop_map(|index| match index {
            Expression::Literal { value: Value { data: Data::String(name), .. }, .. } => {
                PathStep::Field(name.into())
            }
            index => PathStep::Index(Box::new(index)),
        }),
        1 => Just(PathStep::Elements),
        1 => Just(PathStep::Fields),
    ];
    (e, vec(step, 1..4)).prop_map(|(root, steps)| match root {
        Expression::Path { root, steps: mut first } => {
            first.extend(steps);
            Expression::Path { root, steps: first }
        }
        root => Expression::Path { root: boxed(root), steps },
    })
}

/// SELECT, or a query that is made of several.
fn query(e: impl Strategy<Value = Expression> + Clone + 'static) -> BoxedStrategy<QueryExpression> {
    let one = || select(e.clone()).prop_map(|query| QueryExpression::Select(Box::new(query))).boxed();
    prop_oneof![8 => one(), 1 => combined(one(), one(), one()), 1 => with(one(), one())].boxed()
}

/// An operator between queries, of which either may be one itself.
fn combined(
    first: BoxedStrategy<QueryExpression>,
    second: BoxedStrategy<QueryExpression>,
    third: BoxedStrategy<QueryExpression>,
) -> BoxedStrategy<QueryExpression> {
    let operators = || {
        let all = vec![SetOperator::Union, SetOperator::Except, SetOperator::Intersect];
        (prop::sample::select(all), any::<bool>())
    };
    let combined = |left, (operator, all), right, limit: Option<Clause>| {
        let (order, offset, position) = (None, None, position());
        QueryExpression::Combined(Box::new(Combined {
            operator,
            all,
            left,
            right,
            order,
            limit,
            offset,
            position,
        }))
    };
    let limit =
        || option::of(literal().prop_map(|value| Clause { value, is_fetch: false, position: position() }));
    (first, operators(), second, limit(), operators(), third, limit(), 0..3)
        .prop_map(move |(first, one, second, inner, other, third, outer, form)| match form {
            0 => combined(first, one, second, outer),
            1 => combined(combined(first, one, second, inner), other, third, outer),
            _ => combined(first, one, combined(second, other, third, inner), outer),
        })
        .boxed()
}

fn with(
    table: BoxedStrategy<QueryExpression>,
    query: BoxedStrategy<QueryExpression>,
) -> BoxedStrategy<QueryExpression> {
    (identifier(), vec(identifier(), 0..3), table, query)
        .prop_map(|(name, columns, table, query)| {
            let tables = vec![CommonTable { name, columns, query: table }];
            QueryExpression::With(Box::new(With { tables, query, position: position() }))
        })
        .boxed()
}

fn select(e: impl Strategy<Value = Expression> + Clone + 'static) -> BoxedStrategy<Query> {
    let clause = |e| {
        option::of(Strategy::prop_map(e, |value| Clause { value, is_fetch: false, position: position() }))
    };
    let item = prop_oneof![
        4 => (e.clone(), option::of(identifier())).prop_map(|(value, alias)| {
            let value = match value {
                // A wildcard in a select list is an item of its own.
                Expression::Path { root, steps }
                    if steps.iter().any(|step| matches!(step, PathStep::Elements | PathStep::Fields)) => *root,
                value => value,
            };
            SelectItem::Expression { value, alias }
        }),
        1 => (variable(), vec(identifier(), 0..2)).prop_map(|(root, names)| {
            let steps: Vec<PathStep> = names.into_iter().map(|name| PathStep::Field(name.name.into())).collect();
            SelectItem::All(if steps.is_empty() { root } else { Expression::Path { root: boxed(root), steps } })
        }),
    ];
    let projection = prop_oneof![
        e.clone().prop_map(Projection::Value),
        Just(Projection::Star),
        vec(item, 1..3).prop_map(Projection::Items),
        (e.clone(), e.clone()).prop_map(|(value, at)| Projection::Pivot { value, at }),
    ];
    let group = option::of(
        (vec((e.clone(), option::of(identifier())), 1..3), option::of(identifier()))
            .prop_map(|(keys, group_as)| Group { keys, group_as, position: position() }),
    );
    let term = (e.clone(), any::<bool>(), option::of(any::<bool>()))
        .prop_map(|(value, descending, nulls_first)| OrderTerm { value, descending, nulls_first });
    let order = option::of(vec(term, 1..3).prop_map(|terms| Order { terms, position: position() }));
    (
        (any::<bool>(), projection, option::weighted(0.9, from(e.clone()))),
        (option::of(e.clone()), group, option::of(e.clone())),
        (order, clause(e.clone()), clause(e)),
    )
        .prop_map(|((distinct, projection, from), (condition, group, having), (order, limit, offset))| {
            let limit = limit.map(|limit| Clause { is_fetch: distinct, ..limit });
            let rows = match (from, &projection) {
                (None, Projection::Value(_) | Projection::Items(_)) => {
                    Rows::One(Unexpected { position: position(), description: "".into() })
                }
                (None, _) => Rows::From(FromClause { terms: vec![one_source()] }),
                (Some(from), _) => Rows::From(from),
            };
            Query {
                distinct: (distinct && !matches!(projection, Projection::Pivot { .. })).then(position),
                projection,
                rows,
                condition,
                group,
                having,
                order,
                limit,
                offset,
                position: position(),
            }
        })
        .boxed()
}

fn one_source() -> FromTerm {
    let value = Expression::Bag(Vec::new());
    let (alias, at, by) = (None, None, None);
    let item = FromItem { value, unpivot: None, as_of: None, alias, at, by, position: position() };
    let source = FromSource::Item(Box::new(item));
    FromTerm { join: Join::Comma, source, condition: None, using: None, position: position() }
}

fn from(e: impl Strategy<Value = Expression> + Clone + 'static) -> BoxedStrategy<FromClause> {
    let item = from_item(e.clone()).prop_map(|item| FromSource::Item(Box::new(item)));
    let nested = vec(from_item(e.clone()), 2..3).prop_map(|items| {
        let terms = items.into_iter().map(|item| FromTerm {
            join: Join::Comma,
            source: FromSource::Item(Box::new(item)),
            condition: None,
            using: None,
            position: position(),
        });
        FromSource::Nested(FromClause { terms: terms.collect() })
    });
    let joins = prop::sample::select(vec![
        Join::Comma,
        Join::Cross,
        Join::Inner,
        Join::Left,
        Join::Right,
        Join::Full,
    ]);
    let term = (joins, prop_oneof![4 => item, 1 => nested], e, any::<bool>(), vec(identifier(), 0..3))
        .prop_map(|(join, source, condition, conditional, names)| {
            let conditional = match join {
                Join::Comma | Join::Cross => false,
                Join::Inner => true,
                _ => conditional,
            };
            let using = (conditional && !names.is_empty()).then(|| Using { names, position: position() });
            let condition = (conditional && using.is_none()).then_some(condition);
            FromTerm { join, source, condition, using, position: position() }
        });
    vec(term, 1..3)
        .prop_map(|mut terms| {
            terms[0].join = Join::Comma;
            (terms[0].condition, terms[0].using) = (None, None);
            FromClause { terms }
        })
        .boxed()
}

fn from_item(e: impl Strategy<Value = Expression> + Clone + 'static) -> impl Strategy<Value = FromItem> {
    let as_of =
        option::of(e.clone().prop_map(|value| Clause { value, is_fetch: false, position: position() }));
    let names = (option::of(identifier()), option::of(identifier()), option::of(identifier()));
    (e, any::<bool>(), as_of, names).prop_map(|(value, unpivot, as_of, (alias, at, by))| FromItem {
        value,
        unpivot: unpivot.then(position),
        as_of,
        alias,
        at,
        by,
        position: position(),
    })
}

fn simple_path() -> impl Strategy<Value = SimplePath> {
    let step = prop_oneof![
        identifier().prop_map(|name| SimpleStep::Field(name.name)),
        any::<u64>().prop_map(SimpleStep::Index),
    ];
    (identifier(), vec(step, 0..3)).prop_map(|(root, steps)| SimplePath { root, steps })
}

fn extension() -> Extension {
    Extension { position: position(), found: String::new(), kind: String::new() }
}

fn insertion() -> impl Strategy<Value = Insertion> {
    prop_oneof![
        (expression(), option::of(expression())).prop_map(|(value, at)| Insertion::One { value, at }),
        expression().prop_map(Insertion::Each),
        (vec(identifier(), 1..3), vec(vec(expression(), 0..3), 1..3))
            .prop_map(|(columns, rows)| Insertion::Rows { columns, rows, extension: extension() }),
        (vec(identifier(), 1..3), query(expression())).prop_map(|(columns, query)| Insertion::Query {
            columns,
            query: Expression::Query(Box::new(query)),
            extension: extension(),
        }),
    ]
}

fn modify() -> impl Strategy<Value = Statement> {
    let operation = prop_oneof![
        vec((simple_path(), expression()), 1..3).prop_map(Operation::Set),
        (simple_path(), insertion()).prop_map(|(target, insertion)| Operation::Insert { target, insertion }),
        simple_path().prop_map(Operation::Remove),
    ];
    let names = (option::of(identifier()), option::of(identifier()), option::of(identifier()));
    let single = (identifier(), names).prop_map(|(name, (alias, at, by))| {
        let value = Expression::Variable(Variable { name, local: false });
        let item = FromItem { value, unpivot: None, as_of: None, alias, at, by, position: position() };
        let source = FromSource::Item(Box::new(item));
        FromClause {
            terms: vec![FromTerm {
                join: Join::Comma,
                source,
                condition: None,
                using: None,
                position: position(),
            }],
        }
    });
    (single, from(expression()), operation, option::of(expression()), 0..3)
        .prop_map(|(single, from, operation, condition, form)| match form {
            0 => Modify { form: ModifyForm::Update, from: single, condition, operation },
            1 => Modify { form: ModifyForm::Delete, from: single, condition, operation: Operation::Delete },
            _ => Modify { form: ModifyForm::From, from, condition, operation },
        })
        .prop_map(|modify| Statement::Modify(Box::new(modify)))
}

fn statement() -> impl Strategy<Value = Statement> {
    let plain = prop_oneof![
        6 => query(expression()).prop_map(|query| Statement::Query(Expression::Query(Box::new(query)))),
        3 => expression().prop_map(Statement::Query),
        4 => modify(),
        2 => (simple_path(), insertion(), option::of(any::<bool>())).prop_map(|(target, insertion, replace)| {
            let on_conflict = replace.map(|replace| ConflictAction { replace, position: position() });
            Statement::Insert { target, insertion, on_conflict }
        }),
        1 => (identifier(), vec((identifier(), expression()), 0..2), any::<bool>()).prop_map(
            |(name, options, condition)| Statement::CreateTable {
                name, options, if_not_exists: condition.then(extension),
            }
        ),
        1 => (option::of(identifier()), identifier(), vec(vec(identifier(), 1..3), 1..3), any::<[bool; 2]>()).prop_map(
            |(name, table, paths, [unique, if_not_exists])| Statement::CreateIndex {
                extension: (name.is_some() || if_not_exists).then(extension), name, if_not_exists, table, paths, unique,
                position: position(),
            }
        ),
        1 => (identifier(), option::of(identifier()), any::<bool>()).prop_map(|(index, table, if_exists)| {
            // Whether a part is in QLDB's form follows from the other parts.
            let extension = (if_exists || table.is_none()).then(extension);
            Statement::DropIndex { index, table, if_exists, extension }
        }),
        1 => (identifier(), any::<bool>())
            .prop_map(|(name, condition)| Statement::DropTable { name, if_exists: condition.then(extension) }),
        1 => identifier().prop_map(|table_id| Statement::UndropTable { table_id }),
        // G9: what follows the procedure does not begin with a parenthesis.
        1 => (identifier(), literal(), vec(expression(), 0..3)).prop_map(|(procedure, first, rest)| {
            Statement::Exec { procedure, arguments: std::iter::once(first).chain(rest).collect() }
        }),
    ];
    (plain, prop::bool::weighted(0.1), any::<bool>()).prop_map(
        |(statement, explain, analyze)| match statement {
            Statement::Query(expression) if explain && !matches!(expression, Expression::Query(_)) => {
                Statement::Query(expression)
            }
            statement if explain => Statement::Explain {
                analyze: analyze.then(|| Identifier {
                    name: "ANALYZE".to_owned(),
                    position: position(),
                    is_quoted: false,
                }),
                statement: Box::new(statement),
                position: position(),
            },
            statement => statement,
        },
    )
}
