//! A body as it was received, with the colours of its tokens and nothing moved.
//!
//! Saying that the view is cut, and offering the download, is left to the page.

use crate::domain::visible::visible_lines;
use crate::web::json_view::tokens::{Kind, PLAIN, Span, Tokens, first_bytes, push};

/// How much of a body the event page shows, in bytes. Larger bodies are downloaded.
pub const MAX_SHOWN_BYTES: usize = 256 * 1024;

/// More elements than this make a browser slow. What follows is shown without colours.
const MAX_COLOURED_SPANS: usize = 20_000;

/// The start of a body, and whether it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    pub spans: Vec<Span>,
    pub truncated: bool,
}

/// At most `max_bytes` of the body, all space kept. Hidden characters are spelled out, except `\n`
/// and `\t`.
pub fn raw(body: &str, max_bytes: usize) -> Raw {
    let shown = first_bytes(body, max_bytes);
    let mut spans: Vec<Span> = Vec::new();
    let mut tokens = Tokens::new(shown);
    while spans.len() < MAX_COLOURED_SPANS {
        let Some(token) = tokens.next() else { break };
        // Space has no ink, so it goes with the token before it and needs no element of its own.
        let class = match token.kind {
            Kind::Space => spans.last().map_or(PLAIN, |last| last.class),
            kind => kind.class(),
        };
        push(&mut spans, class, &visible_lines(token.text));
    }
    push(&mut spans, PLAIN, &visible_lines(tokens.rest()));
    Raw { spans, truncated: shown.len() < body.len() }
}

#[cfg(test)]
mod tests {
    use super::{MAX_COLOURED_SPANS, MAX_SHOWN_BYTES, Raw, Span, raw};
    use crate::domain::visible::visible_lines;
    use crate::web::json_view::tokens::first_bytes;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    fn text(raw: &Raw) -> String {
        raw.spans.iter().map(|span| span.text.as_str()).collect()
    }

    #[test]
    fn the_body_is_not_reformatted() {
        let body = "{\n  \"a\" :1,\t\"b\":[true ]\n}\n";
        let shown = raw(body, MAX_SHOWN_BYTES);
        assert_eq!(text(&shown), body);
        assert!(!shown.truncated);
    }

    #[test]
    fn tokens_have_colours_and_space_goes_with_the_token_before() {
        let expected = [("j-p", "{ "), ("j-k", "\"a\" "), ("j-p", ": [["), ("j-n", "1"), ("j-p", "]]}\n")];
        let expected = expected.map(|(class, text)| Span { class, text: text.to_owned() });
        assert_eq!(raw("{ \"a\" : [[1]]}\n", MAX_SHOWN_BYTES).spans, expected);
    }

    #[test]
    fn a_carriage_return_a_byte_order_mark_and_a_bidi_override_are_shown() {
        assert_eq!(text(&raw("\u{FEFF}[\r\n\"\u{202E}\"]", MAX_SHOWN_BYTES)), "\\uFEFF[\\u000D\n\"\\u202E\"]");
    }

    #[test]
    fn markup_duplicates_and_escapes_stay_as_they_are() {
        let body = r#"{"a":"<script>alert(1)</script>","a":"\ud800\u0000","n":1e99999}"#;
        assert_eq!(text(&raw(body, MAX_SHOWN_BYTES)), body);
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let shown = raw("\"ééé\"", 4);
        assert_eq!(text(&shown), "\"é");
        assert!(shown.truncated);
    }

    #[test]
    fn a_million_keys_are_a_bounded_number_of_spans() {
        let body = format!("{{{}}}", vec!["\"k\":1"; 1_000_000].join(","));
        let shown = raw(&body, usize::MAX);
        assert_eq!(shown.spans.len(), MAX_COLOURED_SPANS + 1);
        assert_eq!(shown.spans.last().map(|span| span.class), Some(""));
        assert_eq!(text(&shown), body);
    }

    #[test]
    fn a_mebibyte_string_and_half_a_million_brackets_are_cut_at_the_bound() {
        for body in [format!("\"{}\"", "a".repeat(1 << 20)), "[".repeat(500_000)] {
            let shown = raw(&body, MAX_SHOWN_BYTES);
            assert!(shown.truncated);
            assert_eq!(shown.spans.len(), 1);
            assert_eq!(text(&shown), body[..MAX_SHOWN_BYTES]);
        }
    }

    const NEARLY_JSON: &str = r#"(?s)([\[\]{}:,"\\ \r\n\x{FEFF}é\x{202E}a-z0-9]|.){0,200}"#;

    proptest! {
        #[test]
        fn any_text_is_shown_to_the_bound_and_no_further(body in NEARLY_JSON, most in 0usize..300) {
            let shown = raw(&body, most);
            prop_assert_eq!(text(&shown), visible_lines(first_bytes(&body, most)));
            prop_assert_eq!(shown.truncated, most < body.len());
            prop_assert!(shown.spans.windows(2).all(|pair| pair[0].class != pair[1].class));
        }
    }
}
