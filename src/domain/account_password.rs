//! What a new password of a user must be (ASVS 5.0, 6.2): long enough, not too long to hash, and neither a common nor a leaked one.
//! Nothing about its composition. Hashing is done elsewhere.

use jiff::SignedDuration;
use passwords::analyzer::is_common_password;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;

/// The shortest password of a user, in characters.
pub(crate) const MIN_PASSWORD_CHARS: usize = 12;
/// The longest password of a user, in characters.
pub(crate) const MAX_PASSWORD_CHARS: usize = 256;
/// For how long a password that was given vouches for who sits at the browser (ASVS 5.0, 7.5.3).
pub const PASSWORD_VOUCHES_FOR: SignedDuration = SignedDuration::from_mins(15);

/// How many letters and digits there have to be beside words that everybody knows who knows the account: a year is no password.
const MIN_OWN_CHARS: usize = 6;
/// What somebody would try who knows what the password is for.
const PRODUCT_WORDS: [&str; 8] =
    ["reasoner", "webhooks", "webhook", "reasonerwebhooks", "integrations", "credential", "dashboard", "events"];

/// For how long a password signs in that was generated for its user.
pub(crate) const GENERATED_PASSWORD_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A password that may be set. The only way to one is [`NewPassword::check`].
#[derive(Debug)]
pub struct NewPassword(Secret);

/// Why a password may not be set, in words for its owner.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum WeakPassword {
    #[error("Use at least {MIN_PASSWORD_CHARS} characters. This one has {0}.")]
    TooShort(usize),
    #[error("Use at most {MAX_PASSWORD_CHARS} characters. This one has {0}.")]
    TooLong(usize),
    #[error("This password is too easy to guess. A few unrelated words work well.")]
    Common,
    #[error("This password is on a public list of leaked passwords. A few unrelated words work well.")]
    Leaked,
}

impl NewPassword {
    /// Checks length and commonness; `owner` lists what an attacker would know: the email address and the account's name. Its words,
    /// and those of the product, make a password no harder to guess.
    pub fn check(password: Secret, owner: &[&str]) -> Result<Self, WeakPassword> {
        let chars = password.reveal().chars().count();
        if chars < MIN_PASSWORD_CHARS {
            return Err(WeakPassword::TooShort(chars));
        }
        if chars > MAX_PASSWORD_CHARS {
            return Err(WeakPassword::TooLong(chars));
        }
        let parts = owner.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        let known: Vec<&str> = owner.iter().copied().chain(parts).chain(PRODUCT_WORDS).collect();
        let entropy = zxcvbn::zxcvbn(password.reveal(), &known);
        if entropy.score() < zxcvbn::Score::Two || own_chars(password.reveal(), &known) < MIN_OWN_CHARS {
            return Err(WeakPassword::Common);
        }
        let lower = Zeroizing::new(password.reveal().to_lowercase());
        if is_common_password(password.reveal()) || is_common_password(lower.as_str()) {
            return Err(WeakPassword::Leaked);
        }
        Ok(Self(password))
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}

/// Letters and digits of a password that are not part of known words.
fn own_chars(password: &str, known: &[&str]) -> usize {
    let mut words: Vec<String> = known.iter().map(|word| word.to_lowercase()).filter(|word| word.len() > 2).collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let mut rest = Zeroizing::new(password.to_lowercase());
    for word in words {
        rest = Zeroizing::new(rest.replace(&word, " "));
    }
    rest.chars().filter(|c| c.is_alphanumeric()).count()
}

#[cfg(test)]
mod tests {
    use super::{NewPassword, WeakPassword};
    use crate::domain::secret::Secret;

    fn check(text: &str) -> Result<(), WeakPassword> {
        NewPassword::check(Secret::new(text.to_owned()), &["maya@harborsupply.example", "Harbor Supply"]).map(|_| ())
    }

    // holds W3
    #[test]
    fn length_counts_characters_and_nothing_else_is_asked_of_them() {
        assert_eq!(check("harbor42"), Err(WeakPassword::TooShort(8)));
        assert_eq!(check("elf zwoelf 12"), Ok(()));
        assert_eq!(check("bergwind läuft träge"), Ok(()));
        assert_eq!(check(&"ab9 ".repeat(65)), Err(WeakPassword::TooLong(260)));
    }

    // holds W3
    #[test]
    fn common_passwords_are_refused_however_long() {
        for common in ["password1234", "123456789012", "qwertyuiopas", "aaaaaaaaaaaaaaaa", "1qaz2wsx3edc4rfv"] {
            assert_eq!(check(common), Err(WeakPassword::Common), "{common}");
        }
    }

    // holds issue 15: refused if in a breached or common list that ships with the program
    #[test]
    fn leaked_passwords_are_refused_that_look_hard_to_guess() {
        for leaked in ["golovizina_elena", "dmitrij.mironov2014", "marinochka.zhelannaya", "Marinochka.Zhelannaya"] {
            assert_eq!(check(leaked), Err(WeakPassword::Leaked), "{leaked}");
        }
        assert_eq!(check("marinochka.zhelannaya, 7 otters"), Ok(()));
    }

    // holds W3
    #[test]
    fn words_of_the_product_the_account_and_the_address_make_no_password() {
        for known in [
            "maya@harborsupply.example",
            "harborsupply1",
            "HarborSupply!",
            "reasoner-webhooks",
            "ReasonerMaya",
            "Webhooks2026",
        ] {
            assert_eq!(check(known), Err(WeakPassword::Common), "{known}");
        }
    }
}
