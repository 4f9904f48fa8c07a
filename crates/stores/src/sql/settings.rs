//! The settings on which durability depends.

use everstrand_ledger::storage::slots::SlotError;

use super::connection::Connection;
use crate::location::{Replication, SqlPlace};

/// A setting as the database has it.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    /// Why a journal cannot rely on it.
    pub(crate) unfit: Option<String>,
}

/// The settings, each judged.
pub(crate) async fn settings(place: &SqlPlace, replication: Replication) -> Result<Vec<Setting>, SlotError> {
    const QUERY: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
        current_setting('synchronous_commit'), pg_is_in_recovery()::text, \
        current_setting('synchronous_standby_names'), current_setting('server_version')";
    let mut connection = Connection::new(&place.url).map_err(|error| SlotError::Denied(error.to_string()))?;
    let rows = connection.query(QUERY, &[]).await.map_err(|failed| failed.of_read("the settings"))?;
    let row = rows.first().ok_or_else(|| SlotError::NotSent("the database showed no settings".to_owned()))?;
    let setting = |name, column, judge: &dyn Fn(&str) -> Option<String>| {
        let value: String = row.get(column);
        Setting { name, unfit: judge(&value), value }
    };
    let must_be_on =
        |what: &'static str| move |value: &str| (value != "on").then(|| format!("{what} unless it is on"));
    Ok(vec![
        setting("fsync", 0, &must_be_on("a loss of power loses acknowledged slots")),
        setting("full_page_writes", 1, &must_be_on("a loss of power damages pages")),
        setting("synchronous_commit", 2, &|value| {
            matches!(value, "off" | "local")
                .then(|| "a commit is acknowledged before it is where it must be: set it to on".to_owned())
        }),
        setting("pg_is_in_recovery", 3, &|value| {
            (value == "true").then(|| "this server is a standby and takes no writes".to_owned())
        }),
        setting("synchronous_standby_names", 4, &|value| {
            (value.is_empty() && replication == Replication::Standby).then(|| {
                "no commit waits for a standby, so losing this machine loses slots. Name a standby, or say \
                 --single-node if there is one machine only, or --replicated-storage if the storage below replicates"
                    .to_owned()
            })
        }),
        setting("server_version", 5, &|_| None),
    ])
}
