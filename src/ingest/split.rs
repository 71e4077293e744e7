//! Splitting of batches: JSON lines and top-level lists become a JSON text for each event.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::digest::sha256;
use crate::domain::event::IdempotencyKey;
use crate::domain::payload::{InvalidJson, Payload};

/// The most events of one request.
pub(crate) const MAX_EVENTS: usize = 1_000;

/// One part of a batch, or what is wrong with it.
pub(crate) type Part = Result<String, InvalidJson>;

/// There are more parts than one request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// The lines of a body, those that are empty left out. Lines and columns of what is wrong count in the whole body.
pub(crate) fn lines(body: &[u8]) -> Result<Vec<Part>, TooMany> {
    let mut parts = Vec::new();
    let numbered = body.split(|byte| *byte == b'\n').enumerate();
    for (index, line) in numbered.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        if parts.len() == MAX_EVENTS {
            return Err(TooMany);
        }
        let part = Payload::check(line.trim_ascii()).map(Payload::into_string);
        parts.push(part.map_err(|problem| InvalidJson { line: index + 1, ..problem }));
    }
    Ok(parts)
}

/// The elements of a list, spelled as they were sent; nothing, where the body is no list.
pub(crate) fn elements(body: &str) -> Result<Option<Vec<Part>>, TooMany> {
    let body = body.trim_start_matches('\u{feff}');
    if !body.trim_start().starts_with('[') {
        return Ok(None);
    }
    match serde_json::from_str(body) {
        Ok(Elements(elements)) if elements.len() > MAX_EVENTS => Err(TooMany),
        Ok(Elements(elements)) => Ok(Some(elements.into_iter().map(Ok).collect())),
        // It is told like any other body what is wrong with it.
        Err(_) => Ok(None),
    }
}

/// The elements of a list, of which no more are kept than tell that there are too many.
struct Elements(Vec<String>);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self, A::Error> {
        while self.0.len() <= MAX_EVENTS {
            let Some(element) = list.next_element::<&RawValue>()? else { return Ok(self) };
            self.0.push(element.get().to_owned());
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

/// The key of one part, under the key of the whole batch.
pub(crate) fn key_of_part(key: &IdempotencyKey, index: usize) -> IdempotencyKey {
    // No header has a byte of zero, so it is no key of a request either.
    let digest = sha256(&[&key.key, &b"\0"[..], &(index as u64).to_be_bytes()].concat());
    IdempotencyKey { key: [b"\0part", &digest[..]].concat(), ..key.clone() }
}

#[cfg(test)]
mod tests {
    use super::{MAX_EVENTS, TooMany, elements, lines};

    #[test]
    fn lines_are_events_and_a_bad_one_is_told_by_its_number_in_the_body() {
        let parts = lines(b"{\"a\": 1}\r\n\n  2  \n{\"b\": }\n").unwrap();
        assert_eq!(parts[0].as_deref(), Ok("{\"a\": 1}"));
        assert_eq!(parts[1].as_deref(), Ok("2"));
        let problem = parts[2].as_ref().unwrap_err();
        assert_eq!((problem.line, parts.len()), (4, 3));
    }

    #[test]
    fn elements_of_a_list_keep_their_spelling() {
        let parts = elements("[{\"a\":  1.0}, \"\\u00e9\", [ ]]").unwrap().unwrap();
        let parts: Vec<_> = parts.into_iter().map(Result::unwrap).collect();
        assert_eq!(parts, ["{\"a\":  1.0}", "\"\\u00e9\"", "[ ]"]);
        assert_eq!(elements("{\"a\": [1]}").unwrap(), None);
    }

    #[test]
    fn a_batch_has_a_bound() {
        assert_eq!(lines("1\n".repeat(MAX_EVENTS).as_bytes()).unwrap().len(), MAX_EVENTS);
        assert_eq!(lines("1\n".repeat(MAX_EVENTS + 1).as_bytes()), Err(TooMany));
        assert_eq!(elements(&format!("[{}1]", "1,".repeat(MAX_EVENTS))), Err(TooMany));
    }
}
