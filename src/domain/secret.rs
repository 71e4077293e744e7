//! A text that must not be seen. It has no `Display` and no `Serialize`, its `Debug` prints the type's name, and the
//! memory is overwritten when it goes. Reading it takes the word `reveal`, which is easy to search for.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A plain password, token or session key.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller's copy, if it kept one, is the caller's to wipe.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The plain text. Every use of this word is a place to look at.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Default for Secret {
    /// What nobody typed.
    fn default() -> Self {
        Self::new(String::new())
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// A form's field becomes a secret where it comes in, and is never a plain text in between.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    // holds C5
    #[test]
    fn debug_output_never_contains_the_text() {
        let secret = Secret::new("canary".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret Some(Secret)");
        assert_eq!(secret.reveal(), "canary");
    }
}
