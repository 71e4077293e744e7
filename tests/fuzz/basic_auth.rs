//! The reader of `Authorization`: what it gives is what the header says, and it finds all there is to find.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::strategy::Strategy;
use proptest::string::string_regex;
use proptest::test_runner::TestCaseResult;
use reasoner_webhooks::domain::basic_auth::{MAX_HEADER_BYTES, parse};

use crate::budget::fuzz;
use crate::mutation::changed;

const SIGNS: &[u8] = b"Basic ABab09+/-_=:,\t\r\n\x00\x7f\xff";

/// Username, password, and a header that says them in one of the ways that are allowed.
fn headers() -> impl Strategy<Value = (String, String, Vec<u8>)> {
    let part = |pattern| string_regex(pattern).unwrap();
    let scheme = part("[bB][aA][sS][iI][cC] {1,4}");
    let (username, password) = (part("[^:\\p{Cc}]{0,40}"), part("[^\\p{Cc}]{0,40}"));
    (scheme, username, password, any::<bool>(), part(" {0,2}")).prop_map(|(scheme, username, password, padded, end)| {
        let engine = if padded { BASE64_STANDARD } else { BASE64_STANDARD_NO_PAD };
        let header = format!("{scheme}{}{end}", engine.encode(format!("{username}:{password}")));
        (username, password, header.into_bytes())
    })
}

fn check(header: &[u8]) -> TestCaseResult {
    let Some(found) = parse(header) else { return Ok(()) };
    prop_assert!(header.len() <= MAX_HEADER_BYTES);
    let pair = format!("{}:{}", found.username, found.password.reveal());
    prop_assert!(!found.username.contains(':') && !pair.chars().any(char::is_control));
    let text = String::from_utf8_lossy(header);
    let (scheme, rest) = text.split_at(5);
    prop_assert!(scheme.eq_ignore_ascii_case("basic") && rest.starts_with(' '));
    prop_assert_eq!(rest.trim().trim_end_matches('='), BASE64_STANDARD_NO_PAD.encode(pair));
    Ok(())
}

// holds C15
#[test]
fn every_allowed_way_to_say_username_and_password_is_read() {
    fuzz(headers(), |(username, password, header)| {
        let found = parse(&header);
        prop_assert!(found.is_some());
        let found = found.unwrap();
        prop_assert_eq!((found.username.as_str(), found.password.reveal()), (username.as_str(), password.as_str()));
        check(&header)
    });
}

// holds C15
#[test]
fn whatever_is_read_is_what_the_header_says() {
    let right = headers().prop_map(|(_, _, header)| header);
    let wild = proptest::collection::vec(any::<u8>(), 0..200);
    fuzz(prop_oneof![3 => changed(right, SIGNS), 1 => wild.boxed()], |header| check(&header));
}
