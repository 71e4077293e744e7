//! The gate for bodies: what passes is JSON and unchanged, and what does not is told a place that exists.

use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseResult;
use reasoner_webhooks::domain::payload::Payload;

use crate::budget::fuzz;
use crate::grammar::{documents, is_json};
use crate::json::{invalid, valid};
use crate::mutation::changed;

/// Longer cases of the collection take the time of many short ones.
const MAX_SEED_BYTES: usize = 2_000;
const SIGNS: &[u8] = b"[]{}\",:\\ue+-.0123456789tfn \t\r\n\x00\x80\xbb\xbf\xc0\xed\xef\xff";

fn check(bytes: &[u8]) -> TestCaseResult {
    match Payload::check(bytes) {
        Ok(payload) => {
            prop_assert!(is_json(bytes), "it passes and is no JSON");
            prop_assert_eq!(payload.as_str().as_bytes(), bytes);
        }
        Err(problem) => {
            prop_assert!(!is_json(bytes), "it is JSON and does not pass: {}", problem);
            let text = String::from_utf8_lossy(bytes);
            let line = text.split('\n').nth(problem.line.wrapping_sub(1));
            prop_assert!(line.is_some(), "there is no line {}", problem.line);
            let columns = line.unwrap_or_default().chars().count() + 1;
            prop_assert!((1..=columns).contains(&problem.column), "column {} of {columns}", problem.column);
        }
    }
    Ok(())
}

// holds X5
#[test]
fn the_gate_takes_every_document_that_the_grammar_makes() {
    fuzz(documents(), |bytes| {
        prop_assert!(Payload::check(bytes.as_slice()).is_ok());
        check(&bytes)
    });
}

// holds X5
#[test]
fn the_gate_and_the_grammar_agree_on_documents_that_were_changed() {
    let mut seeds = valid();
    seeds.extend(invalid());
    seeds.retain(|seed| seed.len() <= MAX_SEED_BYTES);
    fuzz(changed(prop_oneof![documents(), select(seeds)], SIGNS), |bytes| check(&bytes));
}

// holds X5
#[test]
fn the_gate_and_the_grammar_agree_on_anything() {
    let wild = proptest::collection::vec(any::<u8>(), 0..200);
    let tame = proptest::collection::vec(select(SIGNS), 0..40);
    fuzz(prop_oneof![wild, tame].boxed(), |bytes| check(&bytes));
}
