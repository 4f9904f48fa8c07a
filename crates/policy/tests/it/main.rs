//! What policies mean, as tables and as a second evaluator.

mod naive;
mod tables;
