//! Which request headers are kept with an event. Those that carry credentials never are; of those that are confidential, by their name
//! or by what their value looks like, the name is kept and the value is not.

use std::borrow::Cow;

use crate::domain::confidential::{MASK, is_confidential_name, looks_confidential};

/// Carry credentials by their definition. Dropped, name and all.
pub const NEVER_KEPT: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/// The most that is kept of all headers of one request, in bytes; the HTTP stack itself allows more.
const MAX_KEPT_BYTES: usize = 32 * 1024;

/// One header as it is kept: a lower-case name and a value, which is [`MASK`] where it is confidential.
pub type KeptHeader = (String, String);

/// Takes the headers of a request, whose names are in lower case, and keeps what may be kept, in their order, each by itself where a name
/// comes more than once. Bytes that are not UTF-8 are replaced. The answer is the JSON that is stored: a list of [`KeptHeader`].
pub fn scrub<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut kept: Vec<(&str, Cow<'a, str>)> = Vec::new();
    let mut bytes = 0;
    for (name, value) in headers.filter(|(name, _)| !NEVER_KEPT.contains(name)) {
        let value = String::from_utf8_lossy(value);
        let is_masked = is_confidential_name(name) || looks_confidential(&value);
        let value = if is_masked { Cow::Borrowed(MASK) } else { value };
        bytes += name.len() + value.len();
        if bytes > MAX_KEPT_BYTES {
            break;
        }
        kept.push((name, value));
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
            ("set-cookie", "canary"),
            ("x-auth-token", "canary"),
            ("client-secret", "canary"),
            ("x-original-auth", "Basic Y2FuYXJ5"),
            ("user-agent", "curl/8"),
            ("x-request-id", "7"),
            ("x-event-key", "repo:push"),
        ]);
        assert!(!format!("{headers:?}").contains("canary"));
        let names: Vec<&str> = headers.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            [
                "x-api-key",
                "x-hub-signature-256",
                "x-auth-token",
                "client-secret",
                "x-original-auth",
                "user-agent",
                "x-request-id",
                "x-event-key"
            ]
        );
        assert_eq!(headers[0].1, MASK);
        assert_eq!(headers[4].1, MASK);
        assert_eq!(headers[5].1, "curl/8");
        assert_eq!(headers[7].1, "repo:push");
    }

    #[test]
    fn headers_stay_in_their_order_and_each_by_itself() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            kept(&[("via", "a"), ("x", "1"), ("via", "b")]),
            [pair("via", "a"), pair("x", "1"), pair("via", "b")]
        );
        assert_eq!(kept(&[("x-token", "a"), ("x-token", "b")]), [pair("x-token", MASK), pair("x-token", MASK)]);
    }

    proptest! {
        #[test]
        fn no_confidential_value_survives(name in "[a-z-]{0,12}-(token|secret|api-key|signature|authorization)",
                                          value in prop::collection::vec(any::<u8>(), 1..64)) {
            let headers = scrub([(name.as_str(), value.as_slice())].into_iter());
            let headers: Vec<KeptHeader> = serde_json::from_str(&headers).unwrap();
            assert_eq!(headers, [(name, MASK.to_owned())]);
        }
    }
}
