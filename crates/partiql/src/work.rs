//! Counts work while it is done, so that a statement can be interrupted now and then. No function over values may run
//! long without counting its work.

use std::cmp::Ordering;
use std::convert::Infallible;

/// The work of one element of a collection, one comparison, or one node of an expression.
pub(crate) const ELEMENT: usize = 32;

/// The work of one row.
pub(crate) const ROW: usize = 1024;

/// A counter of work.
pub(crate) trait Work {
    /// Why the work must stop.
    type Stop;

    /// Counts units of work about to be done. Reading or copying one byte is about one unit.
    fn work(&mut self, units: usize) -> Result<(), Self::Stop>;
}

/// Counts nothing. It is for work whose size is bounded otherwise.
pub(crate) struct Uncounted;

impl Work for Uncounted {
    type Stop = Infallible;

    fn work(&mut self, _: usize) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Sorts items and keeps the order of equal ones. Any comparison can stop it, unlike the sort of the standard library.
pub(crate) fn sort<T, W: Work>(
    items: &mut Vec<T>,
    work: &mut W,
    mut order: impl FnMut(&mut W, &T, &T) -> Result<Ordering, W::Stop>,
) -> Result<(), W::Stop> {
    let count = items.len();
    let mut places: Vec<usize> = (0..count).collect();
    let mut merged: Vec<usize> = Vec::with_capacity(count);
    // A merge sort from below: runs of one place are merged to runs of two, these to runs of four, and so on. Places
    // are moved instead of items, so that a comparison that stops leaves all items there.
    let mut width = 1;
    while width < count {
        merged.clear();
        for start in (0..count).step_by(2 * width) {
            let middle = (start + width).min(count);
            let end = (start + 2 * width).min(count);
            let (mut left, mut right) = (start, middle);
            while left < middle && right < end {
                work.work(ELEMENT)?;
                let is_greater = order(work, &items[places[left]], &items[places[right]])?.is_gt();
                let next = if is_greater { &mut right } else { &mut left };
                merged.push(places[*next]);
                *next += 1;
            }
            merged.extend_from_slice(&places[left..middle]);
            merged.extend_from_slice(&places[right..end]);
        }
        std::mem::swap(&mut places, &mut merged);
        width *= 2;
    }
    if places.iter().enumerate().any(|(at, place)| at != *place) {
        let mut unsorted: Vec<Option<T>> = items.drain(..).map(Some).collect();
        items.extend(places.into_iter().filter_map(|place| unsorted[place].take()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Limited(usize);

    impl Work for Limited {
        type Stop = &'static str;

        fn work(&mut self, units: usize) -> Result<(), &'static str> {
            self.0 = self.0.checked_sub(units).ok_or("enough")?;
            Ok(())
        }
    }

    #[test]
    fn items_are_sorted_stably_and_a_comparison_can_stop_it() {
        for count in [0, 1, 2, 3, 7, 64, 1000] {
            let mut items: Vec<(usize, usize)> = (0..count).map(|n| (n * 7919 % 10, n)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            let Ok(()) = sort(&mut items, &mut Uncounted, |_, (left, _), (right, _)| Ok(left.cmp(right)));
            assert_eq!(items, expected);
        }
        let mut items: Vec<usize> = (0..1000).rev().collect();
        let order = |_: &mut Limited, left: &usize, right: &usize| Ok(left.cmp(right));
        assert_eq!(sort(&mut items, &mut Limited(100 * ELEMENT), order), Err("enough"));
        assert_eq!(items.len(), 1000);
        assert_eq!(sort(&mut items, &mut Limited(10_000 * ELEMENT), order), Ok(()));
        assert!(items.is_sorted());
    }
}
