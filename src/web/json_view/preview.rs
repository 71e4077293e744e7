//! The preview of a body in a table row.
//!
//! One line of a body, for a row of the events table.
//!
//! A page has many rows, and any body may be a mebibyte, so this reads only the start of it. The
//! whole is left to the event page.

use crate::web::json_view::readable::readable;
use crate::web::json_view::tokens::{COLLAPSED, Kind, Span, Tokens, first_bytes, first_chars, push, without_mark};

/// How much of the body is read for each byte that may be shown: room for the indentation of a body
/// that was written for people.
const READ_PER_SHOWN: usize = 16;

/// The start of the body on one line: no space but one after each `:` and `,`, and `…` at the end
/// when the body goes on.
///
/// At most `max_bytes` bytes, with `…` as one: fewer characters where each of them takes more bytes on
/// its way to the reader. The work depends on `max_bytes` only, never on the size of the body.
pub(crate) fn preview(body: &str, max_bytes: usize) -> Vec<Span> {
    let start = first_bytes(body, max_bytes.saturating_mul(READ_PER_SHOWN));
    let mut line = Line { spans: Vec::new(), budget: max_bytes };
    for token in Tokens::new(without_mark(start)) {
        let class = token.kind.class();
        let fits = match token.kind {
            Kind::Space => true,
            Kind::Colon => line.write(class, ": "),
            Kind::Comma => line.write(class, ", "),
            _ => line.write(class, &readable(first_chars(token.text, line.budget.saturating_add(1)))),
        };
        if !fits {
            return line.broken_off();
        }
    }
    if start.len() < body.len() { line.broken_off() } else { line.spans }
}

struct Line {
    spans: Vec<Span>,
    /// The bytes that still fit.
    budget: usize,
}

impl Line {
    /// Writes what fits of the text, and says whether all of it did.
    fn write(&mut self, class: &'static str, text: &str) -> bool {
        let fitting = first_bytes(text, self.budget);
        push(&mut self.spans, class, fitting);
        self.budget = self.budget.saturating_sub(fitting.len());
        fitting.len() == text.len()
    }

    /// Ends the line with `…`, in place of its last character when the line is full.
    fn broken_off(mut self) -> Vec<Span> {
        if self.budget == 0 {
            let Some(last) = self.spans.last_mut() else {
                return self.spans;
            };
            last.text.pop();
            self.spans.pop_if(|last| last.text.is_empty());
        }
        push(&mut self.spans, COLLAPSED, "…");
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::{READ_PER_SHOWN, Span, preview};
    use proptest::{prop_assert, proptest};

    fn line(body: &str, max_chars: usize) -> String {
        preview(body, max_chars).into_iter().map(|span| span.text).collect()
    }

    #[test]
    fn space_is_normalised_as_in_the_table() {
        let body = "\r\n{ \"type\" :\"x y\",\n\t\"n\":1 , \"list\": [ { } ,true] }\n";
        assert_eq!(line(body, 100), r#"{"type": "x y", "n": 1, "list": [{}, true]}"#);
    }

    #[test]
    fn each_piece_has_its_colour_and_neighbours_of_one_colour_are_merged() {
        let spans = preview(r#"[{"a":null}]"#, 100);
        let expected = [("j-p", "[{"), ("j-k", "\"a\""), ("j-p", ": "), ("j-w", "null"), ("j-p", "}]")];
        assert_eq!(spans, expected.map(|(class, text)| Span { class, text: text.to_owned() }));
    }

    #[test]
    fn a_line_that_just_fits_is_whole_and_one_more_character_breaks_it_off() {
        assert_eq!(line("[1,2]", 6), "[1, 2]");
        assert_eq!(line("[1,23]", 6), "[1, 2…");
        assert_eq!(line("[1,2]", 1), "…");
        assert_eq!(line("[1,2]", 0), "");
    }

    #[test]
    fn only_the_start_of_a_huge_string_is_read() {
        let huge = format!("\"{}\"", "a".repeat(1 << 20));
        let start = &huge[..80 * READ_PER_SHOWN];
        assert_eq!(preview(&huge, 80), preview(&format!("{start} and something else"), 80));
        assert_eq!(line(&huge, 80).chars().count(), 80);
    }

    #[test]
    fn a_mebibyte_of_space_is_not_searched_for_a_value() {
        assert_eq!(line(&format!("{}1", " ".repeat(1 << 20)), 80), "…");
        assert_eq!(line(&format!("{{\"a\"{}:1}}", " ".repeat(1 << 20)), 80), "{\"a\"…");
    }

    #[test]
    fn half_a_million_brackets_are_one_short_span() {
        assert_eq!(line(&"[".repeat(500_000), 40), format!("{}…", "[".repeat(39)));
    }

    #[test]
    fn duplicate_keys_lone_surrogates_and_long_numbers_are_shown_as_spelled() {
        let body = r#"{"a": 1e99999, "a": "\ud800\u0000"}"#;
        assert_eq!(line(body, 100), body);
    }

    #[test]
    fn markup_stays_text_and_what_hides_is_shown() {
        assert_eq!(line("\u{FEFF}[\"<script>\u{202E}\"]", 100), "[\"<script>\\u202E\"]");
    }

    const NEARLY_JSON: &str = r#"(?s)([\[\]{}:,"\\ \n\x{FEFF}é\x{202E}a-z0-9]|.){0,200}"#;

    proptest! {
        #[test]
        fn no_text_is_longer_than_asked_for(body in NEARLY_JSON, most in 0usize..60) {
            prop_assert!(line(&body, most).chars().count() <= most);
            prop_assert!(preview(&body, most).iter().all(|span| !span.text.is_empty()));
        }
    }
}
