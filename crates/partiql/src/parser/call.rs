//! Parses calls of functions, also those with a syntax of their own, and the names of types.

use super::{Parser, is_keyword};
use crate::ast::{Expression, Identifier};
use crate::error::PartiqlError;
use crate::expression::{AggregateFunction, DatePart, FunctionForm, TrimSide, Type};
use crate::lexer::TokenKind;
use crate::position::Position;

impl Parser<'_> {
    /// A call with the clauses after it. Its name and `(` come next.
    pub(super) fn call(&mut self) -> Result<Expression, PartiqlError> {
        let call = self.plain_call()?;
        self.call_clauses(call)
    }

    fn plain_call(&mut self) -> Result<Expression, PartiqlError> {
        let function = self.any_identifier("Expected a function")?;
        let position = function.position;
        self.expect("(")?;
        let name = function.name.to_ascii_lowercase();
        let collection = name.starts_with("coll_");
        if let Some(aggregate) = aggregate_function(name.strip_prefix("coll_").unwrap_or(&name)) {
            return self.aggregate(aggregate, collection, position);
        }
        match name.as_str() {
            "date_add" => self.date_arithmetic(FunctionForm::DateAdd, position),
            "date_diff" => self.date_arithmetic(FunctionForm::DateDiff, position),
            "extract" => self.extract(position),
            "trim" => self.trim(position),
            "position" => self.position_of(function),
            "substring" => self.substring(function),
            "diff" => self.diff(function),
            _ => {
                let arguments = self.arguments()?;
                Ok(named(function, arguments))
            }
        }
    }

    /// Arguments up to and including `)`.
    fn arguments(&mut self) -> Result<Vec<Expression>, PartiqlError> {
        if self.accept(")") {
            return Ok(Vec::new());
        }
        let arguments = self.list(Self::expression_or_query)?;
        self.expect(")")?;
        Ok(arguments)
    }

    fn aggregate(
        &mut self,
        function: AggregateFunction,
        collection: bool,
        position: Position,
    ) -> Result<Expression, PartiqlError> {
        if self.is("*") {
            if function != AggregateFunction::Count {
                return Err(self.error("unsupported function call with * argument", "Only COUNT takes *"));
            }
            self.step();
            self.expect(")")?;
            let function = FunctionForm::Aggregate { function, collection, distinct: false };
            return Ok(Expression::Call { function, arguments: Vec::new(), position });
        }
        let distinct = self.accept_keyword("distinct");
        if !distinct {
            self.accept_keyword("all");
        }
        if self.is(")") {
            return Err(self.error("aggregate functions take one argument", "Expected an argument"));
        }
        let arguments = vec![self.expression()?];
        self.expect(")")?;
        let function = FunctionForm::Aggregate { function, collection, distinct };
        Ok(Expression::Call { function, arguments, position })
    }

    fn date_arithmetic(
        &mut self,
        form: fn(DatePart) -> FunctionForm,
        position: Position,
    ) -> Result<Expression, PartiqlError> {
        let part = self.date_part()?;
        // DATE_ADD and DATE_DIFF cannot count in timezones.
        if matches!(part, DatePart::TimezoneHour | DatePart::TimezoneMinute) {
            return Err(PartiqlError::parser(
                position,
                "unexpected token found, a timezone is not a part to count in",
                "expected one of: [year, month, day, hour, minute, second]",
            ));
        }
        self.expect(",")?;
        let first = self.expression()?;
        self.expect(",")?;
        let arguments = vec![first, self.expression()?];
        self.expect(")")?;
        Ok(Expression::Call { function: form(part), arguments, position })
    }

    fn extract(&mut self, position: Position) -> Result<Expression, PartiqlError> {
        let part = self.date_part()?;
        self.expect_keyword("from")?;
        let arguments = vec![self.expression()?];
        self.expect(")")?;
        Ok(Expression::Call { function: FunctionForm::Extract(part), arguments, position })
    }

    fn date_part(&mut self) -> Result<DatePart, PartiqlError> {
        let part = match self.kind() {
            TokenKind::Keyword("year") => DatePart::Year,
            TokenKind::Keyword("month") => DatePart::Month,
            TokenKind::Keyword("day") => DatePart::Day,
            TokenKind::Keyword("hour") => DatePart::Hour,
            TokenKind::Keyword("minute") => DatePart::Minute,
            TokenKind::Keyword("second") => DatePart::Second,
            TokenKind::Keyword("timezone_hour") => DatePart::TimezoneHour,
            TokenKind::Keyword("timezone_minute") => DatePart::TimezoneMinute,
            _ => {
                return Err(self.error(
                    "expected date part",
                    "expected one of: [year, month, day, hour, minute, second, timezone_hour, timezone_minute]",
                ));
            }
        };
        self.step();
        Ok(part)
    }

    fn trim(&mut self, position: Position) -> Result<Expression, PartiqlError> {
        let side = match self.kind() {
            TokenKind::Keyword("leading") => Some(TrimSide::Leading),
            TokenKind::Keyword("trailing") => Some(TrimSide::Trailing),
            TokenKind::Keyword("both") => Some(TrimSide::Both),
            _ => None,
        };
        if side.is_some() {
            self.step();
        }
        let arguments = if self.accept_keyword("from") {
            vec![self.expression()?]
        } else {
            let first = self.expression()?;
            if side.is_none() && !self.is_keyword("from") {
                vec![first]
            } else {
                self.expect_keyword("from")?;
                vec![self.expression()?, first]
            }
        };
        self.expect(")")?;
        let function = FunctionForm::Trim(side.unwrap_or(TrimSide::Both));
        Ok(Expression::Call { function, arguments, position })
    }

    /// `SUBSTRING(a FROM b FOR c)` becomes `SUBSTRING(a, b, c)`.
    fn substring(&mut self, function: Identifier) -> Result<Expression, PartiqlError> {
        if self.accept(")") {
            return Ok(named(function, Vec::new()));
        }
        let mut arguments = vec![self.expression()?];
        if self.accept_keyword("from") {
            arguments.push(self.expression()?);
            if self.accept_keyword("for") {
                arguments.push(self.expression()?);
            }
        } else {
            self.further_arguments(&mut arguments)?;
        }
        self.expect(")")?;
        Ok(named(function, arguments))
    }

    /// `DIFF(table, AS OF moment [, AS OF moment])`. Without AS OF it is a call like any other.
    fn diff(&mut self, function: Identifier) -> Result<Expression, PartiqlError> {
        if self.accept(")") {
            return Ok(named(function, Vec::new()));
        }
        let mut arguments = vec![self.expression_or_query()?];
        if !self.as_of_follows() {
            self.further_arguments(&mut arguments)?;
            self.expect(")")?;
            return Ok(named(function, arguments));
        }
        self.step();
        let form = FunctionForm::Diff(self.position());
        for number in 0..2 {
            self.step();
            self.step();
            arguments.push(self.operand()?);
            if number > 0 || !self.as_of_follows() {
                break;
            }
            self.step();
        }
        self.expect(")")?;
        Ok(Expression::Call { function: form, arguments, position: function.position })
    }

    /// Whether `, AS OF` comes next.
    fn as_of_follows(&self) -> bool {
        self.is(",") && is_keyword(self.kind_after(1), "as") && is_keyword(self.kind_after(2), "of")
    }

    /// `, e, …` as far as they come next.
    fn further_arguments(&mut self, arguments: &mut Vec<Expression>) -> Result<(), PartiqlError> {
        while self.accept(",") {
            arguments.push(self.expression()?);
        }
        Ok(())
    }

    /// `POSITION(a IN b)` becomes `POSITION(a, b)`.
    fn position_of(&mut self, function: Identifier) -> Result<Expression, PartiqlError> {
        if self.accept(")") {
            return Ok(named(function, Vec::new()));
        }
        let mut arguments = vec![self.expression_before_in()?];
        if self.accept_keyword("in") {
            arguments.push(self.expression()?);
        } else {
            self.further_arguments(&mut arguments)?;
        }
        self.expect(")")?;
        Ok(named(function, arguments))
    }

    /// `CAST(value AS type)`. CAST comes next.
    pub(super) fn cast(&mut self) -> Result<Expression, PartiqlError> {
        let position = self.position();
        self.step();
        self.expect("(")?;
        let value = Box::new(self.expression()?);
        self.expect_keyword("as")?;
        let to = self.type_name()?;
        self.expect(")")?;
        Ok(Expression::Cast { value, to, position })
    }

    /// A type. Its lengths are read and dropped, because they mean nothing in this dialect.
    pub(super) fn type_name(&mut self) -> Result<Type, PartiqlError> {
        let word = match self.kind() {
            TokenKind::Keyword(word) => *word,
            // BIGINT is not reserved, so that it comes as an identifier. All ints have one size.
            TokenKind::Identifier(word) if word.eq_ignore_ascii_case("bigint") => "bigint",
            _ => return Err(self.error("expected type name", "Expected type name")),
        };
        let (of, lengths) = match word {
            "null" => (Type::Null, 0),
            "missing" => (Type::Missing, 0),
            "bool" | "boolean" => (Type::Boolean, 0),
            "int" | "integer" | "smallint" | "bigint" => (Type::Integer, 0),
            "float" => (Type::Float, 1),
            "real" | "double" => (Type::Float, 0),
            "decimal" | "dec" | "numeric" => (Type::Decimal, 2),
            "timestamp" => (Type::Timestamp, 0),
            "symbol" => (Type::Symbol, 0),
            "string" => (Type::String, 0),
            "char" | "character" | "varchar" => (Type::String, 1),
            "clob" => (Type::Clob, 0),
            "blob" => (Type::Blob, 0),
            "list" => (Type::List, 0),
            "sexp" => (Type::Sexp, 0),
            "struct" | "tuple" => (Type::Struct, 0),
            "bag" => (Type::Bag, 0),
            _ => return Err(self.error("expected type name", "Expected type name")),
        };
        match word {
            "double" => {
                self.step();
                self.expect_keyword("precision")?;
            }
            "character" => {
                self.step();
                self.accept_keyword("varying");
            }
            _ => self.step(),
        }
        if lengths > 0 && self.accept("(") {
            let given = self.list(|parser| match parser.kind() {
                TokenKind::Literal(value) if value.as_i64().is_some() => {
                    parser.step();
                    Ok(())
                }
                _ => Err(parser.error("expected integer value", "Expected a length")),
            })?;
            if given.len() > lengths {
                return Err(self.error("invalid type arguments", "Too many lengths of a type"));
            }
            self.expect(")")?;
        }
        Ok(of)
    }
}

fn named(function: Identifier, arguments: Vec<Expression>) -> Expression {
    let Identifier { name, position, .. } = function;
    Expression::Call { function: FunctionForm::Named(name.into()), arguments, position }
}

fn aggregate_function(name: &str) -> Option<AggregateFunction> {
    Some(match name {
        "avg" => AggregateFunction::Avg,
        "count" => AggregateFunction::Count,
        "max" => AggregateFunction::Max,
        "min" => AggregateFunction::Min,
        "sum" => AggregateFunction::Sum,
        _ => return None,
    })
}
