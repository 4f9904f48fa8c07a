//! Conditions that the tables check before they make a document of a row. Making a document takes longer than most
//! conditions, and most rows of a scan meet none.

use super::shape::{conjunction, conjuncts, is_total_condition};
use crate::plan::{AccessPlan, Expression, Function, Node, Scan};
use crate::tables::SourceKind;

/// Gives the scans below a node the first conditions of the filters above them.
pub(super) fn push(node: &mut Node) {
    match node {
        Node::Filter { input, condition } => match &mut **input {
            Node::Scan(scan) => push_into(scan, condition),
            input => push(input),
        },
        Node::Join { left, right, .. } => {
            push(left);
            push(right);
        }
        Node::HashJoin(join) => {
            [&mut join.left, &mut join.right].into_iter().chain(&mut join.otherwise).for_each(push);
        }
        Node::HashLookup(lookup) => {
            push(&mut lookup.input);
            push(&mut lookup.otherwise);
        }
        Node::FullJoin(join) => {
            push(&mut join.left);
            push(&mut join.right);
        }
        _ => {}
    }
}

fn push_into(scan: &mut Scan, condition: &Expression) {
    if scan.source.kind != SourceKind::User
        || scan.source.as_of.is_some()
        || scan.access != AccessPlan::Scan
        || scan.slots.by.is_some()
    {
        return;
    }
    let conditions = conjuncts(condition.clone());
    let first = conditions.iter().take_while(|condition| may_be_pushed(condition));
    let first: Vec<Expression> = first.cloned().collect();
    scan.filter_is_whole = first.len() == conditions.len();
    scan.filter = conjunction(first);
}

/// Whether a condition cannot fail and asks the tables nothing, because they are busy.
fn may_be_pushed(condition: &Expression) -> bool {
    let asks_tables = |part: &Expression| {
        matches!(part, Expression::Query(_) | Expression::Call { function: Function::TxId, .. })
    };
    is_total_condition(condition) && !condition.any(&mut |part| asks_tables(part))
}
