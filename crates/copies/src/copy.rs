//! The copies in a place: whose each is, and how far it came.
//!
//! A copy has an id of its own, under which the place keeps its slots as it keeps a ledger's. What there is to know of it
//! stands in the revisions of the name `copy.ID`, which no ledger can have:
//!
//! ```text
//! {copy: {format: 1, ledgerId, name, begun, record, sealed}}     the first one: whose copy this is
//! {mark: {slots, link, tip, digest, written}}                    after each run: all slots below `slots` are there, and
//!                                                                what they say is redacted was seen gone
//! {removed: true}                                                the copy is being removed
//! ```
//!
//! The copy of an encrypted ledger has the slots as the ledger's own place has them, sealed under the ledger's data key. The
//! place keeps the sealed data key of the copy as it keeps a ledger's, in a chain of its own. So whoever removes this chain
//! has made the copy unreadable, and has removed nothing else.

use std::sync::{Arc, Mutex, PoisonError};

use everstrand_ion::{Data, Struct, Value, text};
use everstrand_journal::{BlockAddress, Digest, Hash, UniqueId};
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{SealedSlots, SharedStore};
use everstrand_sealing::SealingKey;

use crate::error::CopyError;
use crate::planted::planted;
use crate::slots::read;

/// The names of copies begin with this.
const PREFIX: &str = "copy.";

/// The format of copies.
const FORMAT: i64 = 1;

/// Whose copy a copy is.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The id of the ledger.
    pub ledger_id: UniqueId,
    /// The name that the ledger had when the copy was begun.
    pub name: String,
    /// When the copy was begun, in milliseconds since 1970-01-01T00:00Z.
    pub begun_millis: i64,
    /// What the server keeps of the ledger beside its journal, such as its tags.
    pub record: Value,
    /// Whether the copy's slots are sealed under the ledger's data key.
    pub is_sealed: bool,
}

/// How far a copy came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How many slots it had.
    pub slots: u64,
    /// The link of the last of them.
    pub link: Hash,
    /// The digest at its last block.
    pub digest: Digest,
    /// When the mark was written, in milliseconds since 1970-01-01T00:00Z.
    pub millis: i64,
}

/// All copies in a place.
pub struct Copies {
    store: Arc<dyn SharedStore>,
}

/// One copy.
pub struct Copy {
    id: UniqueId,
    origin: Origin,
    slots: Slots,
    revisions: Arc<dyn SlotStore>,
    last: Mutex<(u64, Option<Mark>)>,
}

/// The slots of a copy.
enum Slots {
    Clear(Arc<dyn SlotStore>),
    Sealed(SealedSlots),
}

/// What the revisions of a copy say.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The id of the copy.
    pub id: UniqueId,
    /// Whose copy it is.
    pub origin: Origin,
    /// How far it came; `None` if no run was ever completed.
    pub mark: Option<Mark>,
    last_revision: u64,
}

enum Revision {
    Origin(Origin),
    Mark(Mark),
    Removed,
}

impl Copies {
    /// The copies in a place.
    pub fn new(store: Arc<dyn SharedStore>) -> Copies {
        Copies { store }
    }

    /// All copies, the oldest first.
    pub fn list(&self) -> Result<Vec<Known>, CopyError> {
        let mut copies = Vec::new();
        for (id, last) in self.ids()? {
            copies.extend(self.known(id, last)?);
        }
        copies.sort_by_key(|copy: &Known| (copy.origin.begun_millis, copy.id));
        Ok(copies)
    }

    /// Begins a copy under a new id. `key` seals the journal of an encrypted ledger, and `data_key` has every form in which
    /// the ledger's data key is sealed. They are in the place before the copy has a slot.
    pub fn begin(
        &self,
        id: UniqueId,
        origin: Origin,
        key: Option<SealingKey>,
        data_key: &[Vec<u8>],
    ) -> Result<Copy, CopyError> {
        let revisions = self.store.name(&name(id))?;
        let bytes = encode(&Revision::Origin(origin.clone()));
        if create(&*revisions, 0, &bytes)? {
            let known = Known { id, origin, mark: None, last_revision: 0 };
            self.bring_data_key(&known, data_key)?;
            return self.open(known, key);
        }
        Err(CopyError::Refused(format!("there is a copy with the id {id} already")))
    }

    /// Opens a copy, a sealed one with the key that seals its ledger's journal.
    pub fn open(&self, known: Known, key: Option<SealingKey>) -> Result<Copy, CopyError> {
        let Known { id, origin, mark, last_revision } = known;
        let (slots, revisions) = (self.store.journal(id)?, self.store.name(&name(id))?);
        let slots = match (origin.is_sealed, key) {
            (false, _) => Slots::Clear(slots),
            (true, Some(key)) => Slots::Sealed(SealedSlots::new(slots, origin.ledger_id, key)),
            (true, None) => {
                return Err(CopyError::Refused(format!("the copy {id} is encrypted, and no key was given")));
            }
        };
        Ok(Copy { id, origin, slots, revisions, last: Mutex::new((last_revision, mark)) })
    }

    /// Every form in which the data key of a copy is sealed, the oldest first.
    pub fn data_key(&self, known: &Known) -> Result<Vec<Vec<u8>>, CopyError> {
        let chain = self.store.keys(known.id)?;
        let mut forms = Vec::new();
        while let Some(form) = chain.read(forms.len() as u64)? {
            forms.push(form);
        }
        Ok(forms)
    }

    /// Brings the forms in which a data key is sealed to a copy that lacks the last of them.
    pub fn bring_data_key(&self, known: &Known, forms: &[Vec<u8>]) -> Result<(), CopyError> {
        let chain = self.store.keys(known.id)?;
        for (number, form) in (0..).zip(forms) {
            let stored = match chain.read(number)? {
                None if create(&*chain, number, form)? => continue,
                None => chain.read(number)?,
                stored => stored,
            };
            if stored.as_ref() != Some(form) && !planted!("another data key is taken over") {
                return Err(CopyError::Diverged(format!(
                    "revision {number} of the copy's data key is another one than the ledger's. It was swapped, or changed"
                )));
            }
        }
        Ok(())
    }

    /// Removes the data key of a copy. Afterwards nobody can read the copy.
    pub fn remove_data_key(&self, known: &Known) -> Result<(), CopyError> {
        Ok(self.store.remove_keys(known.id)?)
    }

    /// Removes a copy with all that it holds.
    pub fn remove(&self, known: &Known) -> Result<(), CopyError> {
        let revisions = self.store.name(&name(known.id))?;
        let mut number = known.last_revision + 1;
        while !create(&*revisions, number, &encode(&Revision::Removed))? {
            number += 1;
        }
        self.remove_data_key(known)?;
        Ok(self.store.remove(known.id, &name(known.id))?)
    }

    /// Removes what is left of copies whose removal was begun, and answers their ids.
    pub fn remove_leftovers(&self) -> Result<Vec<UniqueId>, CopyError> {
        let mut removed = Vec::new();
        for (id, last) in self.ids()? {
            if self.known(id, last)?.is_none() {
                self.store.remove_keys(id)?;
                self.store.remove(id, &name(id))?;
                removed.push(id);
            }
        }
        Ok(removed)
    }

    fn ids(&self) -> Result<Vec<(UniqueId, u64)>, CopyError> {
        let id = |(name, last): (String, u64)| Some((name.strip_prefix(PREFIX)?.parse().ok()?, last));
        Ok(self.store.names()?.into_iter().filter_map(id).collect())
    }

    /// What the revisions of a copy say; `None` if it is being removed.
    fn known(&self, id: UniqueId, last_revision: u64) -> Result<Option<Known>, CopyError> {
        let revisions = self.store.name(&name(id))?;
        let read = |number: u64| -> Result<Option<Revision>, CopyError> {
            let Some(bytes) = revisions.read(number)? else { return Ok(None) };
            match decode(&bytes) {
                Some(revision) => Ok(Some(revision)),
                None => Err(CopyError::Damaged(format!("revision {number} of the copy {id} cannot be read"))),
            }
        };
        let Some(Revision::Origin(origin)) = read(0)? else { return Ok(None) };
        let mark = match read(last_revision)? {
            Some(Revision::Mark(mark)) => Some(mark),
            Some(Revision::Origin(_)) => None,
            Some(Revision::Removed) | None => return Ok(None),
        };
        Ok(Some(Known { id, origin, mark, last_revision }))
    }
}

impl Copy {
    /// Its id.
    pub fn id(&self) -> UniqueId {
        self.id
    }

    /// Whose copy it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its slots, in clear.
    pub fn slots(&self) -> &dyn SlotStore {
        match &self.slots {
            Slots::Clear(slots) => &**slots,
            Slots::Sealed(slots) => slots,
        }
    }

    /// Its slots, if they are sealed.
    pub fn sealed_slots(&self) -> Option<&SealedSlots> {
        match &self.slots {
            Slots::Clear(_) => None,
            Slots::Sealed(slots) => Some(slots),
        }
    }

    /// How many slots it has.
    pub fn slot_count(&self) -> Result<u64, CopyError> {
        Ok(self.slots().tip_hint()?.map_or(0, |tip| tip + 1))
    }

    /// How far it came.
    pub fn mark(&self) -> Option<Mark> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Notes how far it came.
    pub(crate) fn note(&self, mark: Mark) -> Result<(), CopyError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let number = last.0 + 1;
            let created = create(&*self.revisions, number, &encode(&Revision::Mark(mark)))?;
            last.0 = number;
            if created {
                last.1 = Some(mark);
                return Ok(());
            }
        }
    }

    /// Checks that the copy, which has `count` slots now, has all that a mark says.
    pub(crate) fn check_mark(&self, mark: &Mark, count: u64) -> Result<(), CopyError> {
        let last = mark.slots.saturating_sub(1);
        if count < mark.slots {
            return Err(CopyError::Damaged(format!(
                "it had {} slots on its last run and has {count} now: slots are missing at its end",
                mark.slots
            )));
        }
        if read(self.slots(), last)?.1.link() != mark.link {
            return Err(CopyError::Damaged(format!("slot {last} is another one than on its last run")));
        }
        Ok(())
    }
}

fn name(id: UniqueId) -> String {
    format!("{PREFIX}{id}")
}

/// Creates a revision. Answers whether it is this one; if not, another is there.
fn create(revisions: &dyn SlotStore, number: u64, bytes: &[u8]) -> Result<bool, CopyError> {
    match revisions.create(number, bytes) {
        Ok(Created::Won) => Ok(true),
        // An attempt may have arrived although its answer did not.
        Ok(Created::Exists) | Err(SlotError::Unknown(_)) => match revisions.read(number)? {
            Some(stored) => Ok(stored == bytes),
            None => Err(SlotError::Unknown(format!("revision {number} of the copy")).into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn encode(revision: &Revision) -> Vec<u8> {
    let blob = |hash: Hash| Value::new(Data::Blob(hash.0.to_vec()));
    let number = |number: u64| Value::from(number);
    let (name, fields) = match revision {
        Revision::Origin(origin) => {
            let mut fields = Struct::from_iter([
                ("format", Value::from(FORMAT)),
                ("ledgerId", Value::from(origin.ledger_id.to_string())),
                ("name", Value::from(origin.name.as_str())),
                ("begun", Value::from(origin.begun_millis)),
                ("record", origin.record.clone()),
            ]);
            if origin.is_sealed {
                fields.push("sealed", true);
            }
            ("copy", Value::from(fields))
        }
        Revision::Mark(mark) => (
            "mark",
            Value::from(Struct::from_iter([
                ("slots", number(mark.slots)),
                ("link", blob(mark.link)),
                ("tip", mark.digest.digest_tip_address.to_ion()),
                ("digest", blob(mark.digest.digest)),
                ("written", Value::from(mark.millis)),
            ])),
        ),
        Revision::Removed => ("removed", Value::from(true)),
    };
    text::write(&Value::from(Struct::from_iter([(name, fields)]))).into_bytes()
}

fn decode(bytes: &[u8]) -> Option<Revision> {
    let value = text::read_one(std::str::from_utf8(bytes).ok()?).ok()?;
    let hash = |value: &Value| Some(Hash(value.as_bytes()?.try_into().ok()?));
    if let Some(copy) = value.get("copy") {
        if copy.get("format")?.as_i64()? != FORMAT {
            return None;
        }
        return Some(Revision::Origin(Origin {
            ledger_id: copy.get("ledgerId")?.as_text()?.parse().ok()?,
            name: copy.get("name")?.as_text()?.to_owned(),
            begun_millis: copy.get("begun")?.as_i64()?,
            record: copy.get("record")?.clone(),
            is_sealed: matches!(copy.get("sealed").map(|sealed| &sealed.data), Some(Data::Bool(true))),
        }));
    }
    if let Some(mark) = value.get("mark") {
        let digest_tip_address = BlockAddress::try_from(mark.get("tip")?).ok()?;
        return Some(Revision::Mark(Mark {
            slots: u64::try_from(mark.get("slots")?.as_i64()?).ok()?,
            link: hash(mark.get("link")?)?,
            digest: Digest { digest: hash(mark.get("digest")?)?, digest_tip_address },
            millis: mark.get("written")?.as_i64()?,
        }));
    }
    value.get("removed").map(|_| Revision::Removed)
}
