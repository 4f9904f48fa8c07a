//! An answer to wait for, of a commit or a read barrier: one sender, one answer, with or without an executor.

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

/// What became of a transaction, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The block of this number holds it.
    Committed {
        /// The block.
        block: u64,
    },
    /// No block holds it, and none ever will.
    Never,
}

/// An answer under way. Await it, or call [`ReplyFuture::wait`]. Dropping it undoes nothing.
#[derive(Debug)]
#[must_use = "what happened is known only when this answers"]
pub struct ReplyFuture<T>(oneshot::Receiver<Result<T, LedgerError>>);

/// A commit under way.
pub type CommitFuture = ReplyFuture<Committed>;

/// A read barrier under way.
pub type BarrierFuture = ReplyFuture<()>;

/// The outcome of a transaction under way.
pub type OutcomeFuture = ReplyFuture<Outcome>;

/// A [`ReplyFuture`] that is awaited.
#[derive(Debug)]
pub struct AwaitedReply<T>(oneshot::AsyncReceiver<Result<T, LedgerError>>);

/// The other end of a [`ReplyFuture`]. If it is dropped without an answer, the answer is that nobody knows.
#[derive(Debug)]
pub(crate) struct Reply<T>(oneshot::Sender<Result<T, LedgerError>>);

/// Whoever waits for a commit.
pub(crate) type CommitReply = Reply<Committed>;

/// Whoever waits for a read barrier.
pub(crate) type BarrierReply = Reply<()>;

/// Whoever waits for the outcome of a transaction.
pub(crate) type OutcomeReply = Reply<Outcome>;

/// An answer that somebody will give.
pub(crate) fn pair<T>() -> (Reply<T>, ReplyFuture<T>) {
    let (sender, receiver) = oneshot::channel();
    (Reply(sender), ReplyFuture(receiver))
}

impl<T> ReplyFuture<T> {
    /// Waits on this thread.
    pub fn wait(self) -> Result<T, LedgerError> {
        self.0.recv().unwrap_or_else(nobody_knows)
    }

    /// What is over already.
    pub(crate) fn ready(answer: Result<T, LedgerError>) -> ReplyFuture<T> {
        let (reply, future) = pair();
        reply.send(answer);
        future
    }
}

impl<T> IntoFuture for ReplyFuture<T> {
    type Output = Result<T, LedgerError>;
    type IntoFuture = AwaitedReply<T>;

    fn into_future(self) -> AwaitedReply<T> {
        AwaitedReply(self.0.into_future())
    }
}

impl<T> Future for AwaitedReply<T> {
    type Output = Result<T, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or_else(nobody_knows))
    }
}

impl<T> Reply<T> {
    /// Answers, if anybody still waits.
    pub(crate) fn send(self, answer: Result<T, LedgerError>) {
        let _ = self.0.send(answer);
    }
}

fn nobody_knows<T>(_: oneshot::RecvError) -> Result<T, LedgerError> {
    Err(LedgerError::OutcomeUnknown("the committing thread ended".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_forgotten_is_told_that_nobody_knows() {
        let (reply, future) = pair::<Committed>();
        drop(reply);
        assert!(matches!(future.wait(), Err(LedgerError::OutcomeUnknown(_))));
        // An answer is not followed by another one.
        assert!(matches!(CommitFuture::ready(Err(LedgerError::Closed)).wait(), Err(LedgerError::Closed)));
    }

    #[test]
    fn a_commit_is_awaited_without_a_runtime() {
        for is_answered in [true, false] {
            let (reply, future) = pair::<Committed>();
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
