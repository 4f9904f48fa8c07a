//! A commit to wait for: one value, one sender, one receiver, with or without an executor.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use everstrand_journal::{BlockAddress, Hash, UniqueId};

use crate::error::LedgerError;

/// What a commit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Which transaction.
    pub transaction_id: UniqueId,
    /// The digest of its statements, equal to the one that was sent.
    pub commit_digest: Hash,
    /// The block that holds it; `None` for a transaction that wrote none.
    pub block_address: Option<BlockAddress>,
}

/// A commit under way. Await it, or call [`CommitFuture::wait`]. Dropping it does not undo the commit.
#[derive(Debug)]
#[must_use = "whether the transaction was committed is known only when this answers"]
pub struct CommitFuture {
    shared: Arc<Shared>,
}

/// The other end of a [`CommitFuture`]. Dropped without an answer it answers that nobody knows.
#[derive(Debug)]
pub(crate) struct CommitReply {
    shared: Arc<Shared>,
    answered: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answer: Option<Result<Committed, LedgerError>>,
    waker: Option<Waker>,
    /// Whether a thread sleeps until there is an answer. To wake nobody costs a system call too.
    waits: bool,
}

/// A commit that somebody will answer.
pub(crate) fn pair() -> (CommitReply, CommitFuture) {
    let shared = Arc::new(Shared::default());
    (CommitReply { shared: Arc::clone(&shared), answered: false }, CommitFuture { shared })
}

impl CommitFuture {
    /// Waits on this thread.
    pub fn wait(self) -> Result<Committed, LedgerError> {
        let mut state = self.shared.lock();
        loop {
            if let Some(answer) = state.answer.take() {
                return answer;
            }
            state.waits = true;
            state = self.shared.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A commit that is over already.
    pub(crate) fn ready(answer: Result<Committed, LedgerError>) -> CommitFuture {
        let (reply, future) = pair();
        reply.send(answer);
        future
    }
}

impl Future for CommitFuture {
    type Output = Result<Committed, LedgerError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl CommitReply {
    /// Answers.
    pub(crate) fn send(mut self, answer: Result<Committed, LedgerError>) {
        self.answer(answer);
    }

    fn answer(&mut self, answer: Result<Committed, LedgerError>) {
        self.answered = true;
        let (waits, waker) = {
            let mut state = self.shared.lock();
            state.answer = Some(answer);
            (state.waits, state.waker.take())
        };
        if waits {
            self.shared.answered.notify_one();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for CommitReply {
    fn drop(&mut self) {
        if !self.answered {
            self.answer(Err(LedgerError::OutcomeUnknown("the committing thread ended".to_owned())));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_forgotten_is_told_that_nobody_knows() {
        let (reply, future) = pair();
        drop(reply);
        assert!(matches!(future.wait(), Err(LedgerError::OutcomeUnknown(_))));
        // An answer is not followed by another one.
        assert!(matches!(CommitFuture::ready(Err(LedgerError::Closed)).wait(), Err(LedgerError::Closed)));
    }
}
