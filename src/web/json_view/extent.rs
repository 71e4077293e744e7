//! How much of a value fits onto a page as a tree: how many levels, and how much of each text.
//!
//! A page has to stay small, whatever the body. Showing levels from the top rather than rows from the start means that the first
//! of many long children does not hide the others.

use crate::web::json_view::walk::{Walk, What};

/// Children of one container that are shown at once.
pub const CHILDREN_SHOWN: usize = 200;
/// Levels below the first that are shown at once. Browsers get slow, and some give up, on deeper elements.
pub const MAX_LEVELS: usize = 48;
/// How long one key or value may be, in bytes: as long as possible. With the last, any level of children fits.
const TEXT_LIMITS: [usize; 6] = [4_096, 1_024, 256, 80, 48, 24];

/// How much of a body a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub rows: usize,
    /// All keys and values of the tree, in bytes.
    pub text_bytes: usize,
    /// A piece of a text as it was received, in bytes.
    pub chunk_bytes: usize,
}

impl Reservation {
    /// Enough for nearly all bodies, and nearly always light.
    pub const FULL: Self = Self { rows: 600, text_bytes: 32 * 1024, chunk_bytes: 16 * 1024 };
    /// For texts that do not get shorter by compression, one after the other until the page is light.
    pub const SMALLER: [Self; 3] = [
        Self { rows: 600, text_bytes: 20 * 1024, chunk_bytes: 8 * 1024 },
        Self { rows: 400, text_bytes: 16 * 1024, chunk_bytes: 4 * 1024 },
        Self { rows: 220, text_bytes: 10 * 1024, chunk_bytes: 1024 },
    ];
}

/// What fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub levels: usize,
    /// The longest key or value, in bytes.
    pub max_text_bytes: usize,
    /// The rows and the text of these levels.
    pub used: Used,
    /// The level of the deepest value, and its place.
    pub deepest: (usize, usize),
}

/// Part of what a page may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub rows: usize,
    pub text_bytes: usize,
}

impl Used {
    pub fn fits(self, budget: Reservation) -> bool {
        self.rows <= budget.rows && self.text_bytes <= budget.text_bytes
    }
}

/// Measures the value at a place whose children are shown from the one with the number `start`.
pub fn extent(body: &str, at: usize, start: usize, budget: Reservation) -> Extent {
    let mut levels = vec![[Used::default(); TEXT_LIMITS.len()]; MAX_LEVELS + 1];
    let mut deepest = (0, at);
    // Within something that is not shown itself: the level of what is left out.
    let mut left_out: Option<usize> = None;
    for step in Walk::from(body, at) {
        if matches!(step.what, What::Close { .. }) {
            left_out = left_out.filter(|level| *level != step.level);
            continue;
        }
        if step.level > deepest.0 {
            deepest = (step.level, step.at);
        }
        if left_out.is_some() {
            continue;
        }
        let shown = is_shown(step.level, step.index, start);
        if !shown || step.level >= MAX_LEVELS {
            left_out = Some(step.level).filter(|_| matches!(step.what, What::Open { .. }));
        }
        if let Some(sizes) = levels.get_mut(step.level).filter(|_| shown) {
            let value = if let What::Scalar { text, .. } = step.what { text.len() } else { 0 };
            for (used, limit) in sizes.iter_mut().zip(TEXT_LIMITS) {
                used.rows += 1;
                used.text_bytes += value.min(limit) + step.name.map_or(0, |name| name.text.len().min(limit));
            }
        }
    }
    let up_to = |level: usize, limit: usize| {
        let sizes = levels[..=level].iter().map(|sizes| sizes[limit]);
        sizes.fold(Used::default(), |sum, used| Used {
            rows: sum.rows + used.rows,
            text_bytes: sum.text_bytes + used.text_bytes,
        })
    };
    let limit = (0..TEXT_LIMITS.len()).find(|limit| up_to(1, *limit).fits(budget)).unwrap_or(TEXT_LIMITS.len() - 1);
    let fitting = (1..=MAX_LEVELS).take_while(|level| up_to(*level, limit).fits(budget)).last().unwrap_or(1);
    Extent { levels: fitting, max_text_bytes: TEXT_LIMITS[limit], used: up_to(fitting, limit), deepest }
}

/// Whether a child is among those that are shown at once: of the first container from a number on, of others the first.
pub fn is_shown(level: usize, index: usize, start: usize) -> bool {
    let start = if level == 1 { start } else { 0 };
    level == 0 || (start..start.saturating_add(CHILDREN_SHOWN)).contains(&index)
}

#[cfg(test)]
mod tests {
    use super::{CHILDREN_SHOWN, MAX_LEVELS, Reservation, TEXT_LIMITS, extent};

    #[test]
    fn a_small_body_is_shown_whole() {
        let found = extent(r#"{"a":[1,{"b":"text"}]}"#, 0, 0, Reservation::FULL);
        assert_eq!((found.levels, found.max_text_bytes), (MAX_LEVELS, TEXT_LIMITS[0]));
        assert_eq!((found.used.rows, found.deepest.0), (5, 3));
    }

    #[test]
    fn many_long_children_show_their_beginnings_and_no_level_below() {
        let child = format!("{{\"a\":\"{}\"}}", "x".repeat(5_000));
        let found = extent(&format!("[{}{child}]", format!("{child},").repeat(300)), 0, 0, Reservation::FULL);
        assert_eq!((found.levels, found.used.rows), (1, 1 + CHILDREN_SHOWN));
        let long = format!("\"{}\"", "x".repeat(5_000));
        let found = extent(&format!("[{}{long}]", format!("{long},").repeat(300)), 0, 0, Reservation::FULL);
        assert_eq!((found.levels, found.max_text_bytes), (MAX_LEVELS, 80));
        assert!(found.used.fits(Reservation::FULL));
    }

    #[test]
    fn any_one_level_fits_with_the_shortest_texts() {
        let shortest = TEXT_LIMITS[TEXT_LIMITS.len() - 1];
        for budget in [Reservation::FULL].iter().chain(&Reservation::SMALLER) {
            assert!(CHILDREN_SHOWN * 2 * shortest <= budget.text_bytes && CHILDREN_SHOWN < budget.rows);
        }
    }

    #[test]
    fn the_deepest_of_half_a_million_levels_is_known() {
        let found = extent(&format!("{}7{}", "[".repeat(500_000), "]".repeat(500_000)), 0, 0, Reservation::FULL);
        assert_eq!((found.levels, found.deepest), (MAX_LEVELS, (500_000, 500_000)));
    }
}
