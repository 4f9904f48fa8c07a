//! The address of a block.

use everstrand_ion::{Struct, Value};

use crate::hashing::UniqueId;

/// The address of a block: its strand and its number in it. A ledger has one strand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockAddress {
    /// The id of the strand.
    pub strand_id: UniqueId,
    /// The block number, from 0. QLDB's addresses call it `sequenceNo`; elsewhere it is named `block_no` here.
    pub sequence_no: u64,
}

/// An Ion value is not a block address; the text says which field is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a block address {{strandId: string, sequenceNo: int}}: {0}")]
pub struct InvalidAddress(pub(crate) String);

impl BlockAddress {
    /// QLDB's shape: `{strandId, sequenceNo}`.
    pub fn to_ion(&self) -> Value {
        Struct::from_iter([
            ("strandId", Value::from(self.strand_id.to_string())),
            ("sequenceNo", Value::from(self.sequence_no)),
        ])
        .into()
    }
}

impl TryFrom<&Value> for BlockAddress {
    type Error = InvalidAddress;

    fn try_from(value: &Value) -> Result<BlockAddress, InvalidAddress> {
        let invalid = |what: &str| InvalidAddress(what.to_owned());
        let strand_id =
            value.get("strandId").and_then(Value::as_text).ok_or_else(|| invalid("no strandId"))?;
        let strand_id = strand_id.parse().map_err(|_| invalid("strandId is no id of 22 characters"))?;
        let sequence_no =
            value.get("sequenceNo").and_then(Value::as_i64).ok_or_else(|| invalid("no sequenceNo"))?;
        let sequence_no = u64::try_from(sequence_no).map_err(|_| invalid("sequenceNo is negative"))?;
        Ok(BlockAddress { strand_id, sequence_no })
    }
}
