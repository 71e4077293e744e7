//! All values of a body in one list, each with a digest of what it holds, so that two bodies can be compared without going through
//! the equal parts of them.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::domain::query::strings::decoded;
use crate::web::json_view::location::{Child, Found, KEPT_AT_EACH_END, ValueLocation};
use crate::web::json_view::tokens::Kind;
use crate::web::json_view::walk::{Name, Walk, What};

/// More values than a body of a mebibyte can have; each costs some 40 bytes.
pub const MAX_VALUES: usize = 600_000;

/// The key of the digests. They are of 64 bits and a sender cannot know the key, so that equal digests are equal values.
#[derive(Clone, Debug, Default)]
pub struct Digests(RandomState);

/// One value. Its children follow it in the list, each with all that is in it.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    start: u32,
    end: u32,
    /// Where its name stands; without a name, nowhere.
    name_start: u32,
    name_end: u32,
    parent: u32,
    /// Which child of its parent it is.
    pub index: u32,
    /// How many values it is, with all that is in it.
    values: u32,
    /// Equal for equal values. The order of the keys of an object makes no difference, the spelling of a number or string does.
    pub digest: u64,
}

/// The values of a body, in order.
#[derive(Debug)]
pub struct Nodes<'a> {
    pub body: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Nodes<'a> {
    /// `None` when there are more than [`MAX_VALUES`], or none.
    pub fn read(body: &'a str, digests: &Digests) -> Option<Self> {
        let mut read = Self { body, nodes: Vec::new() };
        let mut open: Vec<u32> = Vec::new();
        u32::try_from(body.len()).ok()?;
        for step in Walk::body(body) {
            if let What::Close { .. } = step.what {
                read.close(open.pop()? as usize, step.at + 1, digests);
                continue;
            }
            if read.nodes.len() >= MAX_VALUES {
                return None;
            }
            let length = if let What::Scalar { text, .. } = step.what { text.len() } else { 1 };
            let (name_start, name_end) = step.name.map_or((0, 0), |name| (name.at, name.at + name.text.len()));
            let id = read.nodes.len() as u32;
            read.nodes.push(Node {
                start: step.at as u32,
                end: (step.at + length) as u32,
                name_start: name_start as u32,
                name_end: name_end as u32,
                parent: open.last().copied().unwrap_or(id),
                index: step.index as u32,
                values: 1,
                digest: if let What::Scalar { text, .. } = step.what { digests.0.hash_one(text) } else { 0 },
            });
            if let What::Open { .. } = step.what {
                open.push(id);
            }
        }
        (!read.nodes.is_empty()).then_some(read)
    }

    fn close(&mut self, id: usize, end: usize, digests: &Digests) {
        self.nodes[id].end = end as u32;
        self.nodes[id].values = (self.nodes.len() - id) as u32;
        let mut parts: Vec<(u64, u64)> =
            self.children(id).map(|child| (self.name_digest(child, digests), self.nodes[child].digest)).collect();
        let is_object = self.is_object(id);
        if is_object {
            // Stable, so that values under one and the same name keep their order.
            parts.sort_by_key(|(name, _)| *name);
        }
        self.nodes[id].digest = digests.0.hash_one((is_object, parts));
    }

    /// Equal for names that mean the same, however they are spelled; 0 for items of a list.
    pub fn name_digest(&self, id: usize, digests: &Digests) -> u64 {
        let Some(name) = self.name(id) else { return 0 };
        let mut hasher = digests.0.build_hasher();
        decoded(name.bare()).for_each(|code| hasher.write_u32(code));
        hasher.finish()
    }

    pub fn get(&self, id: usize) -> &Node {
        &self.nodes[id]
    }

    /// Where a value starts.
    pub fn at(&self, id: usize) -> usize {
        self.nodes[id].start as usize
    }

    /// A value as received.
    pub fn text(&self, id: usize) -> &'a str {
        let node = &self.nodes[id];
        &self.body[node.start as usize..node.end as usize]
    }

    pub fn is_object(&self, id: usize) -> bool {
        self.text(id).starts_with('{')
    }

    pub fn is_list(&self, id: usize) -> bool {
        self.text(id).starts_with('[')
    }

    /// The children of a value, in order.
    pub fn children(&self, id: usize) -> impl Iterator<Item = usize> + '_ {
        let end = id + self.nodes[id].values as usize;
        let mut next = id + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next += self.nodes[child].values as usize;
            Some(child)
        })
    }

    fn name(&self, id: usize) -> Option<Name<'a>> {
        let node = &self.nodes[id];
        let (start, end) = (node.name_start as usize, node.name_end as usize);
        (end > start).then(|| Name { at: start, text: &self.body[start..end] })
    }

    /// The value's place, with the way to it.
    pub fn location(&self, id: usize) -> ValueLocation<'a> {
        let mut way = vec![id];
        while let Some(&child) = way.last()
            && self.nodes[child].parent as usize != child
        {
            way.push(self.nodes[child].parent as usize);
        }
        way.pop();
        way.reverse();
        let child =
            |id: &usize| Child { at: self.at(*id), index: self.nodes[*id].index as usize, name: self.name(*id) };
        let last_from = way.len().saturating_sub(KEPT_AT_EACH_END).max(KEPT_AT_EACH_END).min(way.len());
        let first = way.iter().take(KEPT_AT_EACH_END).map(child).collect();
        let last = way[last_from..].iter().map(child).collect();
        let text = self.text(id);
        let found = match text.as_bytes().first() {
            Some(b'{' | b'[') => Found::Container { is_object: self.is_object(id) },
            Some(b'"') => Found::Scalar { kind: Kind::Text, text },
            Some(b'-' | b'0'..=b'9') => Found::Scalar { kind: Kind::Number, text },
            _ => Found::Scalar { kind: Kind::Word, text },
        };
        ValueLocation { at: self.at(id), found, depth: way.len(), first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::{Digests, MAX_VALUES, Nodes};
    use crate::web::json_view::location::ValueLocation;
    use crate::web::json_view::walk::{Walk, What};

    fn digest(body: &str, digests: &Digests) -> u64 {
        Nodes::read(body, digests).unwrap().get(0).digest
    }

    #[test]
    fn space_and_the_order_of_keys_make_no_difference_all_else_does() {
        let digests = Digests::default();
        let body = digest(r#"{"a":[1,{"b":"x"}],"c":null}"#, &digests);
        assert_eq!(body, digest("\u{FEFF}{ \"c\" : null, \"\\u0061\":[1, {\"b\":\"x\"} ] }\n", &digests));
        for other in [
            r#"{"a":[1.0,{"b":"x"}],"c":null}"#,
            r#"{"a":[{"b":"x"},1],"c":null}"#,
            r#"{"a":[1,{"b":"x"}],"C":null}"#,
            r#"{"a":[1,{"b":"x"},[]],"c":null}"#,
            r#"{"a":[1,["b","x"]],"c":null}"#,
            r#"{"a":[1,{"b":"x"}],"c":"null"}"#,
        ] {
            assert_ne!(body, digest(other, &digests), "{other}");
        }
        assert_ne!(digest("[]", &digests), digest("{}", &digests));
        assert_ne!(digest(r#"{"a":1,"a":2}"#, &digests), digest(r#"{"a":2,"a":1}"#, &digests), "the last one counts");
    }

    #[test]
    fn places_are_those_that_are_found_in_the_text() {
        let body = format!("{{\"a\":[1,{{\"b\":{}7{}}},\"x\"],\"c\":null}}", "[".repeat(200), "]".repeat(200));
        let nodes = Nodes::read(&body, &Digests::default()).unwrap();
        let values = Walk::body(&body).filter(|step| !matches!(step.what, What::Close { .. }));
        for (id, step) in values.enumerate() {
            assert_eq!(Some(nodes.location(id)), ValueLocation::find(&body, step.at));
        }
    }

    #[test]
    fn the_number_of_values_has_a_bound_and_their_depth_has_none() {
        let digests = Digests::default();
        assert!(Nodes::read(&format!("[{}1]", "1,".repeat(MAX_VALUES)), &digests).is_none());
        assert!(Nodes::read("", &digests).is_none());
        let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(Nodes::read(&deep, &digests).unwrap().location(499_999).depth, 499_999);
    }
}
