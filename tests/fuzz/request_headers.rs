//! What is kept of a request's headers: nothing confidential, not too much, and everything else as it came.

use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::strategy::Strategy;
use proptest::string::string_regex;
use proptest::test_runner::TestCaseResult;
use reasoner_webhooks::domain::confidential::MASK;
use reasoner_webhooks::domain::request_headers::{KeptHeader, scrub};

use crate::budget::fuzz;

/// As much as is kept of one request, in bytes.
const MAX_KEPT_BYTES: usize = 32 * 1024;
const CARRIES_CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
const SAYS_CONFIDENTIAL: [&str; 4] = ["-token", "-secret", "-api-key", "-signature"];

const KNOWN: [&str; 8] =
    ["authorization", "proxy-authorization", "cookie", "cookie2", "x-api-key", "via", "xauthorization", "x-trace"];

/// In lower case, as the HTTP library gives them.
fn names() -> impl Strategy<Value = String> {
    let wild = string_regex("[a-z0-9!#$%&'*+.^_`|~-]{1,20}").unwrap();
    let telling = string_regex("[a-z-]{0,8}-(token|secret|api-key|signature)").unwrap();
    prop_oneof![select(&KNOWN[..]).prop_map(str::to_owned), wild, telling]
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![8 => 0..60_usize, 1 => 0..9_000_usize];
    size.prop_flat_map(|size| vec(any::<u8>(), size))
}

fn check(headers: &[(String, Vec<u8>)]) -> TestCaseResult {
    let kept: Vec<KeptHeader> =
        serde_json::from_str(&scrub(headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())))).unwrap();
    let mut bytes = 0;
    for (name, value) in &kept {
        bytes += name.len() + value.len();
        prop_assert!(!CARRIES_CREDENTIALS.contains(&name.as_str()), "{} is kept", name);
        if SAYS_CONFIDENTIAL.iter().any(|word| name.ends_with(word)) {
            prop_assert_eq!(value.as_str(), MASK);
        } else {
            let mut sent =
                headers.iter().filter(|(known, _)| known == name).map(|(_, value)| String::from_utf8_lossy(value));
            prop_assert!(value == MASK || sent.any(|sent| sent == *value), "{} is kept changed", name);
        }
    }
    prop_assert!(bytes <= MAX_KEPT_BYTES, "{} bytes are kept", bytes);
    Ok(())
}

// holds C5
#[test]
fn nothing_confidential_is_kept_and_not_too_much_of_the_rest() {
    fuzz(vec((names(), values()), 0..30), |headers| check(&headers));
}
