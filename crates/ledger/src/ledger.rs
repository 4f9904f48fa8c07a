//! A ledger, open: where transactions start, and where its proofs come from.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use everstrand_journal::tree::{Proof, TreeError, block_path, consistency, root_at};
use everstrand_journal::{BlockAddress, Digest, JournalBlock, Revision, UniqueId};

use crate::check::{Checked, check_slots};
use crate::commit::queue::CommitQueue;
use crate::core::{Core, Environment, Status};
use crate::error::LedgerError;
use crate::handle::Handle;
use crate::limits::LedgerOptions;
use crate::recover;
use crate::session::Session;
use crate::state::keys;
use crate::state::snapshot::{BlockPosition, Snapshot, StoredTree};
use crate::storage::slots::SlotStore;
use crate::storage::views::{Keyspace, ViewError, ViewStore};
use crate::subscription::Subscription;
use crate::transaction::Transaction;

/// An open ledger. Clones are the same ledger; the last one dropped closes it.
#[derive(Clone)]
pub struct Ledger {
    handle: Arc<Handle>,
}

impl Ledger {
    /// Opens a ledger over its journal and its view. A journal without slots becomes a new ledger; a
    /// view that does not fit the journal is built anew. A journal that is damaged is served up to the damage, for
    /// reading only. A view that proves that the journal lacks blocks is left as it is, and opening fails with
    /// [`LedgerError::BlocksMissing`]; with [`LedgerOptions::known_loss`] it is served for reading only.
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

    /// A new transaction, on the state after the last block.
    pub fn start_transaction(&self) -> Result<Transaction, LedgerError> {
        Transaction::start(&self.handle)
    }

    /// The hash of the whole journal up to its last block.
    pub fn digest(&self) -> Digest {
        self.core().snapshot().head.digest().expect("an open ledger has block 0")
    }

    /// The hash of the whole journal as it was when block `tip` was the last.
    pub fn digest_at(&self, tip: u64) -> Result<Digest, LedgerError> {
        let snapshot = self.core().snapshot();
        let digest = root_at(&StoredTree(&*snapshot.view), snapshot.head.frontier.size(), tip);
        let digest = self.of_tree(&snapshot, digest)?;
        let digest_tip_address = BlockAddress { strand_id: self.strand_id(), sequence_no: tip };
        Ok(Digest { digest, digest_tip_address })
    }

    /// A block by its number; `None` beyond the last.
    pub fn block(&self, sequence_no: u64) -> Result<Option<JournalBlock>, LedgerError> {
        let snapshot = self.core().snapshot();
        match self.handle.rebuild_if_view_failed(
            &snapshot,
            snapshot.block_position(sequence_no).map_err(LedgerError::from),
        )? {
            None => Ok(None),
            Some((position, _)) => self.read_block(position).map(Some),
        }
    }

    /// The number of the block of a transaction; `None` where it wrote none.
    pub fn block_of_transaction(&self, transaction_id: UniqueId) -> Result<Option<u64>, LedgerError> {
        let snapshot = self.core().snapshot();
        self.handle.rebuild_if_view_failed(
            &snapshot,
            snapshot.block_of_transaction(transaction_id).map_err(LedgerError::from),
        )
    }

    /// The proof that block `sequence_no` is covered by the digest whose tip is `tip`.
    pub fn block_proof(&self, sequence_no: u64, tip: u64) -> Result<Proof, LedgerError> {
        let snapshot = self.core().snapshot();
        let proof = block_path(&StoredTree(&*snapshot.view), snapshot.head.frontier.size(), sequence_no, tip);
        self.of_tree(&snapshot, proof)
    }

    /// The proof that the journal up to block `old_tip` is the beginning of that up to block `tip`.
    pub fn consistency_proof(&self, old_tip: u64, tip: u64) -> Result<Proof, LedgerError> {
        let snapshot = self.core().snapshot();
        let nodes = consistency(&StoredTree(&*snapshot.view), snapshot.head.frontier.size(), old_tip, tip);
        Ok(Proof { nodes: self.of_tree(&snapshot, nodes)? })
    }

    /// The revision of a document in a block; `None` where the block has none of it.
    pub fn revision(&self, sequence_no: u64, document_id: UniqueId) -> Result<Option<Revision>, LedgerError> {
        let Some(block) = self.block(sequence_no)? else {
            return Ok(None);
        };
        let revision = block.revision(document_id);
        revision.map_err(|error| LedgerError::Damaged(format!("block {sequence_no}: {error}")))
    }

    /// The proof that the revision of a document in block `sequence_no` is covered by the digest whose
    /// tip is `tip`; `None` where the block has no revision of it.
    pub fn revision_proof(
        &self,
        sequence_no: u64,
        document_id: UniqueId,
        tip: u64,
    ) -> Result<Option<Proof>, LedgerError> {
        let Some(block) = self.block(sequence_no)? else {
            return Ok(None);
        };
        let damaged =
            |error: &dyn fmt::Display| LedgerError::Damaged(format!("block {sequence_no}: {error}"));
        let Some(mut nodes) = block.revision_path(document_id).map_err(|error| damaged(&error))? else {
            return Ok(None);
        };
        nodes.extend(self.block_proof(sequence_no, tip)?.nodes);
        Ok(Some(Proof { nodes }))
    }

    /// The journal's one strand, by which the ledger is known for ever.
    pub fn strand_id(&self) -> UniqueId {
        self.core().strand_id
    }

    /// How the ledger behaves.
    pub fn options(&self) -> &LedgerOptions {
        &self.core().options
    }

    /// Whether the language goes beyond QLDB's, from the next statement on.
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

    /// By how many milliseconds the machine's clock is behind the last block's time. Until it has caught up, blocks and
    /// revisions have that block's time.
    pub fn clock_behind_millis(&self) -> u64 {
        let behind = self.core().snapshot().head.tip.timestamp - self.core().environment.clock.unix_millis();
        u64::try_from(behind).unwrap_or(0)
    }

    /// Reads about so many bytes of the journal again, from a slot on, and checks them. A ledger whose journal turns
    /// out to be damaged takes no more writes.
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

    /// Whether something is being done, or is to be done, that no client waits for: an index, a redaction, a view
    /// that is built anew.
    pub fn has_work(&self) -> bool {
        self.is_building_index() || self.is_redacting() || self.core().view_is_distrusted()
    }

    /// Whether an index is being built. Its table is scanned until it is there.
    pub fn is_building_index(&self) -> bool {
        self.core().snapshot().head.catalog.building().is_some()
    }

    /// Whether data that was redacted may still be in a file: of the journal, or of a view that was not built anew yet.
    pub fn is_redacting(&self) -> bool {
        let view = &self.core().snapshot().view;
        let (lower, upper) = (Bound::Included(keys::REDACTIONS), Bound::Excluded(keys::REDACTIONS_END));
        let pending = view.range(Keyspace::Catalog, lower, upper, false, 1);
        pending.is_ok_and(|pending| !pending.is_empty())
            || self.core().views().keeps_what_was_removed()
                && view.get(Keyspace::Catalog, keys::HELD_REDACTED).is_ok_and(|held| held.is_some())
    }

    /// All blocks from this number on, those that are there and those that come.
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

    /// Does the next thing that the commits under way need, when the ledger was opened with
    /// [`crate::Committing::ByCaller`]: writes a slot, applies it, answers a commit. Answers after how many
    /// milliseconds to call again, and `None` when nothing is under way.
    pub fn step(&self) -> Option<u64> {
        self.handle.advance()
    }

    fn core(&self) -> &Core {
        self.handle.core()
    }

    /// What came of asking the stored tree: a block that is not there is the caller's mistake, all else the view's.
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
        block.ok_or_else(|| LedgerError::Damaged(format!("slot {slot}: it has no block {index_in_slot}")))
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ledger").field("strand_id", &self.strand_id()).finish_non_exhaustive()
    }
}
