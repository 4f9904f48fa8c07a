//! Verifies without the ledger that a revision or a block belongs to the journal of a digest, and that one digest
//! continues another.

use std::fmt;

use everstrand_ion::{Value, text};

use crate::evidence::saved::{Evidence, Input, Unusable};
use crate::evidence::{CheckpointVerifier, check_foreign, check_revision};
use crate::hashing::Hash;
use crate::tree::{self, Proof, path_length};

const BLOCK_HASHES: &str = "all hashes in the block are those of its content";

/// What was verified, and the steps of the verification in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// What was verified: names and values, as far as the evidence says them. They are true if the steps passed.
    pub facts: Vec<(&'static str, String)>,
    /// The steps; each prints as one line.
    pub steps: Vec<Step>,
}

/// One step of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was checked.
    pub what: String,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold; the text says why.
    Failed(String),
    /// It could not be checked; the text says why. The other steps do not depend on it.
    Skipped(String),
}

impl VerifyReport {
    /// Whether at least one step passed and none failed.
    pub fn is_verified(&self) -> bool {
        let has = |wanted: fn(&Outcome) -> bool| self.steps.iter().any(|step| wanted(&step.outcome));
        has(|outcome| *outcome == Outcome::Passed) && !has(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    fn step(&mut self, what: impl Into<String>, result: Result<(), String>) {
        self.steps.push(Step {
            what: what.into(),
            outcome: match result {
                Ok(()) => Outcome::Passed,
                Err(why) => Outcome::Failed(why),
            },
        });
    }

    fn skip(&mut self, what: &str, why: &str) {
        self.steps.push(Step { what: what.to_owned(), outcome: Outcome::Skipped(why.to_owned()) });
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.facts {
            writeln!(formatter, "{name:16} {value}")?;
        }
        for Step { what, outcome } in &self.steps {
            match outcome {
                Outcome::Passed => writeln!(formatter, "ok       {what}")?,
                Outcome::Failed(why) => writeln!(formatter, "FAILED   {what}: {why}")?,
                Outcome::Skipped(why) => writeln!(formatter, "skipped  {what}: {why}")?,
            }
        }
        formatter.write_str(if self.is_verified() { "verified" } else { "NOT VERIFIED" })
    }
}

/// Reads files and verifies what they hold, see [`verify`]. An error means that a file cannot be used, or that a part is
/// missing.
pub fn verify_files(inputs: &[Input<'_>], keys: &[CheckpointVerifier]) -> Result<VerifyReport, Unusable> {
    verify(&Evidence::read(inputs)?, keys)
}

/// Verifies a revision or a block against a digest. `keys` are the keys that may have signed a checkpoint. The
/// verification goes on after a failure, and reports every step that it had to skip.
///
/// An error means that the digest, the proof, or both revision and block are missing.
pub fn verify(evidence: &Evidence, keys: &[CheckpointVerifier]) -> Result<VerifyReport, Unusable> {
    let missing = |what: &str| Unusable(format!("there is no {what}: give the file that holds it"));
    let digest = evidence.digest.ok_or_else(|| missing("digest"))?;
    let proof = evidence.proof.as_ref().ok_or_else(|| missing("proof"))?;
    let mut report = VerifyReport { facts: facts(evidence), steps: Vec::new() };
    let signed = "the checkpoint is signed by a key that was given";
    checkpoint(signed, evidence, keys, &mut report);
    let (subject, hash) = if let Some(hash) = evidence.revision_hash {
        revision(evidence, &mut report);
        if evidence.block.is_some() {
            report.skip(BLOCK_HASHES, "what is verified is the revision, whose proof needs no block");
        }
        ("revision", hash)
    } else {
        ("block", block(evidence, &mut report)?)
    };
    address(evidence, &mut report);
    length(evidence, proof, subject == "block", &mut report);
    let root = proof.fold(hash);
    let leads =
        if root == digest { Ok(()) } else { Err(format!("it leads to {root}, the digest is {digest}")) };
    report.step(format!("the proof leads from the {subject}'s hash to the digest"), leads);
    Ok(report)
}

/// Verifies that the journal under the digest in `old` is the beginning of the journal under the digest in `new`, by the
/// consistency proof in `new`. `keys` are the keys that may have signed a checkpoint.
///
/// An error means that a part is missing, or that the digests are in the wrong order.
pub fn verify_prefix(
    old: &Evidence,
    new: &Evidence,
    keys: &[CheckpointVerifier],
) -> Result<VerifyReport, Unusable> {
    let whole = |evidence: &Evidence, which: &str| {
        let missing = format!("the {which} digest is not there, or not with the address of its tip");
        evidence.whole_digest().ok_or(Unusable(missing))
    };
    let (old_digest, new_digest) = (whole(old, "older")?, whole(new, "newer")?);
    let (old_tip, new_tip) = (old_digest.digest_tip_address, new_digest.digest_tip_address);
    let nodes = match &new.proof {
        Some(proof) => proof.nodes.as_slice(),
        // Two digests at one block need no proof: they are equal, or one of them is wrong.
        None if old_tip.sequence_no == new_tip.sequence_no => &[],
        None => return Err(Unusable("there is no proof: give the file that holds it".to_owned())),
    };
    if old_tip.sequence_no > new_tip.sequence_no {
        return Err(Unusable(format!(
            "the first digest covers the blocks up to {}, the second only those up to {}: give the older one first",
            old_tip.sequence_no, new_tip.sequence_no
        )));
    }
    let mut report = VerifyReport::default();
    checkpoint("the older checkpoint is signed by a key that was given", old, keys, &mut report);
    checkpoint("the newer checkpoint is signed by a key that was given", new, keys, &mut report);
    let same = old_tip.strand_id == new_tip.strand_id;
    let differ = || {
        format!(
            "the older one is of strand {}, the newer of {}: that is so where the ledger was restored, see its audit",
            old_tip.strand_id, new_tip.strand_id
        )
    };
    match same {
        true => report.step("both digests are of one strand", Ok(())),
        // The hash of a block covers its strand, so the proof alone decides.
        false => report.skip("both digests are of one strand", &differ()),
    }
    let holds = tree::verify_consistency(&old_digest, &new_digest, nodes);
    let not = "the proof does not lead to both digests: somebody changed the past, the proof or a digest";
    report.step(
        format!(
            "the journal up to block {} is the beginning of that up to block {}",
            old_tip.sequence_no, new_tip.sequence_no
        ),
        if holds { Ok(()) } else { Err(not.to_owned()) },
    );
    Ok(report)
}

/// What the evidence says of itself.
fn facts(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    let metadata = evidence.revision.as_ref().map(|revision| revision.to_value());
    let written = |value: &Value| value.as_text().map_or_else(|| text::write(value), str::to_owned);
    let member = |name: &str| metadata.as_ref()?.get("metadata")?.get(name).map(written);
    fact("document", member("id"));
    fact("version", member("version"));
    fact("transaction", member("txId"));
    fact("transaction time", member("txTime"));
    fact("block", evidence.block_address.map(|address| address.sequence_no.to_string()));
    let strand = evidence.block_address.or(evidence.digest_tip_address);
    fact("strand", strand.map(|address| address.strand_id.to_string()));
    fact("digest", evidence.digest.map(|digest| digest.to_string()));
    fact("of the blocks", evidence.digest_tip_address.map(|tip| format!("0 to {}", tip.sequence_no)));
    facts
}

fn checkpoint(what: &str, evidence: &Evidence, keys: &[CheckpointVerifier], report: &mut VerifyReport) {
    match &evidence.checkpoint {
        None => {}
        Some(_) if keys.is_empty() => report.skip(what, "no key was given"),
        Some(checkpoint) => {
            let signed = keys.iter().any(|key| checkpoint.is_signed_by(key));
            report.step(what, if signed { Ok(()) } else { Err("no signature is by one of them".to_owned()) });
        }
    }
}

fn revision(evidence: &Evidence, report: &mut VerifyReport) {
    let what = "the revision's hash is that of its data and metadata";
    match evidence.revision.as_ref().and_then(|revision| check_revision(revision.root())) {
        Some(Ok(())) => report.step(what, Ok(())),
        Some(Err(_)) => report.step(
            what,
            Err("data or metadata were changed, or types were lost on the way (as in JSON)".to_owned()),
        ),
        None => report.skip(what, "only the hash is there"),
    }
}

/// Checks the block itself and returns its hash.
fn block(evidence: &Evidence, report: &mut VerifyReport) -> Result<Hash, Unusable> {
    let block = evidence.block.as_ref();
    let block = block.ok_or_else(|| Unusable("there is no revision and no block to verify".to_owned()))?;
    let checked = check_foreign(block.root(), None).map_err(|error| Unusable(error.to_string()))?;
    if checked.deviations.is_empty() {
        report.step(BLOCK_HASHES, Ok(()));
    }
    for deviation in checked.deviations {
        report.step(format!("the block's {}", deviation.check), Err(deviation.detail));
    }
    Ok(checked.hash)
}

fn address(evidence: &Evidence, report: &mut VerifyReport) {
    let what = "the digest covers the block";
    match (evidence.block_address, evidence.digest_tip_address) {
        (Some(block), Some(tip)) if block.sequence_no > tip.sequence_no => {
            let (block, tip) = (block.sequence_no, tip.sequence_no);
            report.step(what, Err(format!("it is block {block}, the digest ends with block {tip}")));
        }
        // Block and digest are of two strands where the ledger was restored in between. The proof shows whether the digest
        // covers the block, because the hash of a block covers its address.
        (Some(block), Some(tip)) if block.strand_id != tip.strand_id => report.skip(
            what,
            &format!(
                "the block is of strand {}, the digest of {}: that is so where the ledger was restored, see its audit",
                block.strand_id, tip.strand_id
            ),
        ),
        (Some(_), Some(_)) => report.step(what, Ok(())),
        _ => report.skip(what, "the block's address or the digest's tip is not there"),
    }
}

/// Checks that the proof is of the place of the block.
///
/// Nodes are not marked as leaves or inner nodes. Therefore an inner node could pose as a leaf; the length of the proof
/// shows that it does not. A revision's proof also holds the hash of the block before. In the tree that block is the
/// neighbour of a block with an odd number only; there, and only there, two nodes in a row are equal.
fn length(evidence: &Evidence, proof: &Proof, of_block: bool, report: &mut VerifyReport) {
    let what = "the proof is of the place of the block";
    let (Some(block), Some(tip)) = (evidence.block_address, evidence.digest_tip_address) else {
        return report.skip(what, "the block's address or the digest's tip is not there");
    };
    if block.sequence_no > tip.sequence_no {
        return;
    }
    let (in_tree, nodes) = (path_length(block.sequence_no, tip.sequence_no), proof.nodes.len());
    if of_block {
        let fits = nodes == in_tree;
        return report
            .step(what, if fits { Ok(()) } else { Err(format!("it has {nodes} nodes, not {in_tree}")) });
    }
    let Some(in_block) = nodes.checked_sub(in_tree).filter(|in_block| *in_block > 0) else {
        return report.step(what, Err(format!("it has {nodes} nodes, not more than {in_tree}")));
    };
    let neighbours = proof.nodes.get(in_block) == proof.nodes.get(in_block - 1);
    let is_odd = block.sequence_no % 2 == 1;
    let fits = neighbours == is_odd;
    report.step(what, if fits { Ok(()) } else { Err("its nodes are those of another block".to_owned()) });
}
