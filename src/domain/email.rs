//! The address somebody signs in with: folded to lower case once, where it comes in, so that it is compared plainly ever after.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::domain::escape_invisible::escape_invisible;

/// The longest address, in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const MAX_EMAIL_BYTES: usize = 254;

/// A folded e-mail address. The check is no stricter than what tells a slip from an address: whether mail gets there is for its
/// confirmation to show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

/// Why a text is not an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidEmail {
    #[error("Enter an email address.")]
    Missing,
    #[error("Enter an email address with one @, such as maya@example.com.")]
    Malformed,
    #[error("Use an email address of at most {MAX_EMAIL_BYTES} characters.")]
    TooLong,
}

impl Email {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidEmail::Missing);
        }
        if text.len() > MAX_EMAIL_BYTES {
            return Err(InvalidEmail::TooLong);
        }
        let sides = text.split_once('@');
        let well_formed = sides.is_some_and(|(local, host)| {
            !local.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
        // Two addresses that look alike must not be two accounts.
        let shows_itself = matches!(escape_invisible(text), Cow::Borrowed(_));
        let odd = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';' | '\u{ff00}'..='\u{ffef}');
        if !well_formed || !shows_itself || text.chars().any(odd) {
            return Err(InvalidEmail::Malformed);
        }
        Ok(Self(text.to_lowercase()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Email, InvalidEmail};

    #[test]
    fn addresses_are_trimmed_and_folded() {
        assert_eq!("  Maya@Example.COM ".parse::<Email>().unwrap().as_str(), "maya@example.com");
    }

    #[test]
    fn slips_are_told_apart() {
        assert_eq!("".parse::<Email>(), Err(InvalidEmail::Missing));
        for slip in [
            "maya",
            "@example.com",
            "maya@",
            "a b@example.com",
            "a@b@c",
            "a@.com",
            "a@\u{7}b.com",
            "a@example.com\u{200b}",
            "ａ@example.com",
            "<a@b.com>",
            "\u{202e}a@b.com",
        ] {
            assert_eq!(slip.parse::<Email>(), Err(InvalidEmail::Malformed), "{slip}");
        }
        assert_eq!(format!("{}@example.com", "a".repeat(250)).parse::<Email>(), Err(InvalidEmail::TooLong));
    }
}
