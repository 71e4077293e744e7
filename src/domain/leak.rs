//! A scanner for leaked credentials in text.
//!
//! Finds what looks like our usernames and passwords in a text of any kind and size: it looks at bytes, one after the other, and
//! keeps no more of them than one password is long.
//!
//! What stands before and after does not matter, since the checksum of a password tells whether it is one: colours of a terminal, an
//! escaped line break and a percent-encoded colon all end in letters. What is in base64 is looked through as well: the two in HTTP
//! Basic lie like that in the logs of other systems, and single ones in the secrets of orchestrators.

use zeroize::Zeroizing;

use crate::domain::credential::{USERNAME_BYTES, Username};
use crate::domain::credential_password::PASSWORD_BYTES;
use crate::domain::secret::Secret;

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    Username(Username),
    /// The shape of a password, of a token address's token or of an API token, and the line it stands in, counted from 1.
    Password(Secret, u64),
}

/// A search under way.
#[derive(Debug)]
pub(crate) struct LeakScanner {
    line: u64,
    plain: Window,
    base64: Base64,
}

/// The last bytes, as many as a password has.
#[derive(Debug)]
struct Window(Zeroizing<[u8; PASSWORD_BYTES]>);

/// A run of base64, decoded from its first character.
#[derive(Debug)]
struct Base64 {
    /// The characters that are not decoded yet, six bits each: four of them are three bytes.
    bits: u32,
    chars: usize,
    window: Window,
}

impl Window {
    fn new() -> Self {
        Self(Zeroizing::new([0; PASSWORD_BYTES]))
    }

    fn push(&mut self, byte: u8, line: u64, found: &mut impl FnMut(Found)) {
        self.0.copy_within(1.., 0);
        if let Some(last) = self.0.last_mut() {
            *last = byte;
        }
        let (prefix, rest) = self.0.split_at(4);
        let is_password = matches!(prefix, b"rwp_" | b"rwi_" | b"rwt_") && rest.iter().all(u8::is_ascii_alphanumeric);
        if is_password && let Ok(text) = std::str::from_utf8(self.0.as_slice()) {
            found(Found::Password(Secret::new(text.to_owned()), line));
        }
        let tail = self.0.last_chunk::<USERNAME_BYTES>().filter(|tail| tail.starts_with(b"rw_"));
        if let Some(username) = tail.and_then(|tail| std::str::from_utf8(tail).ok()?.parse().ok()) {
            found(Found::Username(username));
        }
    }
}

impl Base64 {
    fn new() -> Self {
        Self { bits: 0, chars: 0, window: Window::new() }
    }

    fn push(&mut self, byte: u8, line: u64, found: &mut impl FnMut(Found)) {
        let Some(six_bits) = value_of(byte) else { return self.end(line, found) };
        self.bits = self.bits << 6 | u32::from(six_bits);
        self.chars += 1;
        if self.chars == 4 {
            self.decode(3, line, found);
        }
    }

    /// The run is over: two or three characters that are left are one byte or two.
    fn end(&mut self, line: u64, found: &mut impl FnMut(Found)) {
        if self.chars > 0 {
            self.bits <<= 6 * (4 - self.chars);
            self.decode(self.chars - 1, line, found);
        }
        self.window.0.fill(0);
    }

    fn decode(&mut self, bytes: usize, line: u64, found: &mut impl FnMut(Found)) {
        let [_, decoded @ ..] = self.bits.to_be_bytes();
        decoded.into_iter().take(bytes).for_each(|byte| self.window.push(byte, line, found));
        (self.bits, self.chars) = (0, 0);
    }
}

/// Of a character of base64, in either alphabet (RFC 4648).
fn value_of(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

impl LeakScanner {
    pub(crate) fn new() -> Self {
        Self { line: 1, plain: Window::new(), base64: Base64::new() }
    }

    /// The next bytes of the text, cut off anywhere.
    pub(crate) fn feed(&mut self, bytes: &[u8], found: &mut impl FnMut(Found)) {
        for byte in bytes.iter().copied() {
            self.plain.push(byte, self.line, found);
            self.base64.push(byte, self.line, found);
            if byte == b'\n' {
                self.line = self.line.saturating_add(1);
            }
        }
    }

    /// The end of the text.
    pub(crate) fn finish(&mut self, found: &mut impl FnMut(Found)) {
        self.base64.end(self.line, found);
    }
}

impl Default for LeakScanner {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::{Found, LeakScanner};

    const PASSWORD: &str = "rwp_7Hq2mXvK4dWn8sTzB5cJr9LfAy3Ge6Pu";

    /// The lines in which something was found, fed in pieces of a size.
    fn lines(text: &[u8], chunk: usize) -> Vec<String> {
        let mut told = Vec::new();
        let mut note = |found: Found| match found {
            Found::Username(username) => told.push(username.as_str().to_owned()),
            Found::Password(input, line) => {
                assert_eq!(input.reveal(), PASSWORD);
                told.push(format!("password in line {line}"));
            }
        };
        let mut scanner = LeakScanner::new();
        for chunk in text.chunks(chunk) {
            scanner.feed(chunk, &mut note);
        }
        scanner.finish(&mut note);
        told
    }

    #[test]
    fn both_are_found_in_any_text_however_it_is_cut() {
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
        for chunk in [1, 7, 36, 4_096, text.len()] {
            assert_eq!(lines(&text, chunk), expected, "in pieces of {chunk}");
        }
    }

    #[test]
    fn it_does_not_matter_what_stands_around_a_password() {
        let file = format!("{{\n  \"url\": \"https://example.com\",\n  \"password\": \"{PASSWORD}\"\n}}\n");
        for text in [
            format!("x{PASSWORD}x"),
            format!("\u{1b}[31m{PASSWORD}\u{1b}[0m"),
            format!(r"first\n{PASSWORD}_\n"),
            format!("https://rw%5F:%3A{PASSWORD}@example.com"),
            format!("rwp_{PASSWORD}"),
            BASE64_STANDARD.encode(PASSWORD),
            format!("password={}", BASE64_URL_SAFE_NO_PAD.encode(format!("~{PASSWORD}"))),
            format!("A_KEY={}", BASE64_STANDARD.encode(&file)),
        ] {
            let found = lines(text.as_bytes(), 5);
            assert!(found.len() == 1 && found[0].starts_with("password in line"), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_has_another_shape_is_none_of_ours() {
        for text in [
            PASSWORD[..35].to_owned(),
            PASSWORD.replace("rwp_", "rwp-"),
            PASSWORD.replace('K', "-"),
            PASSWORD.replace('K', " "),
            "rw_7F3kq2m9 rw_7f3kq2m rw-7f3kq2m9".to_owned(),
            BASE64_STANDARD.encode(&PASSWORD[..30]),
        ] {
            assert_eq!(lines(text.as_bytes(), 5), Vec::<String>::new(), "{text}");
        }
    }
}
