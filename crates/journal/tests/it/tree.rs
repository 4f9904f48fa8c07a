//! Compares the stored tree with a naive one: roots, proofs and consistency proofs at many sizes.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use everstrand_journal::tree::{
    Frontier, TileKey, TileReader, Tiles, TreeError, block_path, consistency, path_length, root_at,
    verify_consistency,
};
use everstrand_journal::{BlockAddress, Digest, Hash, UniqueId, dot, root};
use everstrand_testkit::Random;

/// A store in memory, which counts reads.
#[derive(Default)]
struct Store {
    entries: BTreeMap<TileKey, Vec<u8>>,
    reads: Cell<usize>,
}

impl TileReader for Store {
    type Error = Infallible;

    fn read(&self, key: TileKey) -> Result<Option<Vec<u8>>, Infallible> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.entries.get(&key).cloned())
    }
}

/// The leaf with this number. No two leaves are equal.
fn leaf(number: u64) -> Hash {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let mixed =
            (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(u32::try_from(index).unwrap() * 7);
        *byte = mixed.to_le_bytes()[index % 8];
    }
    Hash(bytes)
}

fn store_of(size: u64) -> (Store, Tiles) {
    let mut store = Store::default();
    let mut tiles = Tiles::new();
    (0..size).for_each(|number| append(&mut store, &mut tiles, leaf(number)));
    (store, tiles)
}

fn append(store: &mut Store, tiles: &mut Tiles, leaf: Hash) {
    store.entries.extend(tiles.append(leaf).into_iter().map(|write| (write.key, write.value)));
}

fn digest(tip: u64, digest: Hash) -> Digest {
    let strand_id = UniqueId::from_bytes([7; 16]);
    Digest { digest, digest_tip_address: BlockAddress { strand_id, sequence_no: tip } }
}

#[test]
fn every_proof_of_small_trees_folds_to_the_naive_root() {
    let size = 70;
    let (store, _) = store_of(size);
    let leaves: Vec<Hash> = (0..size).map(leaf).collect();
    for tip in 0..size {
        let expected = root(&leaves[..=usize::try_from(tip).unwrap()]).unwrap();
        assert_eq!(root_at(&store, size, tip).unwrap(), expected);
        for block in 0..=tip {
            let proof = block_path(&store, size, block, tip).unwrap();
            assert_eq!(proof.fold(leaf(block)), expected, "block {block} under tip {tip}");
            assert_eq!(proof.nodes.len(), path_length(block, tip));
        }
    }
}

#[test]
fn proofs_have_as_many_nodes_as_those_of_the_service() {
    let seen = [
        (19, 20, 3),
        (19, 36, 6),
        (30, 39, 6),
        (90, 92, 5),
        (22, 27, 5),
        (112, 114, 4),
        (175, 177, 7),
        (21, 47, 6),
        (100, 124, 7),
    ];
    for (block, blocks, nodes) in seen {
        assert_eq!(path_length(block, blocks - 1), nodes, "block {block} of {blocks}");
    }
}

#[test]
fn consistency_is_provable_between_all_tips_of_small_trees() {
    let size = 40;
    let (store, _) = store_of(size);
    for new_tip in 0..size {
        let new = digest(new_tip, root_at(&store, size, new_tip).unwrap());
        for old_tip in 0..=new_tip {
            let old = digest(old_tip, root_at(&store, size, old_tip).unwrap());
            let proof = consistency(&store, size, old_tip, new_tip).unwrap();
            assert!(verify_consistency(&old, &new, &proof), "{old_tip} and {new_tip}");
            let wrong = digest(old_tip, leaf(1000));
            assert!(!verify_consistency(&wrong, &new, &proof));
            let wrong = digest(new_tip, leaf(1000));
            assert!(!verify_consistency(&old, &wrong, &proof));
            for index in 0..proof.len() {
                let mut changed = proof.clone();
                changed[index] = leaf(2000);
                assert!(!verify_consistency(&old, &new, &changed));
                changed.remove(index);
                assert!(!verify_consistency(&old, &new, &changed));
            }
        }
    }
}

#[test]
fn random_pairs_around_the_edges_of_tiles() {
    random_pairs(70_000, 3_000);
}

#[test]
#[ignore = "a million leaves: cargo test --release -p everstrand-journal -- --ignored a_million_leaves"]
fn a_million_leaves() {
    random_pairs(1_000_000, 20_000);
}

fn random_pairs(size: u64, pairs: u64) {
    let (store, tiles) = store_of(size);
    let naive = Naive::new(size);
    let mut numbers = Random::new(size);
    for round in 0..pairs {
        let tip = match round % 4 {
            0 => (numbers.below(size / 256) * 256 + 254 + numbers.below(4)).min(size - 1),
            1 => size - 1 - numbers.below(300).min(size - 1),
            _ => numbers.below(size),
        };
        let block = numbers.below(tip + 1);
        store.reads.set(0);
        let proof = block_path(&store, size, block, tip).unwrap();
        assert!(store.reads.get() <= 40, "{} reads", store.reads.get());
        let expected = root_at(&store, size, tip).unwrap();
        assert_eq!(proof.fold(leaf(block)), expected, "block {block} under tip {tip}");
        if round % 16 == 0 {
            assert_eq!(naive.root(0, tip + 1), expected, "tip {tip}");
        }
        let nodes = consistency(&store, size, block, tip).unwrap();
        let old = digest(block, root_at(&store, size, block).unwrap());
        assert!(verify_consistency(&old, &digest(tip, expected), &nodes), "{block} and {tip}");
    }
    assert_eq!(tiles.frontier().root(), Some(root_at(&store, size, size - 1).unwrap()));
}

/// The root by RFC 6962's definition.
struct Naive {
    levels: Vec<Vec<Hash>>,
}

impl Naive {
    fn new(size: u64) -> Naive {
        let mut levels = vec![(0..size).map(leaf).collect::<Vec<Hash>>()];
        while levels.last().unwrap().len() > 1 {
            let next = levels.last().unwrap().chunks_exact(2).map(|pair| dot(pair[0], pair[1])).collect();
            levels.push(next);
        }
        Naive { levels }
    }

    fn root(&self, start: u64, end: u64) -> Hash {
        let length = end - start;
        if length.is_power_of_two() {
            let height = length.trailing_zeros();
            return self.levels[usize::try_from(height).unwrap()][usize::try_from(start >> height).unwrap()];
        }
        let middle = start + (1 << (length - 1).ilog2());
        dot(self.root(start, middle), self.root(middle, end))
    }
}

#[test]
fn a_tree_goes_on_after_it_was_opened_again() {
    for size in [0, 1, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537] {
        let (mut store, tiles) = store_of(size);
        let mut opened = Tiles::open(size, &store).unwrap();
        let mut frontier = Frontier::empty();
        (0..size).for_each(|number| frontier.push(leaf(number)));
        assert_eq!(opened.frontier(), frontier, "{size} leaves");
        assert_eq!(tiles.frontier(), frontier, "{size} leaves");
        for number in size..size + 600 {
            append(&mut store, &mut opened, leaf(number));
            frontier.push(leaf(number));
            assert_eq!(opened.frontier(), frontier);
        }
        let grown = size + 600;
        let proof = block_path(&store, grown, size / 2, grown - 1).unwrap();
        assert_eq!(Some(proof.fold(leaf(size / 2))), frontier.root());
    }
}

#[test]
fn what_is_not_there_is_an_error() {
    let (mut store, _) = store_of(300);
    assert_eq!(block_path(&store, 300, 0, 300), Err(TreeError::Beyond(300)));
    assert_eq!(block_path(&store, 300, 5, 4), Err(TreeError::Beyond(5)));
    assert_eq!(consistency(&store, 300, 5, 4), Err(TreeError::Beyond(5)));
    store.entries.remove(&TileKey::Full { level: 0, index: 0 });
    assert!(matches!(block_path(&store, 300, 0, 299), Err(TreeError::Missing(_))));
    assert!(Tiles::open(600, &store).is_err());
}
