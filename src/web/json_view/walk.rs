//! A depth-first traversal of a body.
//!
//! Goes through the values of a body in order, and tells of each where it stands: its place in the text, how deep it is, under
//! which name or index. What to make of them is left to the views.
//!
//! The place in the text names a value: it is short, a body never changes, and neither keys that are there twice nor keys that
//! cannot be typed make it ambiguous.

use crate::web::json_view::tokens::{Kind, Tokens, without_mark};

/// A key as it stands in the text, with its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) at: usize,
    pub(crate) text: &'a str,
}

impl<'a> Name<'a> {
    /// Without its quotes.
    pub(crate) fn bare(&self) -> &'a str {
        self.text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(self.text)
    }

    /// Without its quotes, unless there would be nothing to see.
    pub(crate) fn seen(&self) -> &'a str {
        Some(self.bare()).filter(|bare| !bare.is_empty()).unwrap_or(self.text)
    }
}

/// One value, or the end of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    /// Where it starts; of an end, where its bracket stands. In bytes from the start of the body.
    pub(crate) at: usize,
    /// How many containers are around it.
    pub(crate) level: usize,
    /// Which child of its container it is, from 0; of an end, how many children there were.
    pub(crate) index: usize,
    pub(crate) name: Option<Name<'a>>,
    pub(crate) what: What<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What<'a> {
    Scalar {
        kind: Kind,
        text: &'a str,
    },
    /// The container's children follow, then its end, on the same level.
    Open {
        is_object: bool,
    },
    Close {
        is_object: bool,
    },
}

/// The values of one value, itself the first. Ends after it, or where the text does.
pub(crate) struct Walk<'a> {
    tokens: Tokens<'a>,
    /// What stands in the body before the text of `tokens`.
    skipped_bytes: usize,
    /// The children that each open container has had.
    children: Vec<u32>,
    name: Option<Name<'a>>,
    is_over: bool,
}

impl<'a> Walk<'a> {
    /// From the value of a whole body.
    pub(crate) fn body(body: &'a str) -> Self {
        Self::from(body, body.len() - without_mark(body).len())
    }

    /// From the value that starts at a place of a body, as if it were on level 0.
    pub(crate) fn from(body: &'a str, at: usize) -> Self {
        let text = body.get(at..).unwrap_or_default();
        Self {
            tokens: Tokens::new(text),
            skipped_bytes: body.len() - text.len(),
            children: Vec::new(),
            name: None,
            is_over: false,
        }
    }

    /// Counts a value of the container around it.
    fn count(&mut self) -> usize {
        let Some(children) = self.children.last_mut() else { return 0 };
        *children = children.saturating_add(1);
        *children as usize - 1
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        while !self.is_over {
            let at = self.skipped_bytes + self.tokens.position();
            let token = self.tokens.next()?;
            let level = self.children.len();
            let step = |index, name, what| Some(Step { at, level, index, name, what });
            match token.kind {
                Kind::Space | Kind::Colon | Kind::Comma => {}
                Kind::Key => self.name = Some(Name { at, text: token.text }),
                Kind::Open => {
                    let index = self.count();
                    self.children.push(0);
                    return step(index, self.name.take(), What::Open { is_object: token.text == "{" });
                }
                Kind::Close => {
                    let index = self.children.pop().unwrap_or(0) as usize;
                    let what = What::Close { is_object: token.text == "}" };
                    self.is_over = self.children.is_empty();
                    return Some(Step { at, level: level.saturating_sub(1), index, name: None, what });
                }
                Kind::Text | Kind::Number | Kind::Word | Kind::Other => {
                    let index = self.count();
                    self.is_over = level == 0;
                    return step(index, self.name.take(), What::Scalar { kind: token.kind, text: token.text });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Walk, What};

    #[test]
    fn every_value_is_told_with_its_place_level_index_and_name() {
        let body = "\u{FEFF} {\"a\":[1, {}],\"a\":null}";
        let steps: Vec<_> = Walk::body(body)
            .map(|step| (step.at, step.level, step.index, step.name.map(|name| name.text), step.what))
            .collect();
        let scalar = |what: &What| matches!(what, What::Scalar { .. });
        assert_eq!(steps.len(), 8);
        assert_eq!((steps[0].0, steps[0].1), (4, 0));
        assert_eq!((&body[steps[1].0..=steps[1].0], steps[1].1, steps[1].3), ("[", 1, Some("\"a\"")));
        assert_eq!((&body[steps[2].0..=steps[2].0], steps[2].1, steps[2].2), ("1", 2, 0));
        assert_eq!((steps[4].2, &steps[4].4), (0, &What::Close { is_object: true }), "an empty object");
        assert_eq!((steps[5].1, steps[5].2), (1, 2), "the list ends with two items");
        assert_eq!((steps[6].1, steps[6].2, steps[6].3), (1, 1, Some("\"a\"")));
        assert!(scalar(&steps[2].4) && scalar(&steps[6].4));
    }

    #[test]
    fn a_walk_from_within_ends_with_its_value() {
        let body = r#"{"a":[1,[2]],"b":3}"#;
        assert_eq!(Walk::from(body, 5).count(), 6);
        assert_eq!(Walk::from(body, 6).count(), 1);
        assert_eq!(Walk::from(body, 1_000).count(), 0);
    }

    #[test]
    fn brackets_that_do_not_match_and_half_a_million_of_them_end() {
        for body in ["]", "}{", "[1}", "", "\u{FEFF}"] {
            assert!(Walk::body(body).count() <= 3);
        }
        assert_eq!(Walk::body(&format!("{}{}", "[".repeat(500_000), "]".repeat(500_000))).count(), 1_000_000);
    }
}
