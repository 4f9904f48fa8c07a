//! The system ledger that holds users, groups and policies. Its journal shows every change and when it was made.

use std::collections::BTreeMap;

use everstrand_ion::{Document, Struct, Value};
use everstrand_ledger::{Ledger, LedgerError, Transaction};
use everstrand_protocol::ServiceError;

use super::directory::{Directory, EntryName};
use crate::ledger_errors::service_error;

/// How often a change is tried again after another server's change came between.
const ATTEMPTS: usize = 5;

/// Reads everything, as it is after the last block.
pub(crate) fn read(ledger: &Ledger) -> Result<Directory, ServiceError> {
    let mut transaction = ledger.start_transaction().map_err(service_error)?;
    directory(&entries(&mut transaction).map_err(service_error)?)
}

/// Makes one change. If another server changes something at the same time, the change is made again over that.
pub(crate) fn change<T>(
    ledger: &Ledger,
    mut change: impl FnMut(&mut Directory) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let mut attempt = 1;
    loop {
        ledger.read_barrier().wait().map_err(service_error)?;
        let mut transaction = ledger.start_transaction().map_err(service_error)?;
        let before = entries(&mut transaction).map_err(service_error)?;
        let mut changed = directory(&before)?;
        let answer = change(&mut changed)?;
        let written = write(&mut transaction, &before, &changed.entries());
        match written.and_then(|()| transaction.commit_unchecked().wait()) {
            Ok(_) => return Ok(answer),
            Err(LedgerError::OccConflict { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(service_error(error)),
        }
    }
}

fn directory(entries: &BTreeMap<EntryName, String>) -> Result<Directory, ServiceError> {
    let mut directory = Directory::default();
    for ((kind, name), body) in entries {
        directory.add(kind, name.clone(), body).map_err(|why| {
            service_error(LedgerError::Damaged(format!(
                "{why} (was it written by a newer version of this program?)"
            )))
        })?;
    }
    Ok(directory)
}

fn entries(transaction: &mut Transaction) -> Result<BTreeMap<EntryName, String>, LedgerError> {
    let mut entries = BTreeMap::new();
    let mut page = match transaction.execute("SELECT * FROM identity_entry", &[]) {
        // The first change creates the table.
        Err(LedgerError::BadRequest { code: Some("432"), .. }) => return Ok(entries),
        page => page?,
    };
    loop {
        for document in &page.values {
            let value = document.to_value();
            let text = |field: &str| value.get(field)?.as_text().map(str::to_owned);
            let entry = text("kind").zip(text("name")).zip(text("body"));
            let (name, body) = entry.ok_or_else(|| {
                LedgerError::Damaged("an entry of the identity ledger has not its three texts".to_owned())
            })?;
            entries.insert(name, body);
        }
        match page.next_page_token {
            Some(token) => page = transaction.fetch_page(&token)?,
            None => return Ok(entries),
        }
    }
}

fn write(
    transaction: &mut Transaction,
    before: &BTreeMap<EntryName, String>,
    after: &BTreeMap<EntryName, String>,
) -> Result<(), LedgerError> {
    if before.is_empty() && !after.is_empty() {
        let tables = transaction.execute("SELECT name FROM information_schema.user_tables", &[])?;
        if tables.values.is_empty() {
            transaction.execute("CREATE TABLE identity_entry", &[])?;
        }
    }
    let text = |text: &str| Document::from(&Value::from(text));
    for (entry @ (kind, name), body) in after {
        match before.get(entry) {
            Some(known) if known == body => {}
            Some(_) => {
                let statement = "UPDATE identity_entry AS e SET e.body = ? WHERE e.kind = ? AND e.name = ?";
                transaction.execute(statement, &[text(body), text(kind), text(name)])?;
            }
            None => {
                let fields = [("kind", kind), ("name", name), ("body", body)];
                let fields = fields.map(|(field, value)| (field, Value::from(value.as_str())));
                let document = Document::from(&Value::from(Struct::from_iter(fields)));
                transaction.execute("INSERT INTO identity_entry VALUE ?", &[document])?;
            }
        }
    }
    for entry @ (kind, name) in before.keys() {
        if !after.contains_key(entry) {
            let statement = "DELETE FROM identity_entry AS e WHERE e.kind = ? AND e.name = ?";
            transaction.execute(statement, &[text(kind), text(name)])?;
        }
    }
    Ok(())
}
