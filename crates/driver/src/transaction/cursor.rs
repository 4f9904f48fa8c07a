//! Reads the result of a statement, page by page.

use std::sync::{Arc, Weak};
use std::vec;

use everstrand_ion::{Document, text};
use everstrand_protocol::send_command::{
    ExecuteStatementResult, FetchPageResult, Page, PageToken, ValueHolder,
};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::runtime::in_background;
use crate::transaction::core::{Core, Statistics};
use crate::transport::Transport;

/// The rows of a result. The first page comes with the answer to the statement. Each further page is fetched when it is
/// needed, or before that if the driver reads ahead. A cursor borrows its transaction, so it cannot outlive it.
#[derive(Debug)]
pub struct Cursor<'t, T: Transport> {
    transaction: &'t Arc<Core<T>>,
    /// The rest of the current page.
    values: vec::IntoIter<ValueHolder>,
    rest: Rest,
    statistics: Statistics,
}

/// The source of the pages after the current one.
#[derive(Debug)]
enum Rest {
    Nothing,
    Token(PageToken),
    /// The pages that a task fetches, and the token of the next one.
    Ahead(mpsc::Receiver<Result<FetchPageResult, Error>>, PageToken),
}

/// Decodes the values of a page. An error means that one of them is not Ion.
pub fn documents(page: &Page) -> Result<Vec<Document>, Error> {
    page.values.iter().map(document).collect()
}

impl<'t, T: Transport> Cursor<'t, T> {
    /// A cursor over a result. It holds at most as many pages as the transaction may read ahead, with the one that is read.
    pub(crate) fn new(transaction: &'t Arc<Core<T>>, result: ExecuteStatementResult) -> Cursor<'t, T> {
        let mut statistics = Statistics::default();
        statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        let read_ahead = transaction.read_ahead();
        let rest = match result.first_page.next_page_token {
            Some(token) if read_ahead >= 2 => {
                let (sender, receiver) = mpsc::channel(read_ahead - 1);
                in_background(read_pages(Arc::downgrade(transaction), token.clone(), sender));
                Rest::Ahead(receiver, token)
            }
            Some(token) => Rest::Token(token),
            None => Rest::Nothing,
        };
        Cursor { transaction, values: result.first_page.values.into_iter(), rest, statistics }
    }

    /// The token of the page after the current one; `None` on the last page. [`Transaction::fetch_page`] takes it.
    ///
    /// [`Transaction::fetch_page`]: crate::Transaction::fetch_page
    pub fn page_token(&self) -> Option<&PageToken> {
        match &self.rest {
            Rest::Nothing => None,
            Rest::Token(token) | Rest::Ahead(_, token) => Some(token),
        }
    }

    /// The number of rows that are left of the current page.
    pub fn rows_at_hand(&self) -> usize {
        self.values.len()
    }

    /// The next row; `None` after the last one. An error means that the next page could not be fetched, or that the row is
    /// not Ion.
    pub async fn next(&mut self) -> Result<Option<Document>, Error> {
        loop {
            if let Some(value) = self.values.next() {
                return document(&value).map(Some);
            }
            if !self.turn_page().await? {
                return Ok(None);
            }
        }
    }

    /// The rest of the current page; if it has none, the next page with rows; `None` after the last one. Pages may have any
    /// number of rows, and even none. Fails as [`Cursor::next`] does.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Document>>, Error> {
        while self.values.len() == 0 {
            if !self.turn_page().await? {
                return Ok(None);
            }
        }
        self.values.by_ref().map(|value| document(&value)).collect::<Result<_, _>>().map(Some)
    }

    /// All rows that are left. They can be used after the end of the transaction. Fails as [`Cursor::next`] does.
    pub async fn fetch_all(mut self) -> Result<Vec<Document>, Error> {
        let mut rows = Vec::with_capacity(self.values.len());
        while let Some(page) = self.next_page().await? {
            rows.extend(page);
        }
        Ok(rows)
    }

    /// The costs of the pages so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The next row as it came; `None` after the last one of the current page.
    pub(crate) fn next_value(&mut self) -> Option<ValueHolder> {
        self.values.next()
    }

    /// Goes to the next page. Returns whether there is one.
    pub(crate) async fn turn_page(&mut self) -> Result<bool, Error> {
        let result = match &mut self.rest {
            Rest::Nothing => return Ok(false),
            Rest::Token(token) => self.transaction.fetch_page(token).await?,
            Rest::Ahead(pages, _) => match pages.recv().await {
                Some(result) => result?,
                // The runtime stops, and has stopped the task before the last page.
                None => return Err(self.transaction.over()),
            },
        };
        self.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        self.values = result.page.values.into_iter();
        match (result.page.next_page_token, &mut self.rest) {
            (Some(next), Rest::Token(token) | Rest::Ahead(_, token)) => *token = next,
            (_, rest) => *rest = Rest::Nothing,
        }
        Ok(true)
    }
}

/// Fetches pages until the last one or an error, or until the cursor is dropped.
async fn read_pages<T: Transport>(
    transaction: Weak<Core<T>>,
    first: PageToken,
    pages: mpsc::Sender<Result<FetchPageResult, Error>>,
) {
    let mut next = Some(first);
    while let Some(token) = next {
        // Waits for room before it fetches, so that no more pages are held than allowed.
        let Ok(room) = pages.reserve().await else { return };
        let Some(transaction) = transaction.upgrade() else { return };
        let result = transaction.fetch_page(&token).await;
        drop(transaction);
        next = result.as_ref().ok().and_then(|result| result.page.next_page_token.clone());
        room.send(result);
    }
}

pub(crate) fn document(value: &ValueHolder) -> Result<Document, Error> {
    Ok(match value {
        ValueHolder::IonBinary(bytes) => Document::from_binary(bytes)?,
        ValueHolder::IonText(text) => Document::from(&text::read_one(text)?),
    })
}
