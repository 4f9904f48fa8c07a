//! All that a ledger answers, as lines, so that two states of it can be compared.

use everstrand::QldbDriver;
use everstrand::ion::text;
use everstrand_driver::Error;

use crate::journal::digest;
use crate::load::try_run;
use crate::process::{LEDGER, Server};

/// The catalog, every table's current and past revisions as scans find them, what its first index finds, and
/// the digest. Fails where the ledger says that it cannot answer.
pub(crate) async fn dump(server: &Server) -> Result<Vec<String>, Error> {
    let driver = QldbDriver::builder(LEDGER).retry_limit(1).build_over(server.transport())?;
    let mut lines = Vec::new();
    let catalog = try_run(&driver, "SELECT * FROM information_schema.user_tables", vec![]).await?;
    for table in &catalog {
        lines.push(text::write(&table.to_value()));
        let member = |name: &str| table.root().get(name).and_then(|value| value.as_text()).map(str::to_owned);
        let (name, id) = (member("name").expect("a name"), member("tableId").expect("an id"));
        let mut queries = vec![format!("SELECT * FROM history('{id}')")];
        if member("status").as_deref() == Some("ACTIVE") {
            queries.push(format!("SELECT * FROM _ql_committed_{name}"));
            queries.push(format!("SELECT * FROM {name} AS t WHERE t.n = 7"));
        }
        for query in queries {
            let rows = try_run(&driver, &query, vec![]).await?;
            lines.push(format!("{query}: {} rows", rows.len()));
            lines.extend(rows.iter().map(|row| text::write(&row.to_value())));
        }
    }
    driver.close().await;
    lines.push(text::write(&digest(server).await.to_ion()));
    Ok(lines)
}

/// Fails where two dumps differ, and shows only that place.
pub(crate) fn assert_same(expected: &[String], found: &[String], what: &str) {
    for (line, (expected, found)) in expected.iter().zip(found).enumerate() {
        assert_eq!(expected, found, "line {line} of the dump after: {what}");
    }
    assert_eq!(expected.len(), found.len(), "lines of the dump after: {what}");
}
