//! A ledger's note, the file `DIR/<ledgerId>/note`: what the server must know of a ledger while the ledger is closed.
//!
//! With it `/metrics` shows the ledger's blocks, the server knows whether a checkpoint is due, and `GET /ready` shows what is
//! wrong with the journal. None of them has to open the ledger.

use everstrand_ion::{Data, Struct, Value};
use everstrand_journal::{BlockAddress, Digest, Hash, UniqueId};
use everstrand_ledger::Loss;

/// The content of a note.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Note {
    /// The ledger's name, a second time. If `meta` cannot be read, the name still belongs to this ledger.
    pub(super) name: String,
    /// The digest when the ledger was last closed cleanly with no work left. Absent while the ledger is open.
    pub(super) closed: Option<Digest>,
    /// The present round of the background check has read the slots before this one.
    pub(super) checked: u64,
    /// A slot that the background check could not read, and why.
    pub(super) damage: Option<(u64, String)>,
    /// The blocks that the journal lacks. They stay noted until the operator accepts the loss or the journal has them again.
    pub(super) loss: Option<Loss>,
}

impl Note {
    pub(super) fn to_ion(&self) -> Value {
        let mut fields = vec![("name", Value::from(self.name.as_str())), ("checked", number(self.checked))];
        if let Some(digest) = &self.closed {
            fields.push(("tip", digest.digest_tip_address.to_ion()));
            fields.push(("digest", Value::from(hex(&digest.digest.0))));
        }
        if let Some((slot, why)) = &self.damage {
            let damage = [("slot", number(*slot)), ("why", Value::from(why.as_str()))];
            fields.push(("damage", Value::from(Struct::from_iter(damage))));
        }
        if let Some(loss) = &self.loss {
            let mut missing = vec![
                ("strandId", Value::from(loss.strand_id.to_string())),
                ("slot", number(loss.slot)),
                ("link", Value::from(hex(&loss.link))),
                ("block", number(loss.block)),
                ("isReplaced", Value::from(loss.is_replaced)),
            ];
            missing.extend(loss.journal_slot.map(|slot| ("journalSlot", number(slot))));
            fields.push(("missing", Value::from(Struct::from_iter(missing))));
        }
        Value::from(Struct::from_iter(fields))
    }

    /// Reads what [`Note::to_ion`] wrote.
    pub(super) fn from_ion(value: &Value) -> Option<Note> {
        let closed = match (value.get("tip"), value.get("digest")) {
            (Some(tip), Some(digest)) => Some(Digest {
                digest: Hash(from_hex(digest.as_text()?)?),
                digest_tip_address: BlockAddress::try_from(tip).ok()?,
            }),
            _ => None,
        };
        let damage = match value.get("damage") {
            Some(damage) => Some((unsigned(damage, "slot")?, damage.get("why")?.as_text()?.to_owned())),
            None => None,
        };
        let loss = match value.get("missing") {
            Some(missing) => Some(Loss {
                strand_id: missing.get("strandId")?.as_text()?.parse::<UniqueId>().ok()?,
                slot: unsigned(missing, "slot")?,
                link: from_hex(missing.get("link")?.as_text()?)?,
                block: unsigned(missing, "block")?,
                journal_slot: unsigned(missing, "journalSlot"),
                is_replaced: matches!(missing.get("isReplaced")?.data, Data::Bool(true)),
            }),
            None => None,
        };
        let name = value.get("name")?.as_text()?.to_owned();
        Some(Note { name, closed, checked: unsigned(value, "checked")?, damage, loss })
    }
}

fn number(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn unsigned(value: &Value, field: &str) -> Option<u64> {
    u64::try_from(value.get(field)?.as_i64()?).ok()
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use everstrand_ion::text;

    use super::*;

    #[test]
    fn a_written_note_is_read_back_unchanged() {
        let strand_id = UniqueId::from_bytes([7; 16]);
        let empty = Note { name: "a-ledger".to_owned(), ..Note::default() };
        let digest_tip_address = BlockAddress { strand_id, sequence_no: 9 };
        let closed = Some(Digest { digest: Hash([0xab; 32]), digest_tip_address });
        let loss = Loss {
            strand_id,
            slot: 8,
            link: [0x01; 32],
            block: 12,
            journal_slot: Some(5),
            is_replaced: false,
        };
        let without = Loss { journal_slot: None, is_replaced: true, ..loss.clone() };
        let damage = Some((3, "it is \"bad\"".to_owned()));
        let full = Note { closed, checked: 77, damage, loss: Some(loss), ..empty.clone() };
        for note in [empty, Note { loss: Some(without), ..full.clone() }, full] {
            let written = text::write(&note.to_ion());
            assert_eq!(Note::from_ion(&text::read_one(&written).expect("Ion")), Some(note), "{written}");
        }
    }
}
