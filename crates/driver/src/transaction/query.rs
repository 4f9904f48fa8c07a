//! A statement with its parameters, and the forms in which its rows can be had.

use std::sync::Arc;

use everstrand_ion::serde::{from_value, to_document};
use everstrand_ion::{Document, RawValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::parameters::Parameters;
use crate::transaction::core::{Core, Statistics};
use crate::transaction::cursor::{Cursor, document};
use crate::transaction::rows::{Rows, row};
use crate::transport::Transport;

/// A statement of a transaction that has not run yet. It runs when its rows are asked for.
///
/// Everything fails as [`Transaction::execute`](crate::Transaction::execute) does, and with [`Error::Row`] if a row does not
/// fit the type.
#[derive(Debug)]
#[must_use = "a query does nothing until its rows are asked for"]
pub struct Query<'t, 's, T: Transport> {
    transaction: &'t Arc<Core<T>>,
    statement: &'s str,
    parameters: Vec<Document>,
}

/// All rows of a result. They outlive the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferedRows<R> {
    /// The rows, in order.
    pub rows: Vec<R>,
    /// The costs of the statement with all its pages.
    pub statistics: Statistics,
}

impl<'t, 's, T: Transport> Query<'t, 's, T> {
    pub(crate) fn new(transaction: &'t Arc<Core<T>>, statement: &'s str) -> Query<'t, 's, T> {
        Query { transaction, statement, parameters: Vec::new() }
    }

    /// Adds the value for the next `?`. An error names its number and the field that has no form in Ion.
    pub fn bind<P: Serialize>(mut self, value: P) -> Result<Query<'t, 's, T>, Error> {
        let position = self.parameters.len() + 1;
        let document = to_document(&value).map_err(|error| Error::of_parameter(position, &error))?;
        self.parameters.push(document);
        Ok(self)
    }

    /// Adds values for the next `?`s, for example those of [`params!`](crate::params).
    pub fn bind_all(mut self, values: impl Parameters) -> Query<'t, 's, T> {
        self.parameters.extend(values.into_documents());
        self
    }

    /// Runs the statement, and returns a cursor over rows of Ion.
    pub async fn execute(self) -> Result<Cursor<'t, T>, Error> {
        let result = self.transaction.execute(self.statement, self.parameters).await?;
        Ok(Cursor::new(self.transaction, result))
    }

    /// Runs the statement, and returns a stream of its rows.
    pub async fn stream<R: DeserializeOwned>(self) -> Result<Rows<'t, T, R>, Error> {
        self.execute().await.map(Rows::new)
    }

    /// All rows.
    pub async fn fetch_all<R: DeserializeOwned>(self) -> Result<Vec<R>, Error> {
        self.fetch_buffered().await.map(|buffered| buffered.rows)
    }

    /// All rows, with what they cost.
    pub async fn fetch_buffered<R: DeserializeOwned>(self) -> Result<BufferedRows<R>, Error> {
        let mut cursor = self.execute().await?;
        let mut rows = Vec::with_capacity(cursor.rows_at_hand());
        let mut number = 0;
        loop {
            while let Some(value) = cursor.next_value() {
                number += 1;
                rows.push(row(number, &value)?);
            }
            if !cursor.turn_page().await? {
                return Ok(BufferedRows { rows, statistics: cursor.statistics() });
            }
        }
    }

    /// The only row; `None` if there is none. More than one is [`Error::ManyRows`].
    pub async fn fetch_optional<R: DeserializeOwned>(self) -> Result<Option<R>, Error> {
        self.only().await?.map(|found| decode(found.root())).transpose()
    }

    /// The only row. None is [`Error::NoRow`], and more than one is [`Error::ManyRows`].
    pub async fn fetch_one<R: DeserializeOwned>(self) -> Result<R, Error> {
        decode(self.only().await?.ok_or(Error::NoRow)?.root())
    }

    /// The only value of the only row: the row itself, as `SELECT VALUE` makes it, or its one field. No row is
    /// [`Error::NoRow`], and more than one is [`Error::ManyRows`].
    pub async fn fetch_scalar<R: DeserializeOwned>(self) -> Result<R, Error> {
        let found = self.only().await?.ok_or(Error::NoRow)?;
        let mut fields = found.root().fields();
        match (fields.next(), fields.next()) {
            (Some((_, only)), None) => decode(only),
            (Some(_), Some(_)) => {
                let message = "a scalar was asked for, and the row has more than one field".to_owned();
                Err(Error::Row { row: 1, path: String::new(), message })
            }
            (None, _) => decode(found.root()),
        }
    }

    /// The number of rows. They are fetched, but not decoded; `SELECT COUNT(*)` lets the service count.
    pub async fn count(self) -> Result<u64, Error> {
        let mut cursor = self.execute().await?;
        let mut count = 0;
        loop {
            count += cursor.rows_at_hand() as u64;
            if !cursor.turn_page().await? {
                return Ok(count);
            }
        }
    }

    async fn only(self) -> Result<Option<Document>, Error> {
        let mut cursor = self.execute().await?;
        let mut found = None;
        loop {
            while let Some(value) = cursor.next_value() {
                if found.replace(value).is_some() {
                    return Err(Error::ManyRows);
                }
            }
            if !cursor.turn_page().await? {
                return found.as_ref().map(document).transpose();
            }
        }
    }
}

fn decode<R: DeserializeOwned>(value: RawValue<'_>) -> Result<R, Error> {
    from_value(value).map_err(|error| Error::of_row(1, &error))
}
