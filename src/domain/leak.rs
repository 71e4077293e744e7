//! Finds what looks like our usernames and passwords in a text of any kind and size: it looks at bytes, one after the other, and
//! keeps no more of them than one password is long.
//!
//! Both stand alone as words: `\\b` of regular expressions before and after. The two in HTTP Basic, which is how they lie in the logs
//! of other systems, are found in their base64 as well.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::domain::credential::{USERNAME_BYTES, Username};
use crate::domain::credential_password::PASSWORD_BYTES;
use crate::domain::secret::Secret;

/// Username, colon and password in base64.
const BASIC_CHARS: usize = (USERNAME_BYTES + 1 + PASSWORD_BYTES) / 3 * 4;
/// `rw_` in base64.
const BASIC_PREFIX: &[u8] = b"cndf";

/// What was found.
#[derive(Debug)]
pub enum Found {
    Username(Username),
    /// The shape of a password, and the line it stands in, counted from 1.
    Password(Secret, u64),
}

/// A search under way.
#[derive(Debug)]
pub struct LeakScanner {
    line: u64,
    word: Run<PASSWORD_BYTES>,
    basic: Run<BASIC_CHARS>,
}

/// Characters of one kind in a row, as many as are of interest.
#[derive(Debug)]
struct Run<const N: usize> {
    bytes: Zeroizing<[u8; N]>,
    length: usize,
}

impl<const N: usize> Run<N> {
    fn new() -> Self {
        Self { bytes: Zeroizing::new([0; N]), length: 0 }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    /// What it was, unless it was longer; and the next begins.
    fn take(&mut self) -> Option<&[u8]> {
        let length = std::mem::take(&mut self.length);
        self.bytes.get(..length)
    }
}

impl LeakScanner {
    pub fn new() -> Self {
        Self { line: 1, word: Run::new(), basic: Run::new() }
    }

    /// The next bytes of the text, cut off anywhere.
    pub fn feed(&mut self, bytes: &[u8], found: &mut impl FnMut(Found)) {
        for byte in bytes {
            if byte.is_ascii_alphanumeric() || *byte == b'_' {
                self.word.push(*byte);
            } else {
                self.end_word(found);
            }
            if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') {
                self.basic.push(*byte);
            } else {
                self.end_basic(found);
            }
            if *byte == b'\n' {
                self.line = self.line.saturating_add(1);
            }
        }
    }

    /// The end of the text.
    pub fn finish(&mut self, found: &mut impl FnMut(Found)) {
        self.end_word(found);
        self.end_basic(found);
    }

    fn end_word(&mut self, found: &mut impl FnMut(Found)) {
        if self.word.length == 0 {
            return;
        }
        let line = self.line;
        if let Some(word) = self.word.take() {
            tell(word, line, found);
        }
    }

    fn end_basic(&mut self, found: &mut impl FnMut(Found)) {
        if self.basic.length == 0 {
            return;
        }
        let line = self.line;
        let Some(run) = self.basic.take().filter(|run| run.len() == BASIC_CHARS && run.starts_with(BASIC_PREFIX))
        else {
            return;
        };
        let Ok(text) = BASE64_STANDARD.decode(run).map(Zeroizing::new) else { return };
        if let Some((username, [b':', password @ ..])) = text.split_at_checked(USERNAME_BYTES) {
            tell(username, line, found);
            tell(password, line, found);
        }
    }
}

impl Default for LeakScanner {
    fn default() -> Self {
        Self::new()
    }
}

/// Tells of a word if it has the shape of a username or of a password.
fn tell(word: &[u8], line: u64, found: &mut impl FnMut(Found)) {
    let Ok(text) = std::str::from_utf8(word) else { return };
    if text.len() == PASSWORD_BYTES && text.starts_with("rwp_") {
        found(Found::Password(Secret::new(text.to_owned()), line));
    } else if let Ok(username) = text.parse() {
        found(Found::Username(username));
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::{Found, LeakScanner};

    const PASSWORD: &str = "rwp_7Hq2mXvK4dWn8sTzB5cJr9LfAy3Ge6Pu";

    /// The lines in which something was found, fed in pieces of a size.
    fn lines(text: &[u8], piece: usize) -> Vec<String> {
        let mut told = Vec::new();
        let mut note = |found: Found| match found {
            Found::Username(username) => told.push(username.as_str().to_owned()),
            Found::Password(_, line) => told.push(format!("password in line {line}")),
        };
        let mut scanner = LeakScanner::new();
        for piece in text.chunks(piece) {
            scanner.feed(piece, &mut note);
        }
        scanner.finish(&mut note);
        told
    }

    #[test]
    fn words_are_found_in_any_text_however_it_is_cut() {
        let basic = BASE64_STANDARD.encode(format!("rw_7f3kq2m9:{PASSWORD}"));
        let text = [
            b"curl --user 'rw_7f3kq2m9:".as_slice(),
            PASSWORD.as_bytes(),
            b"'\n\xff\x00\xfe",
            PASSWORD.as_bytes(),
            b"\x00\r\n\nAuthorization: Basic ",
            basic.as_bytes(),
            b"\n",
            &[b'x'; 100_000],
            b" ",
            PASSWORD.as_bytes(),
        ]
        .concat();
        let expected = [
            "rw_7f3kq2m9",
            "password in line 1",
            "password in line 2",
            "rw_7f3kq2m9",
            "password in line 4",
            "password in line 5",
        ];
        for piece in [1, 7, 36, 4_096, text.len()] {
            assert_eq!(lines(&text, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_part_of_a_longer_word_is_none_of_ours() {
        for text in [
            format!("x{PASSWORD}"),
            format!("{PASSWORD}x"),
            format!("{PASSWORD}_"),
            PASSWORD[..35].to_owned(),
            PASSWORD.replace("rwp_", "rwp-"),
            "rw_7F3kq2m9 rw_7f3kq2m rw_7f3kq2m99".to_owned(),
        ] {
            assert_eq!(lines(text.as_bytes(), 5), Vec::<String>::new(), "{text}");
        }
    }
}
