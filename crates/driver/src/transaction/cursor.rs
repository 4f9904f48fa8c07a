//! Reads the result of a statement, page by page.

use std::vec;

use everstrand_ion::{Document, text};
use everstrand_protocol::send_command::{
    ExecuteStatementResult, FetchPageResult, IoUsage, Page, PageToken, TimingInformation, ValueHolder,
};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::transaction::{Transaction, WeakTransaction};
use crate::transport::Transport;

/// The costs of statements, as the service reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The number of documents that were read.
    pub read_ios: i64,
    /// The number of writes.
    pub write_ios: i64,
    /// The time in the service, in milliseconds.
    pub processing_time_milliseconds: i64,
}

/// The rows of a result. The first page comes with the answer to the statement. Each further page is fetched when it is
/// needed, or before that if the driver reads ahead. The transaction must be open for it.
#[derive(Debug)]
pub struct Cursor<T: Transport> {
    transaction: Transaction<T>,
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
    Ahead(mpsc::Receiver<Result<FetchPageResult, Error>>),
}

/// Decodes the values of a page. An error means that one of them is not Ion.
pub fn documents(page: &Page) -> Result<Vec<Document>, Error> {
    page.values.iter().map(document).collect()
}

impl<T: Transport> Cursor<T> {
    /// A cursor over a result. It holds at most `read_ahead` pages, with the one that is read. With 0 it fetches a page when
    /// it is needed.
    pub(crate) fn new(
        transaction: Transaction<T>,
        result: ExecuteStatementResult,
        read_ahead: usize,
    ) -> Cursor<T> {
        let mut statistics = Statistics::default();
        statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        let rest = match (result.first_page.next_page_token, tokio::runtime::Handle::try_current()) {
            (Some(token), Ok(runtime)) if read_ahead >= 2 => {
                let (sender, receiver) = mpsc::channel(read_ahead - 1);
                runtime.spawn(read_pages(transaction.downgrade(), token, sender));
                Rest::Ahead(receiver)
            }
            (Some(token), _) => Rest::Token(token),
            (None, _) => Rest::Nothing,
        };
        Cursor { transaction, values: result.first_page.values.into_iter(), rest, statistics }
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

    /// Goes to the next page. Returns whether there is one.
    async fn turn_page(&mut self) -> Result<bool, Error> {
        let result = match &mut self.rest {
            Rest::Nothing => return Ok(false),
            Rest::Token(token) => self.transaction.fetch_page(token).await?,
            Rest::Ahead(pages) => match pages.recv().await {
                Some(result) => result?,
                // The runtime stops, and has stopped the task before the last page.
                None => return Err(self.transaction.over()),
            },
        };
        self.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        self.values = result.page.values.into_iter();
        match (result.page.next_page_token, &mut self.rest) {
            (None, rest) => *rest = Rest::Nothing,
            (Some(next), Rest::Token(token)) => *token = next,
            (Some(_), _) => {}
        }
        Ok(true)
    }
}

impl Statistics {
    pub(crate) fn add(&mut self, timing: Option<&TimingInformation>, ios: Option<&IoUsage>) {
        let milliseconds = timing.map_or(0, |timing| timing.processing_time_milliseconds);
        let (reads, writes) = ios.map_or((0, 0), |ios| (ios.read_ios, ios.write_ios));
        self.processing_time_milliseconds = self.processing_time_milliseconds.saturating_add(milliseconds);
        self.read_ios = self.read_ios.saturating_add(reads);
        self.write_ios = self.write_ios.saturating_add(writes);
    }
}

/// Fetches pages until the last one or an error, or until the cursor is dropped.
async fn read_pages<T: Transport>(
    transaction: WeakTransaction<T>,
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

fn document(value: &ValueHolder) -> Result<Document, Error> {
    Ok(match value {
        ValueHolder::IonBinary(bytes) => Document::from_binary(bytes)?,
        ValueHolder::IonText(text) => Document::from(&text::read_one(text)?),
    })
}
