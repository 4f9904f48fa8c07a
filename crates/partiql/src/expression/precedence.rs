//! How tight operators bind, for parser and printer.

use super::BinaryOperator;

pub(crate) const OR: u8 = 10;
pub(crate) const AND: u8 = 20;
pub(crate) const NOT: u8 = 30;
/// `=`, `<>`, IS and IN: looser than `<`, BETWEEN and LIKE (G1).
pub(crate) const EQUALITY: u8 = 40;
pub(crate) const COMPARISON: u8 = 50;
const SUM: u8 = 60;
const PRODUCT: u8 = 70;
/// What is no operator.
pub(crate) const TERM: u8 = 100;

impl BinaryOperator {
    pub(crate) fn precedence(self) -> u8 {
        match self {
            BinaryOperator::Equal | BinaryOperator::NotEqual => EQUALITY,
            BinaryOperator::Less
            | BinaryOperator::LessOrEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterOrEqual => COMPARISON,
            BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Concatenate => SUM,
            BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => PRODUCT,
        }
    }
}
