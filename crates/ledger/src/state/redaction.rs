//! Redaction: the data of a revision is removed, and its hash stays.
//!
//! A block asks for it. Applying that block removes the data from the view. The journal's slot is written again
//! later. Until then the view has an entry that says so, because the slot must be written even after a crash. A view
//! that is rebuilt gets these entries for all redactions again; one that was done already costs one look.
//!
//! The view's files may still hold data that the view no longer shows. So the view remembers that it held such data,
//! and is replaced when all slots are redacted ([`crate::commit`]).

use std::ops::Bound;

use everstrand_journal::{Block, Hash, RevisionData, UniqueId};

use super::changes::Changes;
use super::checked_entry;
use super::documents::{from_history, redacted};
use super::keys::{self, Place};
use super::{PendingRedaction, State};
use crate::storage::views::{Keyspace, ViewError, ViewSnapshot};

impl State {
    /// Reads which redactions the journal's slots still lack.
    pub(super) fn pending_redactions(view: &dyn ViewSnapshot) -> Result<Vec<PendingRedaction>, ViewError> {
        let (lower, upper) = (Bound::Included(keys::REDACTIONS), Bound::Excluded(keys::REDACTIONS_END));
        let entries = view.range(Keyspace::Catalog, lower, upper, false, usize::MAX)?;
        let pending = entries.into_iter().map(|(key, value)| {
            let value = checked_entry::checked(&key, &value)?;
            let block = u64::from_be_bytes(value.get(..8)?.try_into().ok()?);
            let document_id = UniqueId::from_bytes(value.get(8..)?.try_into().ok()?);
            Some(PendingRedaction { key: key.try_into().ok()?, block, document_id })
        });
        pending.collect::<Option<_>>().ok_or_else(|| ViewError("a stored redaction is damaged".to_owned()))
    }

    /// Removes the data of the revisions that a block names from the history, and remembers that their slots must be
    /// written again.
    pub(super) fn apply_redactions(
        &mut self,
        block: &Block,
        changes: &mut Changes<'_>,
    ) -> Result<(), String> {
        for (n, target) in (0u32..).zip(block.redactions()) {
            let failed = |error: ViewError| error.to_string();
            let id = target.document_id;
            let place = changes.get(Keyspace::Ids, id.as_bytes()).map_err(failed)?;
            let place = place.as_deref().and_then(Place::from_bytes);
            let place = place.ok_or_else(|| format!("there is no document {id} to redact"))?;
            let key = place.version(target.version);
            let stored = changes.get(Keyspace::History, &key).map_err(failed)?;
            let stored =
                stored.ok_or_else(|| format!("version {} of {id} is not superseded", target.version))?;
            let (_, revision) = from_history(&stored).map_err(failed)?;
            if let RevisionData::Data(data) = &revision.data {
                let value = redacted(&stored, Hash(data.ion_hash()));
                changes.put_tracked(Keyspace::History, key.to_vec(), value);
                changes.put(Keyspace::Catalog, keys::HELD_REDACTED, []);
                self.held_redacted = true;
            }
            let note = PendingRedaction {
                key: keys::redaction(block.address().sequence_no, n),
                block: target.block_address.sequence_no,
                document_id: id,
            };
            let value = [&note.block.to_be_bytes()[..], id.as_bytes()].concat();
            checked_entry::put(changes, &note.key, value);
            self.redactions.push_back(note);
        }
        Ok(())
    }
}
