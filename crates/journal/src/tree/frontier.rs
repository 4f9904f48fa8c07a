//! The frontier: what is needed of a tree to append a leaf and to know the root.

use crate::hashing::{Hash, dot};

/// The roots of the full subtrees that make up a tree, the greatest first: one for each bit of its size that is set.
///
/// ```
/// use everstrand_journal::{Hash, dot, tree::Frontier};
///
/// let (first, second) = (Hash([1; 32]), Hash([2; 32]));
/// let mut frontier = Frontier::empty();
/// frontier.push(first);
/// frontier.push(second);
/// assert_eq!(frontier.root(), Some(dot(first, second)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the tree without leaves.
    pub fn empty() -> Frontier {
        Frontier::default()
    }

    /// The frontier of a tree with `size` leaves and these full subtrees, the greatest first. `None` if the number of
    /// subtrees does not fit the size, or if the size exceeds 2⁶³ - 1, which no journal reaches.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Option<Frontier> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (hashes.len() == expected && size <= u64::MAX / 2).then_some(Frontier { size, hashes })
    }

    /// The number of leaves: of blocks.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees, the greatest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // As in a binary counter: each trailing one of the size is a full subtree that the leaf carries over.
        for _ in 0..self.size.trailing_ones() {
            let left = self.hashes.pop().expect("one subtree per bit of the size");
            node = dot(left, node);
        }
        self.hashes.push(node);
        self.size += 1;
    }

    /// The root of the tree, which is the digest; `None` for the tree without leaves.
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
