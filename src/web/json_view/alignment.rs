//! Sequence alignment of two lists, for the diff.
//!
//! Which items of two lists belong together: those that stayed equal, in order, and between them one by one.

/// The largest table for one pair of lists, in cells.
const MAX_CELLS: usize = 1_000_000;
/// Cells for all pairs of lists of a comparison.
pub const MAX_CELLS_IN_ALL: usize = 4_000_000;

/// What became of items, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// It is still there, equal or not.
    Kept(usize, usize),
    Removed(usize),
    Added(usize),
}

/// Aligns two lists by the digests of their items. `cells` is what is left for tables, and is used up; where a table would be too
/// large, items go by their position and the answer says so.
pub fn align(old: &[u64], new: &[u64], cells: &mut usize) -> (Vec<Pairing>, bool) {
    let equal = |(a, b): &(&u64, &u64)| a == b;
    let head = old.iter().zip(new).take_while(equal).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(equal).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);

    let mut pairings: Vec<Pairing> = (0..head).map(|at| Pairing::Kept(at, at)).collect();
    let size = old_middle.len().saturating_mul(new_middle.len());
    let by_table = size <= MAX_CELLS.min(*cells);
    let pairs = if by_table { longest_common(old_middle, new_middle) } else { Vec::new() };
    if by_table {
        *cells -= size;
    }
    let (mut old_at, mut new_at) = (0, 0);
    for (old_next, new_next) in pairs.into_iter().chain([(old_middle.len(), new_middle.len())]) {
        one_by_one(&mut pairings, head, old_at..old_next, new_at..new_next);
        if old_next < old_middle.len() {
            pairings.push(Pairing::Kept(head + old_next, head + new_next));
        }
        (old_at, new_at) = (old_next + 1, new_next + 1);
    }
    let (old_tail, new_tail) = (old.len() - tail, new.len() - tail);
    pairings.extend((0..tail).map(|at| Pairing::Kept(old_tail + at, new_tail + at)));
    (pairings, by_table)
}

/// Items of a gap between equal ones: changed as long as both lists have some, then removed or added.
fn one_by_one(pairings: &mut Vec<Pairing>, head: usize, old: std::ops::Range<usize>, new: std::ops::Range<usize>) {
    let both = old.len().min(new.len());
    pairings.extend((0..both).map(|at| Pairing::Kept(head + old.start + at, head + new.start + at)));
    pairings.extend((old.start + both..old.end).map(|at| Pairing::Removed(head + at)));
    pairings.extend((new.start + both..new.end).map(|at| Pairing::Added(head + at)));
}

/// The places of a longest common subsequence.
fn longest_common(old: &[u64], new: &[u64]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let cell = i * width + j;
            lengths[cell] =
                if a == b { lengths[cell + width + 1] + 1 } else { lengths[cell + width].max(lengths[cell + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < old.len() && j < new.len() {
        let cell = i * width + j;
        if old[i] == new[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[cell + width] >= lengths[cell + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::Pairing::{Added, Kept, Removed};
    use super::{MAX_CELLS_IN_ALL, Pairing, align};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    fn aligned(old: &[u64], new: &[u64]) -> Vec<Pairing> {
        align(old, new, &mut MAX_CELLS_IN_ALL.clone()).0
    }

    #[test]
    fn an_item_that_comes_or_goes_leaves_the_others_together() {
        assert_eq!(aligned(&[1, 2, 3], &[1, 9, 2, 3]), [Kept(0, 0), Added(1), Kept(1, 2), Kept(2, 3)]);
        assert_eq!(aligned(&[1, 2, 3], &[1, 3]), [Kept(0, 0), Removed(1), Kept(2, 1)]);
        assert_eq!(aligned(&[1, 2, 3], &[1, 9, 3]), [Kept(0, 0), Kept(1, 1), Kept(2, 2)], "changed in its place");
        assert_eq!(aligned(&[1, 2, 5, 3], &[4, 2, 3, 6]), [Kept(0, 0), Kept(1, 1), Removed(2), Kept(3, 2), Added(3)]);
        assert_eq!(aligned(&[], &[]), []);
    }

    #[test]
    fn lists_that_are_too_long_go_by_position_but_for_what_is_equal_at_their_ends() {
        let old: Vec<u64> = (0..3_000).collect();
        let new: Vec<u64> = [0].into_iter().chain(10_000..13_000).chain([2_999]).collect();
        let (pairings, exact) = align(&old, &new, &mut MAX_CELLS_IN_ALL.clone());
        assert!(!exact);
        assert_eq!(pairings.last(), Some(&Kept(2_999, 3_001)));
        assert_eq!(pairings.iter().filter(|outcome| matches!(outcome, Added(_))).count(), 2);
        assert!(!align(&[1, 2], &[2, 1], &mut 3).1, "also when too little is left");
    }

    proptest! {
        #[test]
        fn every_item_has_one_fate_in_order(
            old in proptest::collection::vec(0_u64..6, 0..40), new in proptest::collection::vec(0_u64..6, 0..40), most in 0_usize..2_000,
        ) {
            let (pairings, exact) = align(&old, &new, &mut most.clone());
            let olds: Vec<usize> = pairings.iter().filter_map(|outcome| match outcome { Kept(old, _) | Removed(old) => Some(*old), Added(_) => None }).collect();
            let news: Vec<usize> = pairings.iter().filter_map(|outcome| match outcome { Kept(_, new) | Added(new) => Some(*new), Removed(_) => None }).collect();
            prop_assert_eq!(olds, (0..old.len()).collect::<Vec<_>>());
            prop_assert_eq!(news, (0..new.len()).collect::<Vec<_>>());
            prop_assert!(exact || most < 1_600);
            if old == new {
                prop_assert!(pairings.iter().all(|outcome| matches!(outcome, Kept(a, b) if a == b)));
            }
        }
    }
}
