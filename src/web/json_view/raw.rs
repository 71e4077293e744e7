//! The raw view of a body, syntax-highlighted, in chunks.
//!
//! A text as it was received, with the colours of its tokens and nothing moved: a body, or one long string of it. Piece by piece,
//! because it may be as long as the sender liked.

use crate::domain::escape_invisible::visible_lines;
use crate::web::json_view::tokens::{Kind, PLAIN, Span, Tokens, push};

/// More elements than this make a page heavy. What follows in the piece is shown without colours.
const MAX_COLOURED_SPANS: usize = 2_500;
/// How long a piece is at most, so that the page stays light even where compression makes none of it shorter.
pub(crate) const CHUNK_BYTES: usize = 12 * 1024;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Raw {
    pub spans: Vec<Span>,
    /// Where it starts, in bytes from the start of the text.
    pub(crate) start: usize,
    /// Where the next piece starts.
    pub(crate) next: Option<usize>,
}

impl Raw {
    /// Where the piece before it starts.
    pub(crate) fn previous(&self) -> Option<usize> {
        (self.start > 0).then(|| self.start.saturating_sub(CHUNK_BYTES))
    }
}

/// The piece of a text from a place on, all space kept. Hidden characters are spelled out, except `\n` and `\t`.
///
/// Reads the text from its start, which is the only way to know whether a quote opens or closes.
pub fn raw(text: &str, start: usize) -> Raw {
    let start = text.floor_char_boundary(start);
    let end = text.floor_char_boundary(start.saturating_add(CHUNK_BYTES));
    let mut spans: Vec<Span> = Vec::new();
    let mut tokens = Tokens::new(&text[..end]);
    while spans.len() < MAX_COLOURED_SPANS {
        let before = tokens.position();
        let Some(token) = tokens.next() else { break };
        let Some(shown) = token.text.get(start.saturating_sub(before)..).filter(|shown| !shown.is_empty()) else {
            continue;
        };
        // Space has no ink, so it goes with the token before it and needs no element of its own.
        let class = match token.kind {
            Kind::Space => spans.last().map_or(PLAIN, |last| last.class),
            kind => kind.class(),
        };
        push(&mut spans, class, &visible_lines(shown));
    }
    push(&mut spans, PLAIN, &visible_lines(tokens.rest()));
    Raw { spans, start, next: (end < text.len()).then_some(end) }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, MAX_COLOURED_SPANS, Raw, Span, raw};
    use crate::domain::escape_invisible::visible_lines;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    fn text(raw: &Raw) -> String {
        raw.spans.iter().map(|span| span.text.as_str()).collect()
    }

    #[test]
    fn the_body_is_not_reformatted() {
        let body = "{\n  \"a\" :1,\t\"b\":[true ]\n}\n";
        let shown = raw(body, 0);
        assert_eq!(text(&shown), body);
        assert_eq!((shown.next, shown.previous()), (None, None));
    }

    #[test]
    fn tokens_have_colours_and_space_goes_with_the_token_before() {
        let expected = [("j-p", "{ "), ("j-k", "\"a\" "), ("j-p", ": [["), ("j-n", "1"), ("j-p", "]]}\n")];
        let expected = expected.map(|(class, text)| Span { class, text: text.to_owned() });
        assert_eq!(raw("{ \"a\" : [[1]]}\n", 0).spans, expected);
    }

    #[test]
    fn a_carriage_return_a_byte_order_mark_and_a_bidi_override_are_shown() {
        assert_eq!(text(&raw("\u{FEFF}[\r\n\"\u{202E}\"]", 0)), "\\uFEFF[\\u000D\n\"\\u202E\"]");
    }

    #[test]
    fn markup_duplicates_and_escapes_stay_as_they_are() {
        let body = r#"{"a":"<script>alert(1)</script>","a":"\ud800\u0000","n":1e99999}"#;
        assert_eq!(text(&raw(body, 0)), body);
    }

    #[test]
    fn a_piece_in_the_middle_of_a_string_has_its_colour() {
        let body = format!("[\"{}\",1]", "é".repeat(CHUNK_BYTES));
        let shown = raw(&body, CHUNK_BYTES);
        assert_eq!(shown.spans.len(), 1);
        assert_eq!(shown.spans[0].class, "j-s");
        assert_eq!(shown.previous(), Some(0));
    }

    #[test]
    fn a_million_keys_are_a_bounded_number_of_spans() {
        let body = format!("{{{}}}", vec!["\"k\":1"; 1_000_000].join(","));
        let shown = raw(&body, 3 * CHUNK_BYTES);
        assert!(shown.spans.len() <= MAX_COLOURED_SPANS + 1);
        assert_eq!(text(&shown), body[shown.start..shown.next.unwrap()]);
    }

    const NEARLY_JSON: &str = r#"(?s)([\[\]{}:,"\\ \n\x{FEFF}é\x{202E}a-z0-9]|.){0,40}"#;

    proptest! {
        #[test]
        fn the_pieces_of_any_text_are_the_text(part in NEARLY_JSON, times in 0_usize..700) {
            let body = part.repeat(times);
            let (mut shown, mut next) = (String::new(), Some(0));
            while let Some(start) = next {
                let chunk = raw(&body, start);
                prop_assert!(chunk.next.is_none_or(|next| next > start));
                shown.push_str(&text(&chunk));
                next = chunk.next;
            }
            prop_assert_eq!(shown, visible_lines(&body));
        }
    }
}
