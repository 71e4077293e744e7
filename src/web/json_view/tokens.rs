//! A JSON tokenizer.
//!
//! Splits JSON text into tokens without copying, and names the colour of each.
//!
//! The pieces that preview, raw and tree share live here. Whether the text is valid JSON is not
//! asked: that was checked when the body arrived, and here a view may end in the middle of a
//! string. What to do with the tokens is left to the views.

/// A piece of text with the class that colours it: `j-k`, `j-s`, `j-n`, `j-w`, `j-p`, `j-c`, or
/// nothing for plain text.
///
/// The text is not escaped for HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub class: &'static str,
    pub(crate) text: String,
}

/// The class of text that stands for something left out.
pub(crate) const COLLAPSED: &str = "j-c";

/// The class of text that has no colour.
pub(crate) const PLAIN: &str = "";

/// What a token is. A string before a colon is a [`Kind::Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    Open,
    Close,
    Colon,
    Comma,
    Key,
    Text,
    Number,
    Word,
    /// Anything that JSON does not know, such as a byte order mark.
    Other,
}

impl Kind {
    /// The CSS class of this kind of token.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Kind::Space | Kind::Other => PLAIN,
            Kind::Open | Kind::Close | Kind::Colon | Kind::Comma => "j-p",
            Kind::Key => "j-k",
            Kind::Text => "j-s",
            Kind::Number => "j-n",
            Kind::Word => "j-w",
        }
    }
}

/// A token as it stands in the text: strings with their quotes and escapes. A string at the end of
/// a cut text lacks its last quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
}

/// The tokens of a text, in order. Together they are the whole text, whatever it is.
pub(crate) struct Tokens<'a> {
    whole_bytes: usize,
    rest: &'a str,
    at_start: bool,
    /// For each open container, whether it is an object. A stack instead of looking ahead for the
    /// colon, because a mebibyte of spaces may stand before it.
    objects: Vec<bool>,
    key_next: bool,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Tokens { whole_bytes: text.len(), rest: text, at_start: true, objects: Vec::new(), key_next: false }
    }

    /// Where the next token starts, in bytes from the start of the text.
    pub(crate) fn position(&self) -> usize {
        self.whole_bytes - self.rest.len()
    }

    /// The text after the last token.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    fn kind_and_length(&self, first: u8) -> (Kind, usize) {
        match first {
            b'{' | b'[' => (Kind::Open, 1),
            b'}' | b']' => (Kind::Close, 1),
            b':' => (Kind::Colon, 1),
            b',' => (Kind::Comma, 1),
            b'"' if self.key_next => (Kind::Key, string_length(self.rest)),
            b'"' => (Kind::Text, string_length(self.rest)),
            _ if is_space(first) => (Kind::Space, run_length(self.rest, |byte| !is_space(byte))),
            _ if self.at_start && self.rest.starts_with(BYTE_ORDER_MARK) => (Kind::Other, BYTE_ORDER_MARK.len_utf8()),
            b'-' | b'0'..=b'9' => (Kind::Number, run_length(self.rest, ends_a_word)),
            _ if first.is_ascii_alphabetic() => (Kind::Word, run_length(self.rest, ends_a_word)),
            _ => (Kind::Other, run_length(self.rest, ends_a_word)),
        }
    }

    fn follow(&mut self, token: Token<'a>) {
        match token.kind {
            Kind::Space => return,
            Kind::Open => self.objects.push(token.text == "{"),
            Kind::Close => _ = self.objects.pop(),
            _ => {}
        }
        self.key_next = matches!(token.kind, Kind::Open | Kind::Comma) && self.objects.last() == Some(&true);
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (kind, length) = self.kind_and_length(*self.rest.as_bytes().first()?);
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.at_start = false;
        let token = Token { kind, text };
        self.follow(token);
        Some(token)
    }
}

const BYTE_ORDER_MARK: char = '\u{FEFF}';

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn ends_a_word(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'{' | b'}' | b'[' | b']' | b':' | b',' | b'"')
}

/// The bytes before the first one that ends the run. Only ASCII ends one, so the length is at a
/// character boundary.
fn run_length(text: &str, ends: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(ends).unwrap_or(text.len())
}

/// The bytes of the string that starts here, both quotes included, or all of them when it has no
/// end.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |at| at + 2)
}

/// The text without a leading byte order mark. That mark is a matter of the bytes, not of the
/// value, so only the raw view shows it.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// At most this many bytes of the start of the text, up to a character boundary.
pub(crate) fn first_bytes(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

/// At most this many characters of the start of the text. Looks no further than that.
pub(crate) fn first_chars(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end])
}

/// Adds text to the end, in the last span when that has the same class.
pub(crate) fn push(spans: &mut Vec<Span>, class: &'static str, text: &str) {
    match spans.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.class == class => last.text.push_str(text),
        _ => spans.push(Span { class, text: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Tokens, first_bytes, first_chars};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        Tokens::new(text).filter(|token| token.kind != Kind::Space).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn keys_are_told_from_strings_in_any_nesting() {
        let text = r#"{"a" : ["b", {"c":"d"}, "e"], "f":"g"}"#;
        let of = |wanted| {
            kinds(text).into_iter().filter(|(kind, _)| *kind == wanted).map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(of(Kind::Key), [r#""a""#, r#""c""#, r#""f""#]);
        assert_eq!(of(Kind::Text), [r#""b""#, r#""d""#, r#""e""#, r#""g""#]);
    }

    #[test]
    fn a_scalar_at_the_top_is_one_token() {
        for (text, kind) in
            [("true", Kind::Word), ("-1.5E+900", Kind::Number), (r#""x""#, Kind::Text), ("null", Kind::Word)]
        {
            assert_eq!(kinds(text), [(kind, text)]);
        }
    }

    #[test]
    fn a_byte_order_mark_stands_alone() {
        assert_eq!(kinds("\u{FEFF}12"), [(Kind::Other, "\u{FEFF}"), (Kind::Number, "12")]);
    }

    #[test]
    fn escaped_quotes_backslashes_and_lone_surrogates_do_not_end_a_string() {
        let text = r#"["\"", "\\", "\\\"", "\ud800", "\u0000"]"#;
        let strings: Vec<_> =
            kinds(text).into_iter().filter(|(kind, _)| *kind == Kind::Text).map(|(_, text)| text).collect();
        assert_eq!(strings, [r#""\"""#, r#""\\""#, r#""\\\"""#, r#""\ud800""#, r#""\u0000""#]);
    }

    #[test]
    fn a_string_without_an_end_is_a_token_to_the_end() {
        for text in ["\"", "\"abc", "\"abc\\", "\"abc\\\"", "\"\\é"] {
            assert_eq!(kinds(text), [(Kind::Text, text)]);
        }
    }

    #[test]
    fn half_a_million_brackets_are_half_a_million_tokens() {
        assert_eq!(Tokens::new(&"[".repeat(500_000)).count(), 500_000);
    }

    const NEARLY_JSON: &str = r#"(?s)([\[\]{}:,"\\ \r\n\x{FEFF}é😀a-z0-9.+-]|.){0,200}"#;

    proptest! {
        #[test]
        fn the_tokens_of_any_text_are_the_text(text in NEARLY_JSON) {
            let tokens: Vec<_> = Tokens::new(&text).collect();
            prop_assert!(tokens.iter().all(|token| !token.text.is_empty()));
            prop_assert_eq!(tokens.iter().map(|token| token.text).collect::<String>(), text);
        }

        #[test]
        fn the_start_of_any_text_keeps_its_characters_whole(text: String, most in 0usize..50) {
            prop_assert!(first_bytes(&text, most).len() <= most);
            prop_assert!(text.starts_with(first_bytes(&text, most)));
            prop_assert_eq!(first_chars(&text, most), text.chars().take(most).collect::<String>());
        }
    }
}
