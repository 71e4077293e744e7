//! A streaming JSON visitor, by path.
//!
//! A walk through a JSON text that makes no values of it: what stands where, told in order. Any JSON will do, and any other text is
//! survived.

use std::ops::ControlFlow;

use memchr::memchr2;

/// A value where it begins.
#[derive(Clone, Copy)]
pub(crate) enum Seen<'a> {
    /// Between its quotes, as spelled.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
    Container,
}

/// Where a member stands in its container.
#[derive(Clone, Copy)]
pub(crate) enum PathStep<'a> {
    Key(&'a str),
    Index(u32),
}

/// Who is told. `depth` counts the containers around.
pub(crate) trait Visitor {
    /// A member of a container begins.
    fn enter(&mut self, depth: usize, step: PathStep<'_>);
    /// A value begins: the whole, or that of the member that began last.
    fn see(&mut self, depth: usize, value: Seen<'_>);
    /// So many bytes more were read. The walk ends where nothing more is wanted.
    fn pass(&mut self, _bytes: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A container that is open.
enum Open {
    /// Whether a key comes next.
    Object {
        key_next: bool,
    },
    List {
        index: u32,
    },
}

/// Goes through a JSON value once and tells a visitor what stands where. A stack of its own instead of recursion, because a
/// body may be half a million brackets deep.
pub(crate) fn walk(json: &str, visitor: &mut impl Visitor) {
    let bytes = json.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let depth = open.len();
        let end = match byte {
            b'"' => string_end(bytes, at),
            b'{' | b'[' | b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at + 1,
            _ => word_end(bytes, at),
        };
        match byte {
            b'{' => {
                visitor.see(depth, Seen::Container);
                open.push(Open::Object { key_next: true });
            }
            b'[' => {
                visitor.see(depth, Seen::Container);
                open.push(Open::List { index: 0 });
                visitor.enter(depth + 1, PathStep::Index(0));
            }
            b'}' | b']' => _ = open.pop(),
            b',' => match open.last_mut() {
                Some(Open::Object { key_next }) => *key_next = true,
                Some(Open::List { index }) => {
                    *index = index.saturating_add(1);
                    let step = PathStep::Index(*index);
                    visitor.enter(depth, step);
                }
                None => {}
            },
            b'"' => {
                let inside = json.get(at + 1..end.saturating_sub(1)).unwrap_or_default();
                match open.last_mut() {
                    Some(Open::Object { key_next }) if *key_next => {
                        *key_next = false;
                        visitor.enter(depth, PathStep::Key(inside));
                    }
                    _ => visitor.see(depth, Seen::Text(inside)),
                }
            }
            b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => visitor.see(depth, Seen::Word(json.get(at..end).unwrap_or_default())),
        }
        if visitor.pass(end - at).is_break() {
            return;
        }
        at = end;
    }
}

/// The place after the string that begins here.
pub(crate) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += next;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// The place after the number or word that begins here.
fn word_end(bytes: &[u8], start: usize) -> usize {
    let ends =
        |byte: &u8| matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | b' ' | b'\t' | b'\n' | b'\r');
    bytes[start..].iter().position(ends).map_or(bytes.len(), |length| start + length)
}
