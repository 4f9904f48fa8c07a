//! The right edge of the tree: all that is needed to append and to know the root.

use crate::hashing::{Hash, dot};

/// The roots of the full subtrees that make up a tree, greatest first: one per bit of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub fn empty() -> Frontier {
        Frontier::default()
    }

    /// A tree of this size with these subtrees; `None` when their number does not fit the size, or the size is
    /// beyond all that can be reached by appending.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Option<Frontier> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (hashes.len() == expected && size <= u64::MAX / 2).then_some(Frontier { size, hashes })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees, greatest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.hashes.pop().expect("one subtree per bit of the size");
            node = dot(left, node);
        }
        self.hashes.push(node);
        self.size += 1;
    }

    /// The root of the tree; empty for the tree without leaves.
    pub fn root(&self) -> Option<Hash> {
        self.hashes.iter().rev().copied().reduce(|right, left| dot(left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashing::root;

    #[test]
    fn the_root_is_that_of_the_list() {
        let leaves: Vec<Hash> = (0..200u8).map(|byte| Hash([byte; 32])).collect();
        let mut frontier = Frontier::empty();
        assert_eq!(frontier.root(), None);
        for (index, &leaf) in leaves.iter().enumerate() {
            frontier.push(leaf);
            assert_eq!(frontier.root(), root(&leaves[..=index]));
            let again = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec());
            assert_eq!(again, Some(frontier.clone()));
        }
        assert_eq!(Frontier::from_parts(5, vec![leaves[0]]), None);
    }
}
