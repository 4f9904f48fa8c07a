//! A condition is TRUE, FALSE or unknown: the rows of the three parts are all rows, by scan and by index, one after the
//! other and put together by UNION ALL.

use everstrand_ion::{Document, Value};
use everstrand_partiql::Options;
use everstrand_testkit::Random;

use super::query::{Expression, Query};
use super::{NO_BOOLEAN, QUERIES_PER_WORLD, canonical, generate, tables_of, wanted};
use crate::memory::MemoryTables;
use crate::statements::run;

/// The rows of a query, or of several put together by UNION ALL, sorted; nothing if a condition was no boolean.
fn sorted(tables: &mut MemoryTables, queries: &[Query]) -> Option<Vec<Vec<u8>>> {
    let printed: Vec<(String, Vec<Value>)> = queries.iter().map(Query::print).collect();
    let text = printed.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" UNION ALL ");
    let parameters: Vec<Document> =
        printed.iter().flat_map(|(_, parameters)| parameters).map(Document::from).collect();
    let rows = match run(tables, &text, &parameters, &Options::default()) {
        Err(error) if error.to_string().contains(NO_BOOLEAN) => return None,
        outcome => outcome.unwrap_or_else(|error| panic!("{error}\n{text}")).rows,
    };
    let rows: Vec<Value> = rows.iter().map(Document::to_value).collect();
    let mut rows = canonical(&rows);
    rows.sort();
    Some(rows)
}

#[test]
fn a_condition_its_negation_and_its_being_unknown_part_all_rows() {
    let mut random = Random::new(wanted("MODEL_SEED", 11));
    let (mut conditions, mut parts_with_rows) = (0u64, [0u64; 3]);
    while conditions < wanted("MODEL_PARTITIONS", 600) {
        let world = generate::world(&mut random);
        let indexes = generate::indexes(&mut random);
        for _ in 0..QUERIES_PER_WORLD {
            let query = generate::query(&mut random);
            let Some(condition) = query.condition.clone() else { continue };
            if query.group.is_some() || query.limit.is_some() || query.offset.is_some() || query.distinct {
                continue;
            }
            if query.items.iter().any(|item| matches!(item, Expression::CountAll | Expression::Aggregate(..)))
            {
                continue;
            }
            let with = |condition| Query { condition, order: Vec::new(), ..query.clone() };
            let parts = [
                with(Some(condition.clone())),
                with(Some(Expression::Not(Box::new(condition.clone())))),
                with(Some(Expression::IsNull(Box::new(condition), false))),
            ];
            for indexes in [&[][..], &indexes] {
                let mut tables = tables_of(&world, indexes);
                let all = sorted(&mut tables, &[with(None)]).expect("no condition");
                let found: Option<Vec<_>> =
                    parts.iter().map(|part| sorted(&mut tables, std::slice::from_ref(part))).collect();
                let Some(found) = found else { continue };
                for (count, part) in parts_with_rows.iter_mut().zip(&found) {
                    *count += u64::from(!part.is_empty());
                }
                let mut together = found.concat();
                together.sort();
                assert_eq!(together.len(), all.len(), "{}\n{indexes:?}", query.print().0);
                assert!(together == all, "{}\n{indexes:?}", query.print().0);
                assert!(sorted(&mut tables, &parts).is_some_and(|union| union == all), "{}", query.print().0);
            }
            conditions += 1;
        }
    }
    println!("{conditions} conditions; TRUE, FALSE and unknown have rows {parts_with_rows:?} times");
    assert!(parts_with_rows.iter().all(|count| *count > 50), "{parts_with_rows:?}");
}
