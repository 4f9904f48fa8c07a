//! The rows of a result as values of a Rust type.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use everstrand_ion::serde::from_value;
use everstrand_protocol::send_command::{PageToken, ValueHolder};
use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::transaction::core::Statistics;
use crate::transaction::cursor::{Cursor, document};
use crate::transport::Transport;

/// The rows of a result as values of a type. It is a stream, which borrows the transaction and cannot outlive it.
///
/// A page is fetched when its first row is asked for, or before that if the driver reads ahead. A row that does not fit the
/// type is an [`Error::Row`], and the next call goes on behind it. After any other error there are no more rows.
pub struct Rows<'t, T: Transport, R> {
    at: At<'t, T>,
    row: u64,
    statistics: Statistics,
    rows: PhantomData<fn() -> R>,
}

/// A page that is being fetched, with the cursor that fetches it.
type Turning<'t, T> = Pin<Box<dyn Future<Output = (Cursor<'t, T>, Result<bool, Error>)> + Send + 't>>;

enum At<'t, T: Transport> {
    Page(Cursor<'t, T>),
    Turning(Turning<'t, T>),
    End,
}

impl<'t, T: Transport, R: DeserializeOwned> Rows<'t, T, R> {
    pub(crate) fn new(cursor: Cursor<'t, T>) -> Rows<'t, T, R> {
        let statistics = cursor.statistics();
        Rows { at: At::Page(cursor), row: 0, statistics, rows: PhantomData }
    }

    /// The next row; `None` after the last one. It may be dropped before it is ready, and called again.
    pub async fn next(&mut self) -> Option<Result<R, Error>> {
        poll_fn(|context| self.poll(context)).await
    }

    /// The costs of the pages so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The token of the page after the current one; `None` on the last page, and while a page is fetched.
    pub fn page_token(&self) -> Option<&PageToken> {
        match &self.at {
            At::Page(cursor) => cursor.page_token(),
            At::Turning(_) | At::End => None,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<R, Error>>> {
        loop {
            match std::mem::replace(&mut self.at, At::End) {
                At::End => return Poll::Ready(None),
                At::Page(mut cursor) => match cursor.next_value() {
                    Some(value) => {
                        self.at = At::Page(cursor);
                        self.row += 1;
                        return Poll::Ready(Some(row(self.row, &value)));
                    }
                    None => {
                        self.at = At::Turning(Box::pin(async move {
                            let turned = cursor.turn_page().await;
                            (cursor, turned)
                        }));
                    }
                },
                At::Turning(mut turning) => {
                    let Poll::Ready((cursor, turned)) = turning.as_mut().poll(context) else {
                        self.at = At::Turning(turning);
                        return Poll::Pending;
                    };
                    self.statistics = cursor.statistics();
                    match turned {
                        Ok(true) => self.at = At::Page(cursor),
                        Ok(false) => return Poll::Ready(None),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            }
        }
    }
}

/// A row as a value of a type.
pub(crate) fn row<R: DeserializeOwned>(number: u64, value: &ValueHolder) -> Result<R, Error> {
    let document = document(value)?;
    from_value(document.root()).map_err(|error| Error::of_row(number, &error))
}

impl<T: Transport, R: DeserializeOwned> Stream for Rows<'_, T, R> {
    type Item = Result<R, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<R, Error>>> {
        let item = ready!(self.get_mut().poll(context));
        Poll::Ready(item)
    }
}

impl<T: Transport, R> std::fmt::Debug for Rows<'_, T, R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rows").field("row", &self.row).finish_non_exhaustive()
    }
}
