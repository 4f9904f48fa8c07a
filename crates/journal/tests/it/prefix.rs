//! Consistency proofs from slots alone. No change of a proof, of a digest or of the past may be accepted.

use std::cell::Cell;
use std::convert::Infallible;

use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::tree::Frontier;
use everstrand_journal::{Block, Digest, Hash, Proof, ProposedTransaction, Slot, SlotTree, verify_prefix};

use crate::samples::{START, chain, id, slots, statement};

/// A chain of blocks. With a `fork`, the blocks from that number on are others.
fn long_chain(length: u64, fork: u64) -> Vec<Block> {
    let transaction = |number: u64| {
        let time = START + i64::try_from(number).unwrap();
        let text = if number < fork { "SELECT 1 FROM T" } else { "SELECT 2 FROM T" };
        ProposedTransaction {
            transaction_id: id(u8::try_from(number % 200).unwrap()),
            transaction_time: time,
            statements: vec![statement(text, &[], time)],
            ..Default::default()
        }
    };
    chain(&(1..length).map(transaction).collect::<Vec<_>>())
}

/// The digest at each block, computed by the definition.
fn digests(blocks: &[Block]) -> Vec<Digest> {
    let mut frontier = Frontier::empty();
    blocks
        .iter()
        .map(|block| {
            frontier.push(block.hash());
            Digest { digest: frontier.root().unwrap(), digest_tip_address: block.address() }
        })
        .collect()
}

fn tree(slots: &[Slot]) -> SlotTree<impl FnMut(u64) -> Result<Slot, Infallible>> {
    let read = |number: u64| Ok(slots[usize::try_from(number).unwrap()].clone());
    SlotTree::new(slots.len() as u64, read).unwrap()
}

fn evidence(digest: &Digest, nodes: Option<&[Hash]>) -> Evidence {
    Evidence {
        digest: Some(digest.digest),
        digest_tip_address: Some(digest.digest_tip_address),
        proof: nodes.map(|nodes| Proof { nodes: nodes.to_vec() }),
        ..Evidence::default()
    }
}

/// `Ok` says whether the verification passed, `Err` that the input cannot be used.
fn verified(old: &Digest, new: &Digest, nodes: &[Hash]) -> Result<bool, String> {
    let report = verify_prefix(&evidence(old, None), &evidence(new, Some(nodes)), &[]);
    report.map(|report| report.is_verified()).map_err(|error| error.to_string())
}

#[test]
fn slots_alone_prove_every_pair_of_tips() {
    let blocks = long_chain(45, u64::MAX);
    let digests = digests(&blocks);
    for group in [1, 2, 3, 7, 16, 45] {
        let slots = slots(&blocks, group);
        let mut tree = tree(&slots);
        assert_eq!(tree.tip(), 44);
        for (new_tip, new) in (0..).zip(&digests) {
            assert_eq!(&tree.digest(new_tip).unwrap(), new, "groups of {group}");
            for (old_tip, old) in (0..=new_tip).zip(&digests) {
                let nodes = tree.consistency(old_tip, new_tip).unwrap();
                assert_eq!(verified(old, new, &nodes), Ok(true), "{old_tip} in {new_tip}, groups of {group}");
            }
        }
        assert!(
            tree.digest(45).is_err() && tree.consistency(3, 45).is_err() && tree.consistency(4, 3).is_err()
        );
    }
}

#[test]
fn few_slots_are_read_of_many() {
    let blocks = long_chain(3000, u64::MAX);
    let slots = slots(&blocks, 1);
    let reads = Cell::new(0);
    let read = |number: u64| {
        reads.set(reads.get() + 1);
        Ok::<_, Infallible>(slots[usize::try_from(number).unwrap()].clone())
    };
    let mut tree = SlotTree::new(3000, read).unwrap();
    let nodes = tree.consistency(1364, 2998).unwrap();
    assert!(nodes.len() <= 2 * 12, "{} nodes", nodes.len());
    assert!(reads.get() <= 12 * 12 * 2, "{} of 3000 slots", reads.get());
}

#[test]
fn nothing_of_a_proof_or_a_digest_may_be_changed() {
    let blocks = long_chain(30, u64::MAX);
    let digests = digests(&blocks);
    let slots = slots(&blocks, 4);
    let mut tree = tree(&slots);
    for (old_tip, new_tip) in [(0, 29), (7, 29), (12, 13), (15, 16), (20, 28), (9, 9)] {
        let [old, new] = [old_tip, new_tip].map(|tip| digests[usize::try_from(tip).unwrap()]);
        let nodes = tree.consistency(old_tip, new_tip).unwrap();
        assert_eq!(verified(&old, &new, &nodes), Ok(true));
        let changed = |hash: Hash, bit: usize| {
            let mut bytes = hash.0;
            bytes[bit / 8] ^= 1 << (bit % 8);
            Hash(bytes)
        };
        for bit in 0..256 {
            for at in 0..nodes.len() {
                let mut other = nodes.clone();
                other[at] = changed(other[at], bit);
                assert_eq!(verified(&old, &new, &other), Ok(false), "node {at}, bit {bit}");
            }
            let other = Digest { digest: changed(old.digest, bit), ..old };
            assert_eq!(verified(&other, &new, &nodes), Ok(false));
            let other = Digest { digest: changed(new.digest, bit), ..new };
            assert_eq!(verified(&old, &other, &nodes), Ok(false));
        }
        for at in 0..nodes.len() {
            let mut shorter = nodes.clone();
            shorter.remove(at);
            assert_eq!(verified(&old, &new, &shorter), Ok(false), "without node {at}");
        }
        let longer = [&nodes[..], &[old.digest]].concat();
        assert_eq!(verified(&old, &new, &longer), Ok(false));
        let mut of_another = old;
        of_another.digest_tip_address.strand_id = id(77);
        assert_eq!(verified(&of_another, &new, &nodes), Ok(false), "of another ledger");
    }
}

#[test]
fn a_journal_that_forked_continues_nothing() {
    for fork in [1, 5, 16, 20] {
        let [honest, forked] = [u64::MAX, fork].map(|fork| long_chain(33, fork));
        let (old, new) = (digests(&honest), digests(&forked));
        let slots = slots(&forked, 2);
        let mut tree = tree(&slots);
        for (old_tip, old) in (0..).zip(&old) {
            let nodes = tree.consistency(old_tip, 32).unwrap();
            let before = old_tip < fork;
            assert_eq!(verified(old, &new[32], &nodes), Ok(before), "tip {old_tip}, forked at {fork}");
        }
    }
}

#[test]
fn two_digests_of_one_block_are_compared_without_a_proof() {
    let [honest, forked] = [u64::MAX, 4].map(|fork| digests(&long_chain(6, fork)));
    for (other, holds) in [(&honest[5], true), (&forked[5], false)] {
        let report = verify_prefix(&evidence(&honest[5], None), &evidence(other, None), &[]).unwrap();
        assert_eq!(report.is_verified(), holds, "{report}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let digests = digests(&long_chain(6, u64::MAX));
    let error = verified(&digests[5], &digests[2], &[]).unwrap_err();
    assert!(
        error.contains("up to 5") && error.contains("up to 2") && error.contains("older one first"),
        "{error}"
    );
    let without_proof = verify_prefix(&evidence(&digests[1], None), &evidence(&digests[2], None), &[]);
    assert!(without_proof.unwrap_err().to_string().contains("no proof"));
    let bare = digests[1].digest.to_string();
    let input = Input { name: "digest", role: Role::Digest, bytes: bare.as_bytes() };
    let bare = Evidence::read(&[input]).unwrap();
    let error = verify_prefix(&bare, &evidence(&digests[2], Some(&[])), &[]).unwrap_err().to_string();
    assert!(error.contains("older digest") && error.contains("address"), "{error}");
}
