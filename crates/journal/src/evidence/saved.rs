//! Reads the digests, revisions, blocks and proofs that people saved, in the forms in which they saved them.
//!
//! These forms are: the values in Ion text, Ion binary or JSON; the JSON that SDKs and the AWS CLI print, with bytes in
//! any form of `written_bytes` and Ion text in members called `IonText`; the file that the AWS console offers; a receipt
//! that holds all of them; the file that AWS's migration kit wrote beside an export; a signed checkpoint. JSON is read by
//! the Ion reader, because JSON is Ion text.

use everstrand_ion::{Data, Document, Value, text};

use crate::evidence::{Checkpoint, SavedDigest};
use crate::hashing::{BlockAddress, Digest, Hash, UniqueId};
use crate::qldb::export::read_value;
use crate::qldb::json::{recover_block, recover_revision};
use crate::qldb::written_bytes::{bytes, hash_of_text, printed_form};
use crate::tree::Proof;

/// A file that somebody saved.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its name in messages.
    pub name: &'a str,
    /// What the user says it holds.
    pub role: Role,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What the user says a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A digest, with or without its tip.
    Digest,
    /// A revision.
    Revision,
    /// A block.
    Block,
    /// A proof.
    Proof,
    /// Any of them, or a struct that has several as members.
    Any,
}

/// A file cannot be used; the text says which one, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// What all files together hold.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The digest.
    pub digest: Option<Hash>,
    /// The last block that the digest covers.
    pub digest_tip_address: Option<BlockAddress>,
    /// The revision, in QLDB's shape.
    pub revision: Option<Document>,
    /// The hash of the revision, from the revision or from a member `revisionHash`.
    pub revision_hash: Option<Hash>,
    /// The block, in QLDB's shape.
    pub block: Option<Document>,
    /// The address of the block that the proof begins at.
    pub block_address: Option<BlockAddress>,
    /// The nodes of the proof.
    pub proof: Option<Proof>,
    /// The number of the block that the migration kit's proof begins at.
    pub last_block_no: Option<u64>,
    /// The checkpoint that holds the digest.
    pub checkpoint: Option<Checkpoint>,
}

impl Evidence {
    /// Reads files. An error means that one of them cannot be used, or that two of them contradict each other.
    pub fn read(inputs: &[Input<'_>]) -> Result<Evidence, Unusable> {
        let mut evidence = Evidence::default();
        for input in inputs {
            let unusable = |error: String| Unusable(format!("{}: {error}", input.name));
            evidence.take_file(input).map_err(unusable)?;
        }
        Ok(evidence)
    }

    /// The digest with its tip, if both are known.
    pub fn whole_digest(&self) -> Option<Digest> {
        Some(Digest { digest: self.digest?, digest_tip_address: self.digest_tip_address? })
    }

    /// The digest in the form in which an audit takes it, if its tip is known.
    pub fn saved_digest(&self, name: &str) -> Option<SavedDigest> {
        let proof = self.last_block_no.zip(self.proof.clone());
        Some(SavedDigest { digest: self.whole_digest()?, name: name.to_owned(), proof })
    }

    fn take_file(&mut self, input: &Input<'_>) -> Result<(), String> {
        let text = std::str::from_utf8(input.bytes).unwrap_or_default();
        if text.contains("\n\n\u{2014} ") {
            let checkpoint = Checkpoint::parse(text).map_err(|error| error.to_string())?;
            self.take_digest(checkpoint.digest.digest)?;
            self.take_tip(checkpoint.digest.digest_tip_address)?;
            self.checkpoint = Some(checkpoint);
            return Ok(());
        }
        // A bare digest was copied from a console. Its base64 is usually not Ion.
        if let Some(digest) = hash_of_text(text.trim()).filter(|_| input.role == Role::Digest) {
            return self.take_digest(digest);
        }
        let value = read_value(input.bytes).map_err(|error| match printed_form(text) {
            Some(what_to_do) => what_to_do.to_owned(),
            None => format!("this is neither Ion nor JSON: {error}"),
        })?;
        self.take(opened(value), input.role)
    }

    fn take(&mut self, value: Value, role: Role) -> Result<(), String> {
        match role {
            Role::Proof if value.as_sequence().is_some() => return self.take_proof(&value),
            Role::Digest if value.as_struct().is_none() || hash(&value).is_some() => {
                let digest = hash(&value).ok_or("a digest is a blob of 32 bytes, or their base64")?;
                return self.take_digest(digest);
            }
            Role::Any if value.as_sequence().is_some() => return self.take_proof(&value),
            _ => {}
        }
        if value.as_struct().is_none() {
            return Err(format!("a struct was expected, not a {:?}", value.ion_type()));
        }
        if value.get("blockHash").is_some() {
            return self.take_block(value);
        }
        if value.get("hash").is_some() && value.get("metadata").is_some() {
            return self.take_revision(value);
        }
        let mut found = false;
        for (name, member) in value.as_struct().into_iter().flat_map(|fields| fields.iter()) {
            found |= self.take_member(name.text().unwrap_or_default(), opened(member.clone()))?;
        }
        if found { Ok(()) } else { Err("it holds no digest, revision, block or proof".to_owned()) }
    }

    /// Takes a member if its name is known, in upper or lower case. Returns whether it is.
    fn take_member(&mut self, name: &str, value: Value) -> Result<bool, String> {
        let no = |what: &str| format!("its member {name} is not a {what}");
        match name.to_ascii_lowercase().as_str() {
            "digest" if value.as_struct().is_some() => self.take(value, Role::Digest)?,
            "digest" => self.take_digest(hash(&value).ok_or_else(|| no("hash of 32 bytes"))?)?,
            "digesttipaddress" | "tipaddress" => {
                self.take_tip(address(&value).ok_or_else(|| no("block address"))?)?
            }
            "blockaddress" => self.take_address(Some(&value))?,
            "revisionhash" => self.take_revision_hash(hash(&value).ok_or_else(|| no("hash of 32 bytes"))?)?,
            "proof" => self.take_proof(&value)?,
            "revision" => self.take_revision(value)?,
            "block" => self.take_block(value)?,
            "lastblocknum" => self.last_block_no = value.as_i64().and_then(|number| number.try_into().ok()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_digest(&mut self, digest: Hash) -> Result<(), String> {
        only_one(&mut self.digest, digest, "digest")
    }

    fn take_tip(&mut self, tip: BlockAddress) -> Result<(), String> {
        only_one(&mut self.digest_tip_address, tip, "tip of the digest")
    }

    /// Takes the hash that the proof begins at. It must be the hash of the revision that was saved, because otherwise a
    /// forged revision could stand beside the hash and the proof of a true one.
    fn take_revision_hash(&mut self, hash: Hash) -> Result<(), String> {
        only_one(&mut self.revision_hash, hash, "hash of the revision")
    }

    fn take_proof(&mut self, value: &Value) -> Result<(), String> {
        let nodes = value.as_sequence().ok_or("a proof is a list of hashes")?;
        let node = |node: &Value| match bytes(node) {
            Some(bytes) if bytes.is_empty() => Some(None),
            Some(bytes) => Hash::from_slice(&bytes).map(Some),
            None => None,
        };
        let nodes = nodes.iter().map(node).collect::<Option<Vec<Option<Hash>>>>();
        let nodes = nodes.ok_or("a proof is a list of blobs of 32 bytes, or of their base64")?;
        // Joining an empty sibling changes nothing, therefore it is left out.
        let proof = Proof { nodes: nodes.into_iter().flatten().collect() };
        only_one(&mut self.proof, proof, "proof")
    }

    fn take_address(&mut self, value: Option<&Value>) -> Result<(), String> {
        if let Some(value) = value {
            let address = address(value).ok_or("its blockAddress is not a block address")?;
            only_one(&mut self.block_address, address, "address of the block")?;
        }
        Ok(())
    }

    fn take_revision(&mut self, value: Value) -> Result<(), String> {
        let value = if is_json(value.get("hash")) { recover_revision(&value) } else { value };
        let stored = value.get("hash").and_then(hash).ok_or("the revision has no hash of 32 bytes")?;
        self.take_revision_hash(stored)?;
        self.take_address(value.get("blockAddress"))?;
        self.revision = Some(Document::from(&value));
        Ok(())
    }

    fn take_block(&mut self, value: Value) -> Result<(), String> {
        let value = if is_json(value.get("blockHash")) { recover_block(&value) } else { value };
        self.take_address(value.get("blockAddress"))?;
        self.block = Some(Document::from(&value));
        Ok(())
    }
}

/// Keeps a part. It may come twice, but then both must be equal.
fn only_one<T: PartialEq>(kept: &mut Option<T>, part: T, what: &str) -> Result<(), String> {
    match kept.replace(part) {
        Some(other) if Some(&other) != kept.as_ref() => {
            Err(format!("there are two of the {what}, and they differ"))
        }
        _ => Ok(()),
    }
}

/// The value in `{IonText: "…"}`, or in a string that is Ion text of a struct or a list; else the value itself.
fn opened(value: Value) -> Value {
    let fields = value.as_struct().map(|fields| fields.iter()).into_iter().flatten();
    let ion_text = fields
        .into_iter()
        .find(|(name, _)| name.text().is_some_and(|name| name.eq_ignore_ascii_case("IonText")));
    let text = ion_text.map_or(&value, |(_, text)| text).as_text().map(str::trim_start);
    match text.filter(|text| text.starts_with(['{', '['])).and_then(|text| text::read_one(text).ok()) {
        Some(inner) => inner,
        None => value,
    }
}

fn is_json(hash: Option<&Value>) -> bool {
    hash.is_some_and(|hash| !matches!(hash.data, Data::Blob(_)))
}

fn hash(value: &Value) -> Option<Hash> {
    Hash::from_slice(&bytes(value)?)
}

fn address(value: &Value) -> Option<BlockAddress> {
    let value = &opened(value.clone());
    BlockAddress::try_from(value).ok().or_else(|| {
        // SDKs that make objects of an address spell the members in their own way.
        let member = |name: &str| {
            let fields = value.as_struct()?.iter();
            fields
                .into_iter()
                .find(|(field, _)| field.text().is_some_and(|field| field.eq_ignore_ascii_case(name)))
        };
        let strand_id = member("strandId")?.1.as_text()?.parse::<UniqueId>().ok()?;
        let sequence_no = member("sequenceNo")?.1.as_i64()?.try_into().ok()?;
        Some(BlockAddress { strand_id, sequence_no })
    })
}
