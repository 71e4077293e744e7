//! Where a walk through JSON is on the path of a field.

use crate::domain::query::ast::Piece;
use crate::domain::query::json_path::PathStep;
use crate::domain::query::strings;

/// How many containers deep paths are followed: more than the longest has pieces.
const MAX_DEPTH: usize = 64;

/// How many pieces of a path lead to each container around where the walk is, as far as they do.
pub(super) struct PathCursor(Vec<usize>);

impl PathCursor {
    pub(super) fn new() -> Self {
        Self(vec![0])
    }

    /// A member begins, `depth` containers deep.
    pub(super) fn enter(&mut self, path: &[Piece], depth: usize, step: PathStep<'_>) {
        self.0.truncate(depth);
        if self.0.len() < depth || depth > MAX_DEPTH {
            return;
        }
        let pieces = self.0[depth - 1];
        match (path.get(pieces), step) {
            (Some(piece), step) if leads_to(piece, step) => self.0.push(pieces + 1),
            // The path names no element of this list.
            (Some(Piece::Key(_)) | None, PathStep::Index(_)) => self.0.push(pieces),
            _ => {}
        }
    }

    /// What of the path is left for a value that begins here, `depth` containers deep; `None` where the path leads elsewhere.
    pub(super) fn rest<'a>(&self, path: &'a [Piece], depth: usize) -> Option<&'a [Piece]> {
        path.get(*self.0.get(depth)?..)
    }

    /// Whether a value that begins here, `depth` containers deep, stands at the path.
    pub(super) fn is_at_end(&self, path: &[Piece], depth: usize) -> bool {
        self.0.get(depth) == Some(&path.len())
    }
}

fn leads_to(chunk: &Piece, step: PathStep<'_>) -> bool {
    match (chunk, step) {
        (Piece::Key(key), PathStep::Key(spelled)) => strings::compare(spelled, key).is_eq(),
        (Piece::Index(index), PathStep::Index(at)) => *index == at,
        (Piece::Each, PathStep::Index(_)) => true,
        _ => false,
    }
}
