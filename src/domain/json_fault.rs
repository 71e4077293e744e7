//! Line and column of JSON syntax errors.
//!
//! Where a text stops being JSON, and what should have stood there. Whether it is JSON is not decided here but by the parser, whose
//! places are those of what it read last: often the character before the wrong one, or the end of a longer piece.

/// The first byte that no JSON text has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How many bytes are right before it.
    pub at: usize,
    pub problem: &'static str,
}

/// `None` where the text is JSON (RFC 8259).
pub fn find_fault(json: &str) -> Option<Fault> {
    Text { bytes: json.as_bytes(), at: 0 }.read_document().err()
}

const CUT_OFF: &str = "unexpected end of input";

/// What may come next, apart from space.
#[derive(Clone, Copy)]
enum Next {
    Value,
    /// After `[`.
    ValueOrEnd,
    Key,
    /// After `{`.
    KeyOrEnd,
    Colon,
    /// After a value, within something that is open or not.
    CommaOrEnd,
}

struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Text<'_> {
    fn read_document(&mut self) -> Result<(), Fault> {
        // What closes each thing that is open: a stack of our own, since there may be half a million.
        let mut open: Vec<u8> = Vec::new();
        let mut next = Next::Value;
        loop {
            while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
                self.at += 1;
            }
            let is_complete = matches!(next, Next::CommaOrEnd) && open.is_empty();
            let Some(byte) = self.peek() else {
                return if is_complete { Ok(()) } else { self.fault(CUT_OFF) };
            };
            next = match (next, byte) {
                (Next::ValueOrEnd | Next::KeyOrEnd | Next::CommaOrEnd, _) if open.last() == Some(&byte) => {
                    self.at += 1;
                    open.pop();
                    Next::CommaOrEnd
                }
                (Next::Value | Next::ValueOrEnd, b'{') => {
                    self.at += 1;
                    open.push(b'}');
                    Next::KeyOrEnd
                }
                (Next::Value | Next::ValueOrEnd, b'[') => {
                    self.at += 1;
                    open.push(b']');
                    Next::ValueOrEnd
                }
                (Next::Value | Next::ValueOrEnd, _) => {
                    self.read_scalar(byte)?;
                    Next::CommaOrEnd
                }
                (Next::Key | Next::KeyOrEnd, b'"') => {
                    self.read_string()?;
                    Next::Colon
                }
                (Next::Key | Next::KeyOrEnd, _) => return self.fault("expected a key in double quotes"),
                (Next::Colon, b':') => {
                    self.at += 1;
                    Next::Value
                }
                (Next::Colon, _) => return self.fault("expected a colon"),
                (Next::CommaOrEnd, b',') if !open.is_empty() => {
                    self.at += 1;
                    if open.last() == Some(&b'}') { Next::Key } else { Next::Value }
                }
                (Next::CommaOrEnd, _) => {
                    return self.fault(match open.last() {
                        Some(b'}') => "expected a comma or }",
                        Some(_) => "expected a comma or ]",
                        None => "something follows the value",
                    });
                }
            };
        }
    }

    fn read_scalar(&mut self, first: u8) -> Result<(), Fault> {
        match first {
            b'"' => self.read_string(),
            b'-' | b'0'..=b'9' => self.read_number(),
            b't' => self.read_word("true", "expected true"),
            b'f' => self.read_word("false", "expected false"),
            b'n' => self.read_word("null", "expected null"),
            _ => self.fault("expected a value"),
        }
    }

    fn read_word(&mut self, word: &str, problem: &'static str) -> Result<(), Fault> {
        word.bytes().try_for_each(|letter| self.read_one(|byte| byte == letter, problem))
    }

    fn read_number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return self.fault("a number does not begin with 0");
            }
        } else {
            self.read_digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.read_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.read_digits()?;
        }
        Ok(())
    }

    /// One or more.
    fn read_digits(&mut self) -> Result<(), Fault> {
        self.read_one(|byte| byte.is_ascii_digit(), "expected a digit")?;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn read_string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.fault(CUT_OFF),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.read_escape()?;
                }
                Some(0..0x20) => return self.fault("a control character in a string has to be escaped"),
                Some(_) => self.at += 1,
            }
        }
    }

    /// After its backslash.
    fn read_escape(&mut self) -> Result<(), Fault> {
        let is_unicode = self.peek() == Some(b'u');
        let is_known = |byte| br#""\/bfnrtu"#.contains(&byte);
        self.read_one(is_known, r#"expected an escape: one of " \ / b f n r t u"#)?;
        let digits = if is_unicode { 4 } else { 0 };
        (0..digits).try_for_each(|_| self.read_one(|byte| byte.is_ascii_hexdigit(), "expected four hexadecimal digits"))
    }

    fn read_one(&mut self, is_right: impl Fn(u8) -> bool, problem: &'static str) -> Result<(), Fault> {
        match self.peek() {
            Some(byte) if is_right(byte) => {
                self.at += 1;
                Ok(())
            }
            Some(_) => self.fault(problem),
            None => self.fault(CUT_OFF),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault<T>(&self, problem: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, problem })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, proptest};
    use serde::de::IgnoredAny;

    use super::{CUT_OFF, find_fault};

    // holds X5
    #[test]
    fn the_first_wrong_byte_is_found_and_what_should_stand_there_is_said() {
        for (text, at, problem) in [
            ("", 0, CUT_OFF),
            ("[1", 2, CUT_OFF),
            ("{\"a\"", 4, CUT_OFF),
            ("\"a", 2, CUT_OFF),
            ("\"\\", 2, CUT_OFF),
            ("\"\\u12", 5, CUT_OFF),
            ("tru", 3, CUT_OFF),
            ("-", 1, CUT_OFF),
            ("1.", 2, CUT_OFF),
            ("\"\u{1}\"", 1, "a control character in a string has to be escaped"),
            ("{\"a\":\"\n\"}", 6, "a control character in a string has to be escaped"),
            ("\"\\ud8\"", 5, "expected four hexadecimal digits"),
            ("\"\\x\"", 2, r#"expected an escape: one of " \ / b f n r t u"#),
            ("{\"b\":tru}", 8, "expected true"),
            ("[nil]", 2, "expected null"),
            ("[1,]", 3, "expected a value"),
            ("NaN", 0, "expected a value"),
            ("'a'", 0, "expected a value"),
            ("+1", 0, "expected a value"),
            ("{\"a\":1,}", 7, "expected a key in double quotes"),
            ("{a:1}", 1, "expected a key in double quotes"),
            ("{\"a\" 1}", 5, "expected a colon"),
            ("{\"a\":1 \"b\":2}", 7, "expected a comma or }"),
            ("[1}", 2, "expected a comma or ]"),
            ("[1 2]", 3, "expected a comma or ]"),
            ("01", 1, "a number does not begin with 0"),
            ("1.e5", 2, "expected a digit"),
            ("-a", 1, "expected a digit"),
            ("{} {}", 3, "something follows the value"),
            ("1]", 1, "something follows the value"),
        ] {
            let fault = find_fault(text).unwrap_or_else(|| panic!("{text:?} passes"));
            assert_eq!((fault.at, fault.problem), (at, problem), "{text:?}");
        }
    }

    proptest! {
        // holds X5
        #[test]
        fn a_fault_is_found_in_what_the_parser_refuses_and_nowhere_else(chunks in prop::collection::vec(0..PIECES.len(), 0..12)) {
            let text: String = chunks.into_iter().map(|chunk| PIECES[chunk]).collect();
            let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            assert_eq!(find_fault(&text).is_none(), is_json, "{text:?}");
            if let Some(fault) = find_fault(&text) {
                // What is right before it can become JSON; of a number that breaks off the parser does not say that it is the end.
                let goes_on = |end: &str| {
                    let read = serde_json::from_str::<IgnoredAny>(&format!("{}{end}", &text[..fault.at]));
                    read.is_ok() || read.is_err_and(|error| error.is_eof())
                };
                assert!(goes_on("") || goes_on("1"), "{text:?} at {}", fault.at);
            }
        }
    }

    /// What JSON is made of, and what it is not.
    const PIECES: &[&str] = &[
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "u00e9", "u", "1", "0", "-", ".", "e", "+", "true", "tru",
        "null", "false", " ", "\n", "\u{1}", "ä", "x", "\"k\":", "12",
    ];
}
