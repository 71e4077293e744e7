//! Unescaping and case folding of JSON strings.
//!
//! Strings of JSON without their escapes, and text without its case. A lone half of a surrogate pair, which JSON may spell and no
//! text can hold, is a character of its own here.

use std::cmp::Ordering;
use std::str::Chars;

/// The characters of a string as JSON spells it between its quotes, as numbers.
pub(crate) fn decoded(spelled: &str) -> Decoded<'_> {
    Decoded { rest: spelled.chars() }
}

/// See [`decoded`].
#[derive(Clone, Debug)]
pub(crate) struct Decoded<'a> {
    rest: Chars<'a>,
}

impl Decoded<'_> {
    fn hex(&mut self) -> u32 {
        (0..4).fold(0, |sum, _| sum << 4 | self.rest.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
    }
}

impl Iterator for Decoded<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let c = self.rest.next()?;
        if c != '\\' {
            return Some(c.into());
        }
        let code = match self.rest.next()? {
            'b' => 8,
            't' => 9,
            'n' => 10,
            'f' => 12,
            'r' => 13,
            'u' => self.hex(),
            other => other.into(),
        };
        if (0xD800..0xDC00).contains(&code) {
            let mut ahead = self.clone();
            if ahead.rest.next() == Some('\\') && ahead.rest.next() == Some('u') {
                let low = ahead.hex();
                if (0xDC00..0xE000).contains(&low) {
                    *self = ahead;
                    return Some(0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00));
                }
            }
        }
        Some(code)
    }
}

/// Compares a spelled string with a text, character by character.
pub(crate) fn compare(spelled: &str, text: &str) -> Ordering {
    if spelled.contains('\\') {
        decoded(spelled).cmp(text.chars().map(u32::from))
    } else {
        // The order of UTF-8 is the order of characters.
        spelled.cmp(text)
    }
}

/// Reads a string that somebody typed: `Err` with the place of an escape that does not exist, or that stands for half a character.
pub(crate) fn unescape(spelled: &[char]) -> Result<String, usize> {
    let mut at = 0;
    let mut out = String::with_capacity(spelled.len());
    while at < spelled.len() {
        let length = escape_length(&spelled[at..]).ok_or(at)?;
        let as_char = |length: usize| {
            let text: String = spelled.get(at..at + length)?.iter().collect();
            let mut codes = decoded(&text).map(char::from_u32);
            codes.next().flatten().filter(|_| codes.next().is_none())
        };
        // Two escapes in a row may be the halves of one character.
        let (c, length) = match as_char(length) {
            Some(c) => (c, length),
            None => (as_char(2 * length).ok_or(at)?, 2 * length),
        };
        out.push(c);
        at += length;
    }
    Ok(out)
}

/// How many characters spell the next one.
fn escape_length(spelled: &[char]) -> Option<usize> {
    match spelled {
        ['\\', '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't', ..] => Some(2),
        ['\\', 'u', digits @ ..] => digits.get(..4).filter(|it| it.iter().all(char::is_ascii_hexdigit)).map(|_| 6),
        ['\\', ..] | [] => None,
        _ => Some(1),
    }
}

/// A text in quotes, as it may stand in a search.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() && u32::from(c) <= 0xFFFF => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text for comparing in any case. ASCII becomes ASCII and nothing else does, so that whatever folds ASCII alone can look for
/// those parts of it.
pub(crate) fn folded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        fold_into(c, &mut out);
    }
    out
}

/// The same for a spelled string, without its escapes.
pub(crate) fn folded_decoded(spelled: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(spelled.len());
    for code in decoded(spelled) {
        match char::from_u32(code) {
            Some(c) => fold_into(c, &mut out),
            // As UTF-8 would spell it if it could, which no text contains.
            None => out.extend([0xED, 0x80 | (code >> 6 & 0x3F) as u8, 0x80 | (code & 0x3F) as u8]),
        }
    }
    out
}

fn fold_into(c: char, out: &mut Vec<u8>) {
    if c.is_ascii() {
        return out.push(c.to_ascii_lowercase() as u8);
    }
    let mut buffer = [0; 4];
    let mut lower = c.to_lowercase();
    if lower.any(|c| c.is_ascii()) {
        out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    } else {
        for c in c.to_lowercase() {
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{compare, decoded, folded, folded_decoded, unescape};

    fn text(spelled: &str) -> Option<String> {
        decoded(spelled).map(char::from_u32).collect()
    }

    #[test]
    fn escapes_mean_what_they_stand_for() {
        assert_eq!(text(r#"a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\tA😀");
        assert_eq!(decoded(r"\ud800").collect::<Vec<_>>(), [0xD800]);
        assert_eq!(decoded(r"\ude00\ud83d").collect::<Vec<_>>(), [0xDE00, 0xD83D]);
        assert_eq!(decoded(r"\ud83dA").collect::<Vec<_>>(), [0xD83D, 0x41]);
    }

    #[test]
    fn order_is_that_of_characters() {
        assert_eq!(compare(r"\u0061bc", "abc"), Ordering::Equal);
        assert_eq!(compare("2023-06-15T14:22:10Z", "2023-06-15"), Ordering::Greater);
        assert_eq!(compare(r"\ud83d\ude00", "\u{ffff}"), Ordering::Greater);
        assert_eq!(compare(r"\ud800", "\u{e000}"), Ordering::Less);
    }

    #[test]
    fn case_is_folded_and_ascii_stays_apart() {
        assert_eq!(folded("ÄÖ SKU"), folded("äö sku"));
        assert_ne!(folded("\u{212A}"), folded("k"), "the Kelvin sign");
        assert_ne!(folded("\u{130}"), folded("i\u{307}"));
        assert_eq!(folded_decoded(r"\u00c4"), folded("ä"));
    }

    #[test]
    fn a_typed_escape_that_does_not_exist_is_found() {
        let typed = |text: &str| unescape(&text.chars().collect::<Vec<_>>());
        assert_eq!(typed(r"a\n\u0041\ud83d\ude00"), Ok("a\nA😀".to_owned()));
        for (text, step) in [(r"a\x", 1), (r"ab\u12", 2), (r"\ud800", 0), (r"\ud800\u0041", 0), (r"\ud800\n1234", 0)] {
            assert_eq!(typed(text), Err(step), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_json_spells_is_what_is_decoded(original: String) {
            let spelled = serde_json::to_string(&original).unwrap();
            let inside = &spelled[1..spelled.len() - 1];
            prop_assert_eq!(text(inside), Some(original.clone()));
            prop_assert_eq!(compare(inside, &original), Ordering::Equal);
            prop_assert_eq!(unescape(&inside.chars().collect::<Vec<_>>()), Ok(original));
        }

        #[test]
        fn any_text_is_decoded_without_a_panic(spelled in r#"([\\u"0-9a-fD89 é]|.){0,40}"#) {
            prop_assert!(decoded(&spelled).count() <= spelled.len());
            let _ = unescape(&spelled.chars().collect::<Vec<_>>());
        }
    }
}
