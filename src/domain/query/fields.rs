//! Field name suggestions for the search.
//!
//! The names of the fields that bodies have, as a search writes them: what the search field suggests.

use crate::domain::query::ast::{Condition, Piece, Test};
use crate::domain::query::embedded::embedded;
use crate::domain::query::json_path::{PathStep, Seen, Visitor, walk};
use crate::domain::query::strings::decoded;

/// How far into a body suggestions lead.
const MAX_DEPTH: usize = 4;
/// The longest name that is suggested, in characters.
const MAX_NAME_CHARS: usize = 60;

/// The paths of the values in some bodies, most frequent first, at most so many. Bodies may be cut.
pub(crate) fn suggest<'a>(bodies: impl Iterator<Item = &'a str>, most: usize) -> Vec<String> {
    count_fields(bodies).into_iter().map(|(name, _)| name).take(most).collect()
}

/// The same with how many bodies have each.
pub(super) fn count_fields<'a>(bodies: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut known: Vec<(String, usize)> = Vec::new();
    for body in bodies {
        let mut fields = Fields::default();
        walk(body, &mut fields);
        for name in fields.names {
            match known.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => known.push((name, 1)),
            }
        }
    }
    // Stable, so that fields of one frequency stay in the order of the bodies.
    known.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    known
}

#[derive(Default)]
struct Fields {
    /// The path of the string that holds what is walked through.
    base: Vec<Piece>,
    /// Where the walk is; `None` for a key that no search can write.
    path: Vec<Option<Piece>>,
    names: Vec<String>,
}

impl Visitor for Fields {
    fn enter(&mut self, depth: usize, step: PathStep<'_>) {
        if depth > MAX_DEPTH {
            return;
        }
        self.path.truncate(depth.saturating_sub(1));
        self.path.push(match step {
            PathStep::Key(spelled) => {
                let key: Option<String> = decoded(spelled).take(MAX_NAME_CHARS + 1).map(char::from_u32).collect();
                key.map(Piece::Key)
            }
            PathStep::Index(_) => Some(Piece::Each),
        });
    }

    fn see(&mut self, depth: usize, value: Seen<'_>) {
        if matches!(value, Seen::Container) || depth == 0 || self.base.len() + depth > MAX_DEPTH {
            return;
        }
        let Some(path) = self.path.get(..depth).and_then(|path| path.iter().cloned().collect::<Option<Vec<_>>>())
        else {
            return;
        };
        let path = [&self.base[..], &path].concat();
        let name = Condition { path: path.clone(), test: Test::Exists }.field();
        if name.chars().count() <= MAX_NAME_CHARS && !self.names.contains(&name) {
            self.names.push(name);
        }
        if let Seen::Text(spelled) = value
            && let Some(text) = embedded(spelled)
        {
            let mut inside = Fields { base: path, ..Fields::default() };
            walk(&text, &mut inside);
            self.names.extend(inside.names.into_iter().filter(|name| !self.names.contains(name)).collect::<Vec<_>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::suggest;
    use crate::domain::query::ast::{Expression, Query, Term};

    #[test]
    fn names_are_suggested_as_a_search_writes_them() {
        let bodies = [
            r#"{"event": "x", "data": {"product_id": 1, "with space": {"and": true}}, "list": [{"n": 1}, {"n": 2}]}"#,
            r#"{"data": {"product_id": 2}, "and": 1, "": 0, "\ud800": 1, "a": {"b": {"c": {"d": {"e": 1}}}}}"#,
            r#"["x"]"#,
            r#"{"held": "{\"in\": {\"side\": 1}}"}"#,
            r#"{"cut": {"off": "he"#,
            r#"{"cut": {"o"#,
        ];
        let names = suggest(bodies.into_iter(), 100);
        let expected = [
            "data.product_id",
            "event",
            r#"data."with space".and"#,
            "list[].n",
            r#""and""#,
            r#""""#,
            "[]",
            "held",
            "held.in.side",
            "cut.off",
        ];
        assert_eq!(names, expected);
        for name in names {
            let query = Query::parse(&format!("{name} = 1")).unwrap().unwrap();
            assert!(matches!(query.root, Expression::Term(Term::Field(_))), "{name}");
        }
        assert_eq!(suggest(bodies.into_iter(), 2), ["data.product_id", "event"]);
        assert!(suggest(["[".repeat(100_000).as_str()].into_iter(), 5).is_empty());
    }
}
