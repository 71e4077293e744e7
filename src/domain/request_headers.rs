//! Which request headers are stored, and which are masked.
//!
//! Which request headers are kept with an event. Those that carry credentials never are; of those whose name says that
//! the value is confidential, the name is kept and the value is not.

use std::borrow::Cow;

/// What stands for a confidential value.
pub const MASK: &str = "[masked]";

/// Carry credentials by their definition. Dropped, name and all.
const NEVER_KEPT: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
/// A name that contains one of these has a value that is nobody's business.
const CONFIDENTIAL: [&str; 4] = ["token", "secret", "key", "signature"];
/// The most that is kept of all headers of one request, in bytes; the HTTP stack itself allows more.
const MAX_KEPT_BYTES: usize = 32 * 1024;

/// One header as it is kept: a lower-case name and a value, which is [`MASK`] where it is confidential.
pub type KeptHeader = (String, String);

/// Takes the headers of a request, whose names are in lower case, and keeps what may be kept, in order; values of one name are
/// joined by a comma (RFC 9110, section 5.3). Bytes that are not UTF-8 are replaced. The answer is the JSON that is stored: a
/// list of [`KeptHeader`].
pub fn scrub<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut kept: Vec<(&str, Cow<'a, str>)> = Vec::new();
    let mut bytes = 0;
    for (name, value) in headers {
        if NEVER_KEPT.contains(&name) {
            continue;
        }
        let confidential = CONFIDENTIAL.iter().any(|word| name.contains(word));
        let value = if confidential { Cow::Borrowed(MASK) } else { String::from_utf8_lossy(value) };
        bytes += name.len() + value.len();
        if bytes > MAX_KEPT_BYTES {
            break;
        }
        match kept.iter_mut().find(|(known, _)| *known == name) {
            Some(_) if confidential => {}
            Some((_, first)) => {
                let first = first.to_mut();
                first.push_str(", ");
                first.push_str(&value);
            }
            None => kept.push((name, value)),
        }
    }
    // Texts always serialize.
    serde_json::to_string(&kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::{KeptHeader, MASK, scrub};

    fn kept(headers: &[(&str, &str)]) -> Vec<KeptHeader> {
        serde_json::from_str(&scrub(headers.iter().map(|(n, v)| (*n, v.as_bytes())))).unwrap()
    }

    // holds C5
    #[test]
    fn credentials_are_dropped_and_confidential_values_masked() {
        let headers = kept(&[
            ("authorization", "Basic canary"),
            ("proxy-authorization", "canary"),
            ("cookie", "canary"),
            ("x-api-key", "canary"),
            ("x-hub-signature-256", "canary"),
            ("x-auth-token", "canary"),
            ("client-secret", "canary"),
            ("user-agent", "curl/8"),
            ("x-request-id", "7"),
        ]);
        assert!(!format!("{headers:?}").contains("canary"));
        let names: Vec<&str> = headers.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            ["x-api-key", "x-hub-signature-256", "x-auth-token", "client-secret", "user-agent", "x-request-id"]
        );
        assert_eq!(headers[0].1, MASK);
        assert_eq!(headers[4].1, "curl/8");
    }

    #[test]
    fn repeated_headers_are_joined_in_order() {
        assert_eq!(kept(&[("via", "a"), ("x", "1"), ("via", "b")])[0], ("via".to_owned(), "a, b".to_owned()));
        assert_eq!(kept(&[("x-key", "a"), ("x-key", "b")]), [("x-key".to_owned(), MASK.to_owned())]);
    }

    proptest! {
        #[test]
        fn no_confidential_value_survives(name in "[a-z-]{0,12}(token|secret|key|signature)[a-z-]{0,12}",
                                          value in prop::collection::vec(any::<u8>(), 1..64)) {
            let headers = scrub([(name.as_str(), value.as_slice())].into_iter());
            let headers: Vec<KeptHeader> = serde_json::from_str(&headers).unwrap();
            assert_eq!(headers, [(name, MASK.to_owned())]);
        }
    }
}
