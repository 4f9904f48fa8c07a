//! Checkpoints: digests that the ledger's key has signed, so that they can be published.
//!
//! A checkpoint is a C2SP `signed-note`, so that existing tools can transport and countersign it. Its lines resemble
//! those of a C2SP `tlog-checkpoint`. It is not one, because its root is that of QLDB's tree, whose nodes `dot` joins, and
//! not that of RFC 6962's. A line says so, and another one names the strand:
//!
//! ```text
//! everstrand/9lq2AAsrIjB2y229Dhjnbr
//! 15
//! ZVmkjf/ZkYJaraCcdaDYlGDrljRT/rlz4W3w9Cr3DfQ=
//! tree qldb-dot
//! strand 9lq2AAsrIjB2y229Dhjnbr
//!
//! — everstrand/9lq2AAsrIjB2y229Dhjnbr Az3grlgt…
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::hashing::{BlockAddress, Digest, Hash, UniqueId};

/// The number of Ed25519 in `signed-note`.
const ALGORITHM: u8 = 1;
const TREE_LINE: &str = "tree qldb-dot";
const STRAND: &str = "strand ";
const SIGNATURE: &str = "\u{2014} ";
const NOTE_LENGTH_MAX: usize = 1 << 20;
const SIGNATURES_MAX: usize = 100;

/// A checkpoint: a digest and its signatures.
///
/// ```
/// use everstrand_journal::{BlockAddress, Checkpoint, CheckpointSigner, Digest, Hash, UniqueId, origin};
///
/// let strand_id = UniqueId::from_bytes([3; 16]);
/// let digest = Digest { digest: Hash([9; 32]), digest_tip_address: BlockAddress { strand_id, sequence_no: 14 } };
/// let signer = CheckpointSigner::from_seed(&origin(strand_id), &[7; 32])?;
/// let note = Checkpoint::new(digest).signed(&signer).to_note();
///
/// let checkpoint = Checkpoint::parse(&note)?;
/// assert_eq!(checkpoint.digest, digest);
/// assert!(checkpoint.is_signed_by(&signer.verifier()));
/// # Ok::<(), everstrand_journal::InvalidNote>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the ledger among all logs, see [`origin`]. No two ledgers share it.
    pub origin: String,
    /// The digest.
    pub digest: Digest,
    /// Further lines, which are signed too and mean nothing to us.
    pub extensions: Vec<String>,
    signatures: Vec<NoteSignature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

/// The key that signs a ledger's checkpoints.
#[derive(Clone)]
pub struct CheckpointSigner {
    name: String,
    key: SigningKey,
}

/// The public half of a key that may have signed a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointVerifier {
    name: String,
    key: VerifyingKey,
}

/// A text is not a checkpoint or not a key; the text of the error says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidNote(String);

fn invalid<T>(why: impl Into<String>) -> Result<T, InvalidNote> {
    Err(InvalidNote(why.into()))
}

impl Checkpoint {
    /// A checkpoint without signatures. Its origin is that of the digest's strand.
    pub fn new(digest: Digest) -> Checkpoint {
        let origin = origin(digest.digest_tip_address.strand_id);
        Checkpoint { origin, digest, extensions: Vec::new(), signatures: Vec::new() }
    }

    /// Reads a note. An error means that its form is wrong. The signatures are not verified here but by
    /// [`Checkpoint::is_signed_by`].
    pub fn parse(note: &str) -> Result<Checkpoint, InvalidNote> {
        if note.len() > NOTE_LENGTH_MAX || note.chars().any(|character| character < ' ' && character != '\n')
        {
            return invalid("a note is text of at most 1 MiB without control characters");
        }
        let Some((body, signatures)) = note.rsplit_once("\n\n") else {
            return invalid("a note has an empty line between its text and its signatures");
        };
        let mut lines = body.split('\n');
        let mut line =
            |what: &str| lines.next().ok_or_else(|| InvalidNote(format!("the note has no {what}")));
        let origin = line("origin")?.to_owned();
        let size = line("size")?;
        let root = line("root")?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let canonical = size.parse::<u64>().ok().filter(|number| number.to_string() == size);
        let Some(tip) = canonical.and_then(|size| size.checked_sub(1)) else {
            return invalid("the second line of a checkpoint is its number of blocks, at least 1");
        };
        let Some(root) = Hash::from_base64(root) else {
            return invalid("the third line of a checkpoint is a root of 32 bytes in base64");
        };
        if !extensions.iter().any(|line| line == TREE_LINE) {
            return invalid(format!(
                "the checkpoint is of another kind of tree: it has no line {TREE_LINE:?}"
            ));
        }
        let strand = extensions.iter().find_map(|line| line.strip_prefix(STRAND)?.parse::<UniqueId>().ok());
        let Some(strand_id) = strand else {
            return invalid("the checkpoint names no strand");
        };
        if origin.is_empty() {
            return invalid("the origin is empty");
        }
        let digest =
            Digest { digest: root, digest_tip_address: BlockAddress { strand_id, sequence_no: tip } };
        let is_ours = |line: &String| line == TREE_LINE || line.starts_with(STRAND);
        let further = extensions.iter().filter(|line| !is_ours(line)).cloned().collect();
        let signatures = read_signatures(signatures)?;
        let checkpoint = Checkpoint { origin, digest, extensions: further, signatures };
        if checkpoint.body() != format!("{body}\n") {
            return invalid("the lines of the checkpoint are in the wrong order");
        }
        Ok(checkpoint)
    }

    /// Adds a signature by this key.
    #[must_use]
    pub fn signed(mut self, signer: &CheckpointSigner) -> Checkpoint {
        let bytes = signer.key.sign(self.body().as_bytes()).to_bytes().to_vec();
        let key_id = key_id(&signer.name, &signer.key.verifying_key());
        self.signatures.push(NoteSignature { name: signer.name.clone(), key_id, bytes });
        self
    }

    /// Whether one of the signatures is by this key, and is valid.
    pub fn is_signed_by(&self, verifier: &CheckpointVerifier) -> bool {
        let key_id = key_id(&verifier.name, &verifier.key);
        let by_key =
            |signature: &&NoteSignature| signature.name == verifier.name && signature.key_id == key_id;
        let body = self.body();
        self.signatures.iter().filter(by_key).any(|signature| {
            let bytes = Signature::from_slice(&signature.bytes);
            bytes.is_ok_and(|bytes| verifier.key.verify_strict(body.as_bytes(), &bytes).is_ok())
        })
    }

    /// The text of the note, with all signatures.
    pub fn to_note(&self) -> String {
        let mut note = self.body();
        note.push('\n');
        for signature in &self.signatures {
            let bytes = [&signature.key_id, signature.bytes.as_slice()].concat();
            note.push_str(&format!("{SIGNATURE}{} {}\n", signature.name, STANDARD.encode(bytes)));
        }
        note
    }

    /// The part of the note that is signed.
    fn body(&self) -> String {
        let Digest { digest, digest_tip_address: tip } = self.digest;
        let size = u128::from(tip.sequence_no) + 1;
        let mut body = format!("{}\n{size}\n{digest}\n{TREE_LINE}\n{STRAND}{}\n", self.origin, tip.strand_id);
        for line in &self.extensions {
            body.push_str(line);
            body.push('\n');
        }
        body
    }
}

impl CheckpointSigner {
    /// The key that is derived from this seed. An error means that the name is empty or has a blank or a plus sign.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<CheckpointSigner, InvalidNote> {
        check_name(name)?;
        Ok(CheckpointSigner { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// The public half of the key.
    pub fn verifier(&self) -> CheckpointVerifier {
        CheckpointVerifier { name: self.name.clone(), key: self.key.verifying_key() }
    }
}

impl std::fmt::Debug for CheckpointSigner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CheckpointSigner").field("name", &self.name).finish_non_exhaustive()
    }
}

impl CheckpointVerifier {
    /// Reads a key in the form of `signed-note`: `name+id+key`, where the id is 8 hexadecimal digits and the key is base64
    /// of the algorithm's number and the 32 bytes. An error says what is wrong.
    pub fn parse(text: &str) -> Result<CheckpointVerifier, InvalidNote> {
        let parts: Vec<&str> = text.trim().splitn(3, '+').collect();
        let [name, id, key] = parts[..] else {
            return invalid("a verifier key is name+id+key");
        };
        check_name(name)?;
        let key = STANDARD.decode(key).ok().filter(|key| key.first() == Some(&ALGORITHM));
        let key = key.and_then(|key| VerifyingKey::from_bytes(key[1..].try_into().ok()?).ok());
        let Some(key) = key else {
            return invalid("the key is not an Ed25519 key in base64");
        };
        let verifier = CheckpointVerifier { name: name.to_owned(), key };
        if hexadecimal(key_id(name, &key)) != id {
            return invalid("the id in the verifier key is not that of its name and key");
        }
        Ok(verifier)
    }
}

impl std::fmt::Display for CheckpointVerifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[ALGORITHM], self.key.as_bytes().as_slice()].concat();
        let id = hexadecimal(key_id(&self.name, &self.key));
        write!(formatter, "{}+{id}+{}", self.name, STANDARD.encode(key))
    }
}

/// The origin of a ledger's checkpoints, which is also the name of its key: `everstrand/<strand id>`.
pub fn origin(strand_id: UniqueId) -> String {
    format!("everstrand/{strand_id}")
}

fn read_signatures(text: &str) -> Result<Vec<NoteSignature>, InvalidNote> {
    let Some(lines) = text.strip_suffix('\n') else {
        return invalid("the last signature has no end of line");
    };
    let signatures: Vec<NoteSignature> = lines
        .split('\n')
        .take(SIGNATURES_MAX + 1)
        .map(|line| {
            let (name, bytes) = line.strip_prefix(SIGNATURE)?.split_once(' ')?;
            let bytes = STANDARD.decode(bytes).ok()?;
            let key_id = bytes.get(..4)?.try_into().ok()?;
            check_name(name).ok()?;
            Some(NoteSignature { name: name.to_owned(), key_id, bytes: bytes[4..].to_vec() })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| InvalidNote("a signature line is a dash, a name and base64".to_owned()))?;
    if signatures.len() > SIGNATURES_MAX {
        return invalid("a note has at most 100 signatures");
    }
    Ok(signatures)
}

fn check_name(name: &str) -> Result<(), InvalidNote> {
    let allowed = |character: char| !character.is_whitespace() && character != '+';
    if !name.is_empty() && name.chars().all(allowed) {
        Ok(())
    } else {
        invalid("the name of a key must not be empty, nor have a blank or a +")
    }
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', ALGORITHM]);
    hasher.update(key.as_bytes());
    let hash: [u8; 32] = hasher.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn hexadecimal(bytes: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let strand_id = UniqueId::from_bytes([3; 16]);
        let digest_tip_address = BlockAddress { strand_id, sequence_no: 14 };
        Checkpoint::new(Digest { digest: Hash([9; 32]), digest_tip_address })
    }

    fn signer(name: &str) -> CheckpointSigner {
        CheckpointSigner::from_seed(name, &[7; 32]).unwrap()
    }

    #[test]
    fn a_note_comes_back_with_its_signatures() {
        let mut checkpoint = checkpoint();
        checkpoint.extensions.push("time 2025-07-01T10:11:36Z".to_owned());
        let note = checkpoint.signed(&signer("ledger")).signed(&signer("witness"));
        let again = Checkpoint::parse(&note.to_note()).unwrap();
        assert_eq!(again, note);
        assert!(again.is_signed_by(&signer("ledger").verifier()));
        assert!(again.is_signed_by(&signer("witness").verifier()));
        assert!(!again.is_signed_by(&signer("somebody").verifier()));
    }

    #[test]
    fn no_byte_of_a_signed_note_can_be_changed() {
        let note = checkpoint().signed(&signer("ledger")).to_note();
        let verifier = signer("ledger").verifier();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut changed = note.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(changed) else { continue };
                let accepted =
                    Checkpoint::parse(&changed).is_ok_and(|changed| changed.is_signed_by(&verifier));
                assert!(!accepted, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn verifier_keys_are_read_as_they_are_written() {
        let verifier = signer("everstrand/x").verifier();
        assert_eq!(CheckpointVerifier::parse(&verifier.to_string()), Ok(verifier.clone()));
        let other_name = verifier.to_string().replacen("everstrand/x", "everstrand/y", 1);
        assert!(CheckpointVerifier::parse(&other_name).is_err());
    }

    #[test]
    fn the_verifier_key_of_the_go_documentation() {
        // golang.org/x/mod/sumdb/note: the key of the public checksum database.
        let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        assert_eq!(CheckpointVerifier::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "\n\n", "a\n1\nx\n\n\u{2014} a AAAA\n", "everstrand/x\n0\n", "a\u{1}\n\nb"] {
            assert!(Checkpoint::parse(text).is_err(), "{text:?}");
        }
    }
}
