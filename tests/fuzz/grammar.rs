//! The grammar of RFC 8259 twice: as a reader that shares nothing with the program's, and as a writer of documents.

use proptest::collection::vec;
use proptest::prelude::prop_oneof;
use proptest::strategy::{BoxedStrategy, Just, Strategy};
use proptest::string::string_regex;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Whether bytes are a JSON text in UTF-8, with a byte order mark before it or none.
pub fn is_json(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    CurrentUser(text.as_bytes()).document().is_some()
}

/// What is left to read. Each part of the grammar is a method that gives `None` where the text is none of it.
struct CurrentUser<'a>(&'a [u8]);

impl CurrentUser<'_> {
    /// Without recursion: what is open stands on a stack.
    fn document(&mut self) -> Option<()> {
        let mut open = Vec::new();
        loop {
            self.space();
            let first = *self.0.first()?;
            let opened = match first {
                b'{' | b'[' => {
                    self.0 = &self.0[1..];
                    self.space();
                    let is_empty = self.take(first + 2).is_some();
                    if !is_empty {
                        open.push(first);
                    }
                    !is_empty
                }
                _ => {
                    self.scalar(first)?;
                    false
                }
            };
            if opened && first == b'{' {
                self.name()?;
            }
            if opened {
                continue;
            }
            loop {
                self.space();
                let Some(inside) = open.last().copied() else {
                    return self.0.is_empty().then_some(());
                };
                if self.take(b',').is_some() {
                    if inside == b'{' {
                        self.space();
                        self.name()?;
                    }
                    break;
                }
                // The closing sign stands two after the opening one in ASCII, for both kinds.
                self.take(inside + 2)?;
                open.pop();
            }
        }
    }

    fn name(&mut self) -> Option<()> {
        self.text()?;
        self.space();
        self.take(b':')
    }

    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.text(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn text(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            let first = *self.0.first()?;
            self.0 = &self.0[1..];
            match first {
                b'"' => return Some(()),
                0..=0x1f => return None,
                b'\\' => {
                    let escaped = *self.0.first()?;
                    self.0 = &self.0[1..];
                    if escaped == b'u' {
                        let digits = self.0.get(..4)?;
                        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                        self.0 = &self.0[4..];
                    } else {
                        b"\"\\/bfnrt".contains(&escaped).then_some(())?;
                    }
                }
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.0 = &self.0[count..];
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn take(&mut self, sign: u8) -> Option<()> {
        self.word(&[sign])
    }

    fn space(&mut self) {
        let count = self.0.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.0 = &self.0[count..];
    }
}

/// Documents of every form that the grammar has.
pub fn documents() -> BoxedStrategy<Vec<u8>> {
    let regex = |pattern| string_regex(pattern).unwrap();
    let number = regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,8})?");
    let text = move || regex(r#""([^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\u[dD][89a-fA-F][0-9]{2}){0,12}""#);
    let space = move || regex("[ \t\r\n]{0,3}");
    let word = proptest::sample::select(&["true", "false", "null"]).prop_map(str::to_owned);
    let scalar = prop_oneof![number, text(), word];
    let value = scalar.prop_recursive(6, 60, 5, move |inner| {
        let padded = (space(), inner, space()).prop_map(|(before, value, after)| before + &value + &after).boxed();
        let member = (space(), text(), space(), padded.clone());
        let member = member.prop_map(|(before, name, after, value)| before + &name + &after + ":" + &value);
        prop_oneof![
            vec(padded, 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    let mark = prop_oneof![9 => Just(""), 1 => Just(BYTE_ORDER_MARK)];
    (mark, space(), value, space())
        .prop_map(|(mark, before, value, after)| format!("{mark}{before}{value}{after}").into_bytes())
        .boxed()
}

#[test]
fn the_reader_knows_the_cases_that_were_thought_of() {
    for body in crate::json::valid() {
        assert!(is_json(&body), "{:?}", String::from_utf8_lossy(&body[..body.len().min(60)]));
    }
    for body in crate::json::invalid() {
        assert!(!is_json(&body), "{:?}", String::from_utf8_lossy(&body[..body.len().min(60)]));
    }
}
