//! The `Authorization` header of RFC 7617: the scheme in any case, one or more spaces, standard base64 with or without
//! padding, UTF-8, split at the first colon. Whatever else comes is no credentials. This parser is ours because the known
//! ones accept only exactly `Basic`, or break on a colon in the password.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::domain::secret::Secret;

/// The longest header that is looked at, in bytes. Ours are 70; this leaves room for other people's mistakes.
pub const MAX_HEADER_BYTES: usize = 2048;

pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a sender says of itself. Nothing of it is verified.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct BasicCredentials {
    pub username: String,
    pub password: Secret,
}

/// Reads the value of one `Authorization` header; `None` for anything that is not exactly Basic credentials.
pub fn parse(header: &[u8]) -> Option<BasicCredentials> {
    if header.len() > MAX_HEADER_BYTES {
        return None;
    }
    let (scheme, rest) = header.split_at_checked(b"Basic".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic") || rest.first() != Some(&b' ') {
        return None;
    }
    let encoded = rest.trim_ascii();
    let decoded = Zeroizing::new(BASE64.decode(encoded).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (username, password) = text.split_once(':')?;
    // RFC 7617, section 2: neither part may contain control characters.
    if text.chars().any(char::is_control) {
        return None;
    }
    Some(BasicCredentials { username: username.to_owned(), password: Secret::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::parse;

    fn parts(header: &str) -> Option<(String, String)> {
        parse(header.as_bytes()).map(|c| (c.username, c.password.reveal().to_owned()))
    }

    fn some(username: &str, password: &str) -> Option<(String, String)> {
        Some((username.to_owned(), password.to_owned()))
    }

    // holds C15
    #[test]
    fn the_examples_of_rfc_7617_are_read() {
        assert_eq!(parts("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), some("Aladdin", "open sesame"));
        assert_eq!(parts("Basic dGVzdDoxMjPCow=="), some("test", "123£"));
    }

    // holds C15
    #[test]
    fn the_scheme_is_read_in_any_case_and_after_any_number_of_spaces() {
        for header in ["basic YTpi", "BASIC YTpi", "bAsIc YTpi", "Basic  YTpi", "Basic     YTpi", "Basic YTpi "] {
            assert_eq!(parts(header), some("a", "b"), "{header}");
        }
        for header in ["BasicYTpi", "Basi YTpi", "Bearer YTpi", "Basic", "Basic ", "", "Basic\tYTpi", " Basic YTpi"] {
            assert_eq!(parts(header), None, "{header}");
        }
    }

    // holds C15
    #[test]
    fn padding_may_be_missing_and_the_alphabet_is_the_standard_one() {
        assert_eq!(parts("Basic YTo="), some("a", ""));
        assert_eq!(parts("Basic YTo"), some("a", ""));
        assert_eq!(parts("Basic Pj4/Ojw8Pw=="), some(">>?", "<<?"));
        assert_eq!(parts("Basic Pj4_Ojw8Pw=="), None, "the URL-safe alphabet");
        assert_eq!(parts("Basic YTpi!"), None);
        assert_eq!(parts("Basic YT pi"), None);
        assert_eq!(parts("Basic YTpi, Basic YTpi"), None);
    }

    // holds C15
    #[test]
    fn the_first_colon_divides_and_one_is_needed() {
        assert_eq!(parts("Basic YTpiOmM6ZA=="), some("a", "b:c:d"));
        assert_eq!(parts("Basic Og=="), some("", ""));
        assert_eq!(parts("Basic YWI="), None, "no colon");
    }

    // holds C15
    #[test]
    fn control_characters_bad_utf8_and_long_headers_are_refused() {
        assert_eq!(parts("Basic YTpiAA=="), None, "NUL");
        assert_eq!(parts("Basic YTpiCg=="), None, "a line feed, as echo without -n sends it");
        assert_eq!(parts("Basic YTr/"), None, "not UTF-8");
        let long = format!("Basic {}", "YTpi".repeat(511));
        assert!(long.len() > 2048 && parts(&long).is_none());
        assert!(parts(&format!("Basic {}", "YTpi".repeat(510))).is_some());
        assert!(parse(b"Basic \xff\xfe").is_none());
    }

    proptest! {
        // holds C15
        #[test]
        fn no_bytes_make_it_panic(header in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = parse(&header);
            let _ = parse(&[b"Basic ", header.as_slice()].concat());
        }
    }
}
