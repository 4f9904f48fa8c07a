//! A statement's result, page by page.

use std::vec;

use everstrand_ion::{Document, text};
use everstrand_protocol::send_command::{
    ExecuteStatementResult, FetchPageResult, IoUsage, Page, PageToken, TimingInformation, ValueHolder,
};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::transaction::{Transaction, WeakTransaction};
use crate::transport::Transport;

/// What statements cost the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Documents visited.
    pub read_ios: i64,
    /// Writes done.
    pub write_ios: i64,
    /// Time spent by the service.
    pub processing_time_milliseconds: i64,
}

/// The rows of a result. Pages after the first are fetched when they are needed, or ahead of it where
/// the driver was told to; both only while the transaction is in progress.
#[derive(Debug)]
pub struct Cursor<T: Transport> {
    transaction: Transaction<T>,
    /// What is left of the page at hand.
    values: vec::IntoIter<ValueHolder>,
    rest: Rest,
    statistics: Statistics,
}

/// Where the pages after the one at hand come from.
#[derive(Debug)]
enum Rest {
    Nothing,
    Token(PageToken),
    Ahead(mpsc::Receiver<Result<FetchPageResult, Error>>),
}

/// The values of a page, decoded.
pub fn documents(page: &Page) -> Result<Vec<Document>, Error> {
    page.values.iter().map(document).collect()
}

impl<T: Transport> Cursor<T> {
    /// A cursor over a result. `read_ahead` pages at most are held here, the one being read included;
    /// with 0 none is fetched before it is needed.
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

    /// The next row; `None` after the last.
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

    /// The rows that are left of the page at hand, or else those of the next page that has any; `None`
    /// after the last. A service cuts its pages as it likes.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Document>>, Error> {
        while self.values.len() == 0 {
            if !self.turn_page().await? {
                return Ok(None);
            }
        }
        self.values.by_ref().map(|value| document(&value)).collect::<Result<_, _>>().map(Some)
    }

    /// All rows that are left. They outlive the transaction.
    pub async fn fetch_all(mut self) -> Result<Vec<Document>, Error> {
        let mut rows = Vec::with_capacity(self.values.len());
        while let Some(page) = self.next_page().await? {
            rows.extend(page);
        }
        Ok(rows)
    }

    /// What the pages read so far have cost.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Replaces the page at hand by the next one, if there is one.
    async fn turn_page(&mut self) -> Result<bool, Error> {
        let result = match &mut self.rest {
            Rest::Nothing => return Ok(false),
            Rest::Token(token) => self.transaction.fetch_page(token).await?,
            Rest::Ahead(pages) => match pages.recv().await {
                Some(result) => result?,
                // The task was stopped before the last page: the runtime goes down.
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

/// Fetches page after page, until the last, an error, or nobody who wants them.
async fn read_pages<T: Transport>(
    transaction: WeakTransaction<T>,
    first: PageToken,
    pages: mpsc::Sender<Result<FetchPageResult, Error>>,
) {
    let mut next = Some(first);
    while let Some(token) = next {
        // First the room, then the page: no more pages are held than there is room for.
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
