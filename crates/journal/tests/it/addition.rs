//! Additions: they read back as they were written, in one form only, and an audit keeps to what they say.

use everstrand_ion::{Document, text};
use everstrand_journal::tree::{Frontier, verify_consistency};
use everstrand_journal::{
    Addition, Auditor, Block, Check, ForeignBlock, Fork, ForkedRedaction, FormatError, Hash, Seal, Settings,
    Slot, SlotContent, SlotHeader, SlotTree, UniqueId, Void, WriterId,
};
use proptest::prelude::*;

use crate::samples::{START, blocks, id, slots};

pub(crate) fn void(ids: &[u8]) -> Addition {
    let void = Void::new(ids.iter().map(|number| id(*number)), START + 7).unwrap();
    Addition { void: Some(void), ..Addition::default() }
}

pub(crate) fn seal(seal: Seal) -> Addition {
    Addition { seal: Some(seal), ..Addition::default() }
}

fn config() -> Addition {
    Addition { config: Some(Settings { write_format: Some(2) }), ..Addition::default() }
}

/// An addition of each kind.
pub(crate) fn additions() -> Vec<(&'static str, Addition)> {
    let place = Seal::ContinuesAt("s3://bucket/place".to_owned());
    vec![
        ("void", void(&[210, 200])),
        ("config", config()),
        ("deleted", seal(Seal::Deleted)),
        ("continues", seal(place.clone())),
        ("all", Addition { config: config().config, seal: Some(place), ..void(&[7]) }),
    ]
}

/// The fork of a ledger of strand 7, restored up to the end of `before`.
pub(crate) fn fork(before: &Slot) -> Fork {
    let redaction = |document: u8| ForkedRedaction {
        block: 1,
        document_id: id(document),
        table_id: id(30),
        version: 2,
        redacted_by: 9,
    };
    Fork {
        ledger: id(40).to_string(),
        strand_id: before.header().strand_id,
        block: before.frontier().size() - 1,
        digest: before.frontier().root().unwrap(),
        slot: before.header().slot,
        link: before.link(),
        redactions: vec![redaction(20), redaction(21)],
    }
}

/// The slot with the fork of a restored ledger, whose strand is `strand`.
fn forked(before: &Slot, strand: u8, fork: Fork) -> Result<Slot, FormatError> {
    let header = SlotHeader { strand_id: id(strand), ..*after(before, &[], Some(config())).header() };
    let addition = Addition { fork: Some(fork), ..Addition::default() };
    Slot::with_addition(header, before.frontier(), SlotContent::Blocks(Vec::new()), addition)
}

/// A fork reads back, is refused in another form, and is judged by an audit: only it may begin another strand.
#[test]
fn a_fork_begins_another_strand_and_nothing_else_does() {
    let (first, rest) = begun();
    let fork = fork(&first);
    let slot = forked(&first, 50, fork.clone()).unwrap();
    let read = Slot::decode(slot.encode().unwrap()).unwrap();
    assert_eq!(read.addition().unwrap().fork, Some(fork.clone()));
    let unsorted = Fork { redactions: fork.redactions.iter().rev().copied().collect(), ..fork.clone() };
    assert!(forked(&first, 50, unsorted).is_err());
    assert!(forked(&first, 50, Fork { ledger: String::new(), ..fork.clone() }).is_err());

    let audit = |slots: &[&Slot]| {
        let mut auditor = Auditor::new([]);
        let found = slots.iter().flat_map(|slot| auditor.slot(slot)).collect::<Vec<_>>();
        (
            found.into_iter().map(|deviation| deviation.detail).collect::<Vec<_>>(),
            auditor.summary().forks.clone(),
        )
    };
    assert_eq!(audit(&[&first, &slot]), (vec![], vec![(id(50), fork.clone())]));
    // The blocks that follow must have the strand of the fork.
    let old = SlotHeader { previous_link: slot.link(), slot: slot.header().slot + 1, ..*slot.header() };
    let old = Slot::new(old, slot.frontier(), SlotContent::Blocks(rest[..1].to_vec())).unwrap();
    assert_eq!(audit(&[&first, &slot, &old]).0.len(), 1);
    for wrong in [
        Fork { block: fork.block + 1, ..fork.clone() },
        Fork { digest: first.link(), ..fork.clone() },
        Fork { strand_id: id(8), ..fork.clone() },
    ] {
        assert_eq!(audit(&[&first, &forked(&first, 50, wrong).unwrap()]).0.len(), 1);
    }
    // A fork to its own strand, and another strand without a fork.
    assert_eq!(audit(&[&first, &forked(&first, 1, fork).unwrap()]).0.len(), 1);
    let header = SlotHeader { strand_id: id(50), ..*after(&first, &[], Some(config())).header() };
    let other =
        Slot::with_addition(header, first.frontier(), SlotContent::Blocks(Vec::new()), config()).unwrap();
    assert_eq!(audit(&[&first, &other]).0.len(), 1);
}

/// The slot with these blocks, perhaps none, that follows another one.
pub(crate) fn after(before: &Slot, blocks: &[Block], addition: Option<Addition>) -> Slot {
    let header = SlotHeader {
        strand_id: id(1),
        slot: before.header().slot + 1,
        writer: WriterId { id: id(9), attempt: 5 },
        previous_link: before.link(),
        first_block_no: before.frontier().size(),
    };
    let content = SlotContent::Blocks(blocks.to_vec());
    match addition {
        None => Slot::new(header, before.frontier(), content).unwrap(),
        Some(addition) => Slot::with_addition(header, before.frontier(), content, addition).unwrap(),
    }
}

/// Slot 0 with the first three sample blocks, and the other blocks.
pub(crate) fn begun() -> (Slot, Vec<Block>) {
    let blocks = blocks();
    (slots(&blocks[..3], 3).remove(0), blocks[3..].to_vec())
}

fn encoded(ion: &str) -> Vec<u8> {
    Document::from(text::read_one(ion).unwrap()).as_bytes().to_vec()
}

fn checks(slots: &[&Slot]) -> Vec<Check> {
    let mut auditor = Auditor::new([]);
    slots.iter().flat_map(|slot| auditor.slot(slot)).map(|deviation| deviation.check).collect()
}

#[test]
fn a_slot_with_an_addition_comes_back_as_it_was() {
    let (first, rest) = begun();
    for (name, addition) in additions() {
        for blocks in [&rest[..0], &rest[..2]] {
            let slot = after(&first, blocks, Some(addition.clone()));
            let again = Slot::decode(slot.encode().unwrap()).unwrap();
            assert_eq!(again.addition(), Some(&addition), "{name}");
            assert_eq!((again.header(), again.link()), (slot.header(), slot.link()), "{name}");
            assert_eq!(again.frontier(), slot.frontier(), "{name}");
            assert_eq!(again.frontier().size(), 3 + blocks.len() as u64, "{name}");
            assert_eq!(again.encode().unwrap(), slot.encode().unwrap(), "{name}");
        }
    }
}

/// The bytes stand for ever: a slot of each kind is what it was when additions were introduced.
#[test]
fn a_slot_of_each_kind_has_the_bytes_that_were_written_down() {
    let (first, _) = begun();
    let written: String = additions()
        .into_iter()
        .map(|(name, addition)| {
            let bytes = after(&first, &[], Some(addition)).encode().unwrap();
            let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{name} {hexadecimal}\n")
        })
        .collect();
    assert_eq!(written, include_str!("additions.txt"));
}

/// The form in Ion text, and what is not in that form or not known.
#[test]
fn an_addition_has_one_form() {
    let [a, b] = [id(200), id(210)];
    let right = [
        format!("{{void:{{ids:[\"{a}\",\"{b}\"],time:{}}}}}", START + 7),
        "{config:{write_format:2}}".to_owned(),
        "{seal:{deleted:true}}".to_owned(),
        "{seal:{continues_at:\"s3://bucket/place\"}}".to_owned(),
    ];
    for (right, (name, addition)) in right.iter().zip(additions()) {
        assert_eq!(Addition::decode(&encoded(right)), Ok(addition.clone()), "{name}");
        assert_eq!(addition.encode().unwrap(), encoded(right), "{name}");
        let mut longer = encoded(right);
        longer.push(0x0F);
        assert!(Addition::decode(&longer).is_err(), "{name}");
    }
    let wrong = [
        "{}".to_owned(),
        "null.struct".to_owned(),
        "5".to_owned(),
        "[]".to_owned(),
        "a::{seal:{deleted:true}}".to_owned(),
        "{seal:{}}".to_owned(),
        "{seal:deleted}".to_owned(),
        "{seal:{deleted:false}}".to_owned(),
        "{seal:{deleted:null.bool}}".to_owned(),
        "{seal:{deleted:true,continues_at:\"x\"}}".to_owned(),
        "{seal:{deleted:true},seal:{deleted:true}}".to_owned(),
        "{seal:{continues_at:\"\"}}".to_owned(),
        "{seal:{continues_at:x}}".to_owned(),
        format!("{{seal:{{continues_at:\"{}\"}}}}", "x".repeat(1025)),
        "{config:{}}".to_owned(),
        "{config:{write_format:-1}}".to_owned(),
        "{config:{write_format:18446744073709551616}}".to_owned(),
        "{config:{write_format:2d0}}".to_owned(),
        "{seal:{deleted:true},config:{write_format:2}}".to_owned(),
        format!("{{void:{{ids:[\"{b}\",\"{a}\"],time:0}}}}"),
        format!("{{void:{{ids:[\"{a}\",\"{a}\"],time:0}}}}"),
        format!("{{void:{{ids:(\"{a}\"),time:0}}}}"),
        format!("{{void:{{ids:['{a}'],time:0}}}}"),
        format!("{{void:{{time:0,ids:[\"{a}\"]}}}}"),
        format!("{{void:{{ids:[\"{a}\"]}}}}"),
        format!("{{void:{{ids:[\"{a}\"],time:9223372036854775808}}}}"),
        "{void:{ids:[],time:0}}".to_owned(),
        "{void:{ids:[\"short\"],time:0}}".to_owned(),
        "{void:{time:0}}".to_owned(),
    ];
    for wrong in wrong {
        assert!(Addition::decode(&encoded(&wrong)).is_err(), "{wrong}");
    }
    let unknown = [
        "{forks:{block:3}}".to_owned(),
        "{seal:{deleted:true},forks:{}}".to_owned(),
        "{config:{write_format:2,tags:{}}}".to_owned(),
        "{seal:{deleted:true,by:\"x\"}}".to_owned(),
        format!("{{void:{{ids:[\"{a}\"],time:0,why:1}}}}"),
    ];
    for unknown in unknown {
        let error = Addition::decode(&encoded(&unknown)).unwrap_err();
        assert!(error.message.contains("needs a newer version"), "{unknown}: {error}");
    }
}

#[test]
fn an_addition_has_bounds() {
    let numbered = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        UniqueId::from_bytes(bytes)
    };
    let most = Void::new((0..4096).map(numbered), i64::MIN).unwrap();
    let place = Seal::ContinuesAt("x".repeat(1024));
    let most = Addition {
        void: Some(most),
        config: Some(Settings { write_format: Some(u64::MAX) }),
        seal: Some(place),
        fork: None,
    };
    let bytes = most.encode().unwrap();
    assert!(bytes.len() < Addition::BYTES_MAX, "{}", bytes.len());
    assert_eq!(Addition::decode(&bytes), Ok(most));
    assert!(Void::new((0..4097).map(numbered), 0).is_err());
    assert!(Void::new([], 0).is_err());
    let ids: Vec<String> = (0..4097).map(|number| format!("\"{}\"", numbered(number))).collect();
    let more = encoded(&format!("{{void:{{ids:[{}],time:0}}}}", ids.join(",")));
    assert!(Addition::decode(&more).is_err());
    assert!(Addition::default().encode().is_err());
    assert!(seal(Seal::ContinuesAt(String::new())).encode().is_err());
    assert!(seal(Seal::ContinuesAt("x".repeat(1025))).encode().is_err());
    let nothing = Addition { config: Some(Settings::default()), ..Addition::default() };
    assert!(nothing.encode().is_err());

    // A head that claims any length, with a repaired checksum.
    let (first, rest) = begun();
    for length in [Addition::BYTES_MAX + 1, 1 << 20, 1 << 31] {
        let whole = after(&first, &rest[..1], None).encode().unwrap();
        let (mut head, at) = (whole[..112 + 32].to_vec(), 108);
        head[at..at + 4].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        head.resize(head.len() + length.min(1 << 20), 0x20);
        head.extend([0; 32]);
        let checksum = crc32c::crc32c(&head).to_le_bytes();
        head.extend(checksum);
        let error = Slot::decode(head).unwrap_err();
        let expected = if length > 1 << 20 { "bytes are needed" } else { "131072 is the most" };
        assert!(error.message.contains(expected), "{error}");
    }
}

#[test]
fn every_flipped_bit_of_an_addition_is_refused_also_with_a_repaired_checksum() {
    let (first, rest) = begun();
    for (name, addition) in additions() {
        for blocks in [&rest[..0], &rest[..1]] {
            let slot = after(&first, blocks, Some(addition.clone()));
            let bytes = slot.encode().unwrap();
            let head = bytes.len() - blocks.iter().map(|block| block.as_bytes().len()).sum::<usize>();
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut changed = bytes.clone();
                    changed[at] ^= 1 << bit;
                    assert!(Slot::decode(changed.clone()).is_err(), "{name}: byte {at}, bit {bit}");
                    let checksum = crc32c::crc32c(&changed[..head - 4]).to_le_bytes();
                    changed[head - 4..head].copy_from_slice(&checksum);
                    let is_writer = (40..64).contains(&at);
                    let is_checksum = (head - 4..head).contains(&at);
                    // The frontier's hashes are compared by an audit.
                    let is_frontier = (112..112 + 32 * slot.frontier().hashes().len()).contains(&at);
                    let is_read = Slot::decode(changed).is_ok();
                    assert_eq!(
                        is_read,
                        is_writer || is_checksum || is_frontier,
                        "{name}: byte {at}, bit {bit}"
                    );
                }
            }
            for length in 0..bytes.len() {
                assert!(Slot::decode(bytes[..length].to_vec()).is_err(), "{name}: {length} bytes");
            }
        }
    }
}

#[test]
fn the_link_covers_the_addition() {
    let (first, rest) = begun();
    for blocks in [&rest[..0], &rest[..2]] {
        let mut links: Vec<Hash> =
            additions().into_iter().map(|(_, said)| after(&first, blocks, Some(said)).link()).collect();
        links.extend((!blocks.is_empty()).then(|| after(&first, blocks, None).link()));
        let count = links.len();
        links.sort_unstable();
        links.dedup();
        assert_eq!(links.len(), count);
    }
}

#[test]
fn only_a_later_slot_with_an_addition_may_have_no_block() {
    let (first, rest) = begun();
    let nothing = || SlotContent::Blocks(Vec::new());
    let header = *after(&first, &rest[..1], None).header();
    assert!(Slot::new(header, first.frontier(), nothing()).is_err());
    assert!(Slot::with_addition(header, first.frontier(), nothing(), void(&[3])).is_ok());
    let foreign = SlotContent::Foreign(Vec::new());
    assert!(Slot::with_addition(header, first.frontier(), foreign, void(&[3])).is_err());
    let header = *first.header();
    assert!(Slot::with_addition(header, &Frontier::empty(), nothing(), void(&[3])).is_err());
    assert!(Slot::new(header, &Frontier::empty(), nothing()).is_err());

    // The same in bytes: a slot without a block whose addition was cut out.
    let mut bytes = after(&first, &[], Some(void(&[3]))).encode().unwrap();
    let end_of_frontier = 112 + 32 * first.frontier().hashes().len();
    bytes.drain(end_of_frontier..bytes.len() - 36);
    bytes[108..112].fill(0);
    let head = bytes.len() - 4;
    let checksum = crc32c::crc32c(&bytes[..head]).to_le_bytes();
    bytes[head..].copy_from_slice(&checksum);
    assert_eq!(Slot::decode(bytes).unwrap_err().message, "a slot has no block");
}

#[test]
fn a_foreign_slot_may_have_an_addition() {
    let (first, rest) = begun();
    let foreign = |block: &Block| ForeignBlock::new((&block.to_ion().unwrap()).into(), None, None).unwrap();
    let content = SlotContent::Foreign(rest[..2].iter().map(foreign).collect());
    let header = *after(&first, &rest[..2], None).header();
    let slot = Slot::with_addition(header, first.frontier(), content, void(&[103])).unwrap();
    let slot = Slot::decode(slot.encode().unwrap()).unwrap();
    assert_eq!(slot.addition(), Some(&void(&[103])));
    assert_eq!(checks(&[&first, &slot]), [Check::Void]);
}

#[test]
fn a_redaction_keeps_addition_and_link() {
    let blocks = blocks();
    let first = slots(&blocks[..2], 2).remove(0);
    let slot = after(&first, &blocks[2..4], Some(void(&[250])));
    let redacted = slot.redacted(&[(2, id(10))]).unwrap();
    assert_ne!(redacted.encode().unwrap(), slot.encode().unwrap());
    let again = Slot::decode(redacted.encode().unwrap()).unwrap();
    assert_eq!((again.link(), again.addition()), (slot.link(), slot.addition()));
}

/// Transaction 104 is in block 4.
#[test]
fn no_block_may_come_beside_a_void_of_its_transaction_or_after_it() {
    let (first, rest) = begun();
    let alone = after(&first, &[], Some(void(&[200])));
    let next = after(&alone, &rest[..1], None);
    let last = after(&next, &rest[1..], Some(void(&[201])));
    assert_eq!(checks(&[&first, &alone, &next, &last]), []);
    let beside = after(&first, &rest[..2], Some(void(&[104, 200])));
    assert_eq!(checks(&[&first, &beside]), [Check::Void]);
    let alone = after(&first, &[], Some(void(&[104])));
    let between = after(&alone, &rest[..1], None);
    let later = after(&between, &rest[1..], None);
    assert_eq!(checks(&[&first, &alone, &between, &later]), [Check::Void]);
    let mut auditor = Auditor::new([]);
    let found: Vec<String> = [&first, &alone, &between, &later]
        .iter()
        .flat_map(|slot| auditor.slot(slot))
        .map(|deviation| deviation.to_string())
        .collect();
    let expected = format!("block 4: void: transaction {} is in a block, although a void names it", id(104));
    assert_eq!(found, [expected]);

    // A void after the block is no contradiction for an audit, which does not remember all transactions.
    let after_it = after(&after(&first, &rest, None), &[], Some(void(&[104])));
    assert_eq!(checks(&[&first, &after(&first, &rest, None), &after_it]), []);
}

#[test]
fn nothing_may_come_after_a_seal() {
    let (first, rest) = begun();
    for sealed in [Seal::Deleted, Seal::ContinuesAt("elsewhere".to_owned())] {
        let sealing = after(&first, &rest[..1], Some(seal(sealed)));
        assert_eq!(checks(&[&first, &sealing]), []);
        let next = after(&sealing, &rest[1..], None);
        let last = after(&next, &[], Some(void(&[200])));
        assert_eq!(checks(&[&first, &sealing, &next, &last]), [Check::Seal, Check::Seal]);
    }
}

#[test]
fn an_audit_that_goes_on_knows_what_earlier_slots_forbid() {
    let (first, rest) = begun();
    let said = Addition { seal: Some(Seal::Deleted), ..void(&[104]) };
    let alone = after(&first, &[], Some(said));
    let next = after(&alone, &rest, None);
    let mut before = Auditor::new([]);
    assert_eq!(before.slot(&first), []);
    assert_eq!(before.audited_slot(&alone), []);
    let (tip, hash) = before.tip().unwrap();
    let frontier = before.frontier().unwrap().clone();
    let resumed = Auditor::resume([], tip, hash, frontier).with_forbidden(before.forbidden().clone());
    for mut auditor in [before, resumed] {
        let found: Vec<Check> = auditor.slot(&next).iter().map(|deviation| deviation.check).collect();
        assert_eq!(found, [Check::Seal, Check::Void]);
    }
}

#[test]
fn a_slot_without_blocks_keeps_the_tree() {
    let (first, rest) = begun();
    let header = *after(&first, &rest[..1], None).header();
    let nothing = || SlotContent::Blocks(Vec::new());
    let mut other_tree = first.frontier().clone();
    other_tree.push(Hash([1; 32]));
    let header_of_other = SlotHeader { first_block_no: 4, ..header };
    let other = Slot::with_addition(header_of_other, &other_tree, nothing(), void(&[3])).unwrap();
    assert_eq!(checks(&[&first, &other]), [Check::Slot, Check::Frontier]);
    let mut auditor = Auditor::new([]);
    auditor.audited_slot(&first);
    assert_eq!(auditor.slot(&other)[0].check, Check::Slot, "also if nobody knows the tree");
    let other_tree = slots(&blocks()[..3], 3)[0].frontier().hashes()[..1].to_vec();
    let hashes = [other_tree, vec![Hash([9; 32])]].concat();
    let other_tree = Frontier::from_parts(3, hashes).unwrap();
    let other = Slot::with_addition(header, &other_tree, nothing(), void(&[3])).unwrap();
    assert_eq!(checks(&[&first, &other]), [Check::Frontier]);
}

#[test]
fn slots_without_blocks_lie_between_those_of_a_consistency_proof() {
    let blocks = blocks();
    let first = slots(&blocks[..1], 1).remove(0);
    let mut chained = vec![first];
    for block in &blocks[1..] {
        for _ in 0..2 {
            chained.push(after(chained.last().unwrap(), &[], Some(void(&[200]))));
        }
        chained.push(after(chained.last().unwrap(), std::slice::from_ref(block), None));
    }
    chained.push(after(chained.last().unwrap(), &[], Some(seal(Seal::Deleted))));
    assert_eq!(checks(&chained.iter().collect::<Vec<&Slot>>()), []);
    let plain = slots(&blocks, 1);
    let tree_of = |slots: Vec<Slot>| {
        move |number| Ok::<Slot, std::convert::Infallible>(slots[usize::try_from(number).unwrap()].clone())
    };
    let mut tree = SlotTree::new(chained.len() as u64, tree_of(chained.clone())).unwrap();
    let mut plain = SlotTree::new(plain.len() as u64, tree_of(plain.clone())).unwrap();
    assert_eq!(tree.tip(), 6);
    for new in 0..7 {
        for old in 0..=new {
            let proof = tree.consistency(old, new).unwrap();
            assert_eq!(proof, plain.consistency(old, new).unwrap());
            let [old, new] = [old, new].map(|tip| tree.digest(tip).unwrap());
            assert!(verify_consistency(&old, &new, &proof));
        }
    }
}

fn any_addition() -> impl Strategy<Value = Addition> {
    let void = (prop::collection::vec(any::<[u8; 16]>(), 1..40), any::<i64>())
        .prop_map(|(ids, time)| Void::new(ids.into_iter().map(UniqueId::from_bytes), time).unwrap());
    let seal = prop_oneof![Just(Seal::Deleted), ".{1,200}".prop_map(Seal::ContinuesAt)];
    let config = any::<u64>().prop_map(|number| Settings { write_format: Some(number) });
    (prop::option::of(void), prop::option::of(config), prop::option::of(seal))
        .prop_map(|(void, config, seal)| Addition { void, config, seal, fork: None })
        .prop_filter("it says something", |addition| *addition != Addition::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_addition_comes_back(addition in any_addition()) {
        let (first, rest) = begun();
        for blocks in [&rest[..0], &rest[..1]] {
            let slot = after(&first, blocks, Some(addition.clone()));
            let again = Slot::decode(slot.encode().unwrap()).unwrap();
            prop_assert_eq!(again.addition(), Some(&addition));
            prop_assert_eq!(again.link(), slot.link());
        }
    }

    /// What is read is written as the same bytes, whatever bytes they were.
    #[test]
    fn no_bytes_are_read_that_are_not_written(
        addition in any_addition(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = addition.encode().unwrap();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Ok(read) = Addition::decode(&bytes) {
            prop_assert_eq!(read.encode().unwrap(), bytes);
        }
    }
}
