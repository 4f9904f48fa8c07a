//! An open ledger: starts transactions, and answers digests, blocks and proofs.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use everstrand_journal::tree::{Proof, TreeError, block_path, consistency, root_at};
use everstrand_journal::{BlockAddress, CommitDigest, Digest, Hash, JournalBlock, Revision, UniqueId};

use crate::ahead::decode;
use crate::check::{Checked, check_slots};
use crate::commit::future::{BarrierFuture, Outcome, OutcomeFuture};
use crate::commit::outcome::outcome_in;
use crate::commit::queue::CommitQueue;
use crate::core::{Core, Environment, Status};
use crate::error::LedgerError;
use crate::handle::Handle;
use crate::limits::LedgerOptions;
use crate::recover;
use crate::session::Session;
use crate::state::head::Part;
use crate::state::keys;
use crate::state::snapshot::{BlockPosition, Snapshot, StoredTree};
use crate::storage::slots::SlotStore;
use crate::storage::views::{Keyspace, ViewError, ViewStore};
use crate::subscription::Subscription;
use crate::transaction::Transaction;

/// An open ledger. Its clones are the same ledger. It closes when the last of them is dropped, and the last session,
/// transaction and subscription.
#[derive(Clone)]
pub struct Ledger {
    handle: Arc<Handle>,
}

impl Ledger {
    /// Opens a ledger over its journal and its view. If the journal has no slots, this creates a new ledger. If the
    /// view does not fit the journal, it is built again. If the journal is damaged, the ledger is read-only and serves
    /// the blocks before the damage. If the view proves that the journal lacks blocks, opening fails with
    /// [`LedgerError::BlocksMissing`] and changes nothing; with that loss as [`LedgerOptions::known_loss`] the ledger
    /// opens read-only.
    pub fn open(
        slots: Arc<dyn SlotStore>,
        views: Arc<dyn ViewStore>,
        environment: Environment,
        options: LedgerOptions,
    ) -> Result<Ledger, LedgerError> {
        let opened = recover::open(&*slots, &*views, &environment, options.known_loss.as_ref())?;
        let snapshot = Arc::clone(&opened.snapshot);
        if let Some(error) = &opened.read_only {
            let strand_id = snapshot.head.strand_id;
            tracing::error!(%strand_id, %error, "the ledger is open for reading only");
        }
        let core = Core::new(environment, options, slots, views, snapshot, opened.read_only.clone());
        let committer = opened.committer(&core.options, Arc::clone(&core.recent));
        let queue = Arc::new(CommitQueue::new(core, committer));
        queue.start();
        Ok(Ledger { handle: Arc::new(Handle::new(queue)) })
    }

    /// A new session.
    pub fn start_session(&self) -> Session {
        Session::new(Arc::clone(&self.handle))
    }

    /// A new transaction, on the snapshot after the last block.
    pub fn start_transaction(&self) -> Result<Transaction, LedgerError> {
        Transaction::start(&self.handle)
    }

    /// Answers when this ledger has applied every commit that any process acknowledged before this call. Whoever starts a
    /// transaction after it, or asks for a digest, sees them. Without [`LedgerOptions::is_shared`] it answers at once.
    pub fn read_barrier(&self) -> BarrierFuture {
        self.handle.read_barrier()
    }

    /// What is known already of a transaction. `None` means that [`Ledger::outcome`] has to find out; where other processes write to
    /// the journal, that may take a slot of its own.
    pub fn known_outcome(&self, transaction_id: UniqueId) -> Result<Option<Outcome>, LedgerError> {
        outcome_in(&*self.core().snapshot().view, transaction_id)
    }

    /// What became of a transaction of this ledger, for ever. If no block holds it, none will from now on: if it is still
    /// open, here or in another process, its commit answers [`LedgerError::OccConflict`].
    pub fn outcome(&self, transaction_id: UniqueId) -> OutcomeFuture {
        self.handle.outcome(transaction_id)
    }

    /// The commit digest of a transaction that a block holds; `None` for a block that is not of this ledger's own making.
    pub fn commit_digest_of(&self, block_no: u64) -> Result<Option<Hash>, LedgerError> {
        let Some(JournalBlock::Own(block)) = self.block(block_no)? else { return Ok(None) };
        let mut digest = CommitDigest::new(block.transaction_id());
        block.statements().for_each(|statement| digest.add(statement.statement_digest));
        Ok(Some(digest.value()))
    }

    /// The digest of the journal up to its last block.
    pub fn digest(&self) -> Digest {
        self.core().snapshot().head.digest().expect("an open ledger has block 0")
    }

    /// The digest of the journal up to block `tip`.
    pub fn digest_at(&self, tip: u64) -> Result<Digest, LedgerError> {
        let snapshot = self.core().snapshot();
        let digest = root_at(&StoredTree(&*snapshot.view), snapshot.head.frontier.size(), tip);
        let digest = self.of_tree(&snapshot, digest)?;
        Ok(Digest { digest, digest_tip_address: snapshot.head.address(tip) })
    }

    /// The digest of the journal up to block `tip`, which another writer has put into the store after our last block. `None`
    /// if the store ends before.
    pub fn digest_ahead(&self, tip: u64) -> Result<Option<Digest>, LedgerError> {
        let snapshot = self.core().snapshot();
        let head = &snapshot.head;
        let (mut frontier, mut link, mut next) = (head.frontier.clone(), head.tip.link, head.next_slot());
        while let Some(bytes) = self.core().slots.read(next)? {
            let slot = decode(next, bytes)?;
            if slot.header().previous_link != link {
                let why = format!("slot {next}: it does not continue the slot before it");
                return Err(LedgerError::Damaged(why));
            }
            for block in (0..).map_while(|number| slot.block(number)) {
                frontier.push(block.hash());
                if frontier.size() > tip {
                    let digest_tip_address = BlockAddress { strand_id: self.strand_id(), sequence_no: tip };
                    return Ok(frontier.root().map(|digest| Digest { digest, digest_tip_address }));
                }
            }
            (link, next) = (slot.link(), next + 1);
        }
        Ok(None)
    }

    /// A block by its number; `None` after the last.
    pub fn block(&self, block_no: u64) -> Result<Option<JournalBlock>, LedgerError> {
        let snapshot = self.core().snapshot();
        match self
            .handle
            .rebuild_if_view_failed(&snapshot, snapshot.block_position(block_no).map_err(LedgerError::from))?
        {
            None => Ok(None),
            Some((position, _)) => self.read_block(position).map(Some),
        }
    }

    /// The number of the block of a transaction; `None` if it wrote none.
    pub fn block_of_transaction(&self, transaction_id: UniqueId) -> Result<Option<u64>, LedgerError> {
        let snapshot = self.core().snapshot();
        self.handle.rebuild_if_view_failed(
            &snapshot,
            snapshot.block_of_transaction(transaction_id).map_err(LedgerError::from),
        )
    }

    /// The proof that the digest with the tip `tip` covers block `block_no`.
    pub fn block_proof(&self, block_no: u64, tip: u64) -> Result<Proof, LedgerError> {
        let snapshot = self.core().snapshot();
        let proof = block_path(&StoredTree(&*snapshot.view), snapshot.head.frontier.size(), block_no, tip);
        self.of_tree(&snapshot, proof)
    }

    /// The proof that the journal up to block `tip` begins with the journal up to block `old_tip`.
    pub fn consistency_proof(&self, old_tip: u64, tip: u64) -> Result<Proof, LedgerError> {
        let snapshot = self.core().snapshot();
        let nodes = consistency(&StoredTree(&*snapshot.view), snapshot.head.frontier.size(), old_tip, tip);
        Ok(Proof { nodes: self.of_tree(&snapshot, nodes)? })
    }

    /// The revision of a document in a block; `None` if the block has none.
    pub fn revision(&self, block_no: u64, document_id: UniqueId) -> Result<Option<Revision>, LedgerError> {
        let Some(block) = self.block(block_no)? else {
            return Ok(None);
        };
        let revision = block.revision(document_id);
        revision.map_err(|error| LedgerError::Damaged(format!("block {block_no}: {error}")))
    }

    /// The proof that the digest with the tip `tip` covers the revision of a document in block `block_no`; `None`
    /// if the block has no revision of it.
    pub fn revision_proof(
        &self,
        block_no: u64,
        document_id: UniqueId,
        tip: u64,
    ) -> Result<Option<Proof>, LedgerError> {
        let Some(block) = self.block(block_no)? else {
            return Ok(None);
        };
        let damaged = |error: &dyn fmt::Display| LedgerError::Damaged(format!("block {block_no}: {error}"));
        let Some(mut nodes) = block.revision_path(document_id).map_err(|error| damaged(&error))? else {
            return Ok(None);
        };
        nodes.extend(self.block_proof(block_no, tip)?.nodes);
        Ok(Some(Proof { nodes }))
    }

    /// The journal's strand. Its id never changes. The blocks that a restored ledger was restored from have others.
    pub fn strand_id(&self) -> UniqueId {
        self.core().strand_id
    }

    /// What the ledger was restored from, the oldest first; nothing if it was not restored.
    pub fn restored_from(&self) -> Vec<Part> {
        self.core().snapshot().head.parts().to_vec()
    }

    /// The strand of a block.
    pub fn strand_of(&self, block_no: u64) -> UniqueId {
        self.core().snapshot().head.strand_of(block_no)
    }

    /// How the ledger behaves.
    pub fn options(&self) -> &LedgerOptions {
        &self.core().options
    }

    /// Switches the language's extensions beyond QLDB on or off, from the next statement on.
    pub fn set_extensions(&self, extensions: bool) {
        self.core().set_extensions(extensions);
    }

    /// What the ledger was opened with.
    pub fn environment(&self) -> &Environment {
        &self.core().environment
    }

    /// Whether the ledger takes writes.
    pub fn status(&self) -> Status {
        self.core().status()
    }

    /// By how many milliseconds the machine's clock is behind the last block's time. Until the clock has caught up,
    /// blocks and revisions get that block's time.
    pub fn clock_behind_millis(&self) -> u64 {
        let behind = self.core().snapshot().head.tip.timestamp - self.core().environment.clock.unix_millis();
        u64::try_from(behind).unwrap_or(0)
    }

    /// Reads about so many bytes of the journal again, from a slot on, and checks them. If the journal is damaged, the
    /// ledger takes no more writes.
    pub fn check_journal(&self, from: u64, bytes: usize) -> Result<Checked, LedgerError> {
        let checked = check_slots(&*self.core().slots, from, bytes)?;
        if let Checked::Damaged { why, .. } = &checked
            && self.status() == Status::Open
        {
            self.core().fault(LedgerError::Damaged(why.clone()));
        }
        Ok(checked)
    }

    /// Whether nobody but the caller holds this ledger: no session, no transaction, no subscription.
    pub fn is_held_alone(&self) -> bool {
        Arc::strong_count(&self.handle) == 1
    }

    /// Whether the ledger has work that no client waits for: an index, a redaction, another view.
    pub fn has_work(&self) -> bool {
        self.is_building_index() || self.is_redacting() || self.core().view_is_distrusted()
    }

    /// The bytes of the view's changes that are in memory and not in files yet.
    pub fn unwritten_view_bytes(&self) -> u64 {
        self.core().views().unwritten_bytes()
    }

    /// Writes those changes to files, in the background, so that they need no memory.
    pub fn write_view_out(&self) {
        self.core().views().write_out();
    }

    /// Whether an index is being built. Until it is finished, queries scan its table.
    pub fn is_building_index(&self) -> bool {
        self.core().snapshot().head.catalog.building().is_some()
    }

    /// Whether redacted data may still be in a file: of the journal, or of a view that was not replaced yet.
    pub fn is_redacting(&self) -> bool {
        let view = &self.core().snapshot().view;
        let (lower, upper) = (Bound::Included(keys::REDACTIONS), Bound::Excluded(keys::REDACTIONS_END));
        let pending = view.range(Keyspace::Catalog, lower, upper, false, 1);
        pending.is_ok_and(|pending| !pending.is_empty())
            || self.core().views().keeps_what_was_removed()
                && view.get(Keyspace::Catalog, keys::HELD_REDACTED).is_ok_and(|held| held.is_some())
    }

    /// All blocks from this number on, present and future ones.
    pub fn subscribe(&self, from_block: u64) -> Subscription {
        Subscription::new(Arc::clone(&self.handle), from_block)
    }

    /// How many transactions are open.
    pub fn open_transactions(&self) -> usize {
        self.core().open_transactions()
    }

    /// Finishes the commits under way, refuses further ones and saves the view.
    pub fn close(&self) {
        self.handle.close();
    }

    /// Does the next action of the commits under way, if the ledger was opened with
    /// [`crate::Committing::ByCaller`]: it writes a slot, writes to the view, or answers a commit. Answers after how
    /// many milliseconds to call again; `None` when nothing is under way.
    pub fn step(&self) -> Option<u64> {
        self.handle.advance()
    }

    fn core(&self) -> &Core {
        self.handle.core()
    }

    /// Sorts an error of the stored tree: if the block does not exist, the caller asked wrongly; otherwise the view
    /// failed.
    fn of_tree<T>(
        &self,
        snapshot: &Snapshot,
        result: Result<T, TreeError<ViewError>>,
    ) -> Result<T, LedgerError> {
        let result = result.map_err(|error| match error {
            TreeError::Beyond(_) => LedgerError::bad_request(error.to_string()),
            TreeError::Missing(_) => LedgerError::View(error.to_string()),
            TreeError::Reader(error) => error.into(),
        });
        self.handle.rebuild_if_view_failed(snapshot, result)
    }

    fn read_block(&self, position: BlockPosition) -> Result<JournalBlock, LedgerError> {
        let slot = self.core().read_slot(position.slot)?;
        let block = usize::try_from(position.index_in_slot).ok().and_then(|index| slot.block(index));
        let BlockPosition { slot, index_in_slot } = position;
        block
            .ok_or_else(|| LedgerError::Damaged(format!("slot {slot} has no block at index {index_in_slot}")))
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ledger").field("strand_id", &self.strand_id()).finish_non_exhaustive()
    }
}
