//! A commit to wait for: one sender, one answer, with or without an executor.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

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

type Answer = Result<Committed, LedgerError>;

/// A commit under way. Await it, or call [`CommitFuture::wait`]. Dropping it does not undo the commit.
#[derive(Debug)]
#[must_use = "whether the transaction was committed is known only when this answers"]
pub struct CommitFuture(oneshot::Receiver<Answer>);

/// A [`CommitFuture`] that is awaited.
#[derive(Debug)]
pub struct AwaitedCommit(oneshot::AsyncReceiver<Answer>);

/// The other end of a [`CommitFuture`]. If it is dropped without an answer, the answer is that nobody knows.
#[derive(Debug)]
pub(crate) struct CommitReply(oneshot::Sender<Answer>);

/// A commit that somebody will answer.
pub(crate) fn pair() -> (CommitReply, CommitFuture) {
    let (sender, receiver) = oneshot::channel();
    (CommitReply(sender), CommitFuture(receiver))
}

impl CommitFuture {
    /// Waits on this thread.
    pub fn wait(self) -> Result<Committed, LedgerError> {
        self.0.recv().unwrap_or_else(nobody_knows)
    }

    /// A commit that is over already.
    pub(crate) fn ready(answer: Result<Committed, LedgerError>) -> CommitFuture {
        let (reply, future) = pair();
        reply.send(answer);
        future
    }
}

impl IntoFuture for CommitFuture {
    type Output = Result<Committed, LedgerError>;
    type IntoFuture = AwaitedCommit;

    fn into_future(self) -> AwaitedCommit {
        AwaitedCommit(self.0.into_future())
    }
}

impl Future for AwaitedCommit {
    type Output = Result<Committed, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or_else(nobody_knows))
    }
}

impl CommitReply {
    /// Answers, if anybody still waits.
    pub(crate) fn send(self, answer: Result<Committed, LedgerError>) {
        let _ = self.0.send(answer);
    }
}

fn nobody_knows(_: oneshot::RecvError) -> Answer {
    Err(LedgerError::OutcomeUnknown("the committing thread ended".to_owned()))
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

    #[test]
    fn a_commit_is_awaited_without_a_runtime() {
        for is_answered in [true, false] {
            let (reply, future) = pair();
            let mut awaited = std::pin::pin!(future.into_future());
            let mut context = Context::from_waker(std::task::Waker::noop());
            assert!(awaited.as_mut().poll(&mut context).is_pending());
            if is_answered {
                reply.send(Err(LedgerError::Closed));
            } else {
                drop(reply);
            }
            let Poll::Ready(Err(error)) = awaited.as_mut().poll(&mut context) else { panic!("not answered") };
            assert_eq!(error == LedgerError::Closed, is_answered, "{error}");
        }
    }
}
