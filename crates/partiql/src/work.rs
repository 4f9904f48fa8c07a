//! Work that is counted while it is done, so that whoever does much of it is asked now and then whether to
//! go on: no function over values may run long without counting.

use std::cmp::Ordering;
use std::convert::Infallible;

/// What one element of a collection, one comparison or one node of an expression counts as.
pub(crate) const ELEMENT: usize = 32;

/// What one row counts as.
pub(crate) const ROW: usize = 1024;

/// Who counts work.
pub(crate) trait Work {
    /// Why the work has to end.
    type Stop;

    /// Counts units of work about to be done. A byte that is looked at or copied is about one.
    fn work(&mut self, units: usize) -> Result<(), Self::Stop>;
}

/// Nobody counts: for work whose size is bounded otherwise.
pub(crate) struct Uncounted;

impl Work for Uncounted {
    type Stop = Infallible;

    fn work(&mut self, _: usize) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Sorts, keeping the order of equal items. Unlike the sort of the standard library it can be stopped by
/// any comparison.
pub(crate) fn sort<T, W: Work>(
    items: &mut Vec<T>,
    work: &mut W,
    mut order: impl FnMut(&mut W, &T, &T) -> Result<Ordering, W::Stop>,
) -> Result<(), W::Stop> {
    let count = items.len();
    let mut places: Vec<usize> = (0..count).collect();
    let mut merged: Vec<usize> = Vec::with_capacity(count);
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
