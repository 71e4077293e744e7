//! Small changes to bytes that were right.

use proptest::collection::vec;
use proptest::prelude::{Just, any, prop_oneof};
use proptest::sample::Index;
use proptest::strategy::{BoxedStrategy, Strategy};

/// One change, at a place that is chosen when the length is known.
#[derive(Clone, Debug)]
pub enum Change {
    Insert(Index, u8),
    Replace(Index, u8),
    Remove(Index),
    CutOff(Index),
    Repeat(Index, Index),
}

/// Bytes that were changed a few times, or not at all. `signs` are those that mean something to the parser.
pub fn changed(right: impl Strategy<Value = Vec<u8>> + 'static, signs: &'static [u8]) -> BoxedStrategy<Vec<u8>> {
    let byte = || prop_oneof![proptest::sample::select(signs), any::<u8>()];
    let change = prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        any::<Index>().prop_map(Change::Remove),
        any::<Index>().prop_map(Change::CutOff),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
    ];
    let changes = prop_oneof![Just(Vec::new()), vec(change, 1..4)];
    (right, changes).prop_map(|(bytes, changes)| changes.iter().fold(bytes, apply)).boxed()
}

fn apply(mut bytes: Vec<u8>, change: &Change) -> Vec<u8> {
    let length = bytes.len();
    match change {
        Change::Insert(at, byte) => bytes.insert(at.index(length + 1), *byte),
        _ if length == 0 => {}
        Change::Replace(at, byte) => bytes[at.index(length)] = *byte,
        Change::Remove(at) => drop(bytes.remove(at.index(length))),
        Change::CutOff(at) => bytes.truncate(at.index(length)),
        Change::Repeat(from, to) => {
            let (from, to) = (from.index(length), to.index(length));
            let again = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.extend_from_slice(&again);
        }
    }
    bytes
}
