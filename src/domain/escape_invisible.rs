//! Escaping of control, bidirectional and zero-width characters.
//!
//! Spells out the characters that a reader would not see, or that would rearrange what the reader
//! sees.
//!
//! Text from senders may hold control characters, bidi overrides and zero-width characters, with
//! which a value can be made to look like another one. Here they become visible text. Escaping for
//! HTML is left to the templates, and cutting to a length to the callers.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// The text with every hidden character written as JSON would spell it: `\u202E`, and `\u{E0041}`
/// above U+FFFF.
///
/// Borrowed when there is nothing to spell out. The result is for reading only: a backslash of the
/// text itself stays as it is, so the way back is not unique.
pub(crate) fn escape_invisible(text: &str) -> Cow<'_, str> {
    spell_out(text, is_hidden)
}

/// Like [`escape_invisible`], but for text with lines: `\n` and `\t` are kept. A `\r` is still spelled out,
/// because browsers drop it.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    spell_out(text, |c| !matches!(c, '\n' | '\t') && is_hidden(c))
}

fn spell_out(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    let mut spelled = String::new();
    let mut copied = 0;
    let is_spelled = |&(at, c): &(usize, char)| hidden(c) && !(is_joiner(c) && stands_in_script(text, at, c));
    for (at, c) in text.char_indices().filter(is_spelled) {
        spelled.push_str(&text[copied..at]);
        spelled.push_str(&spelling(c));
        copied = at + c.len_utf8();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    spelled.push_str(&text[copied..]);
    Cow::Owned(spelled)
}

fn spelling(c: char) -> String {
    match u32::from(c) {
        code @ ..=0xFFFF => format!("\\u{code:04X}"),
        code => format!("\\u{{{code:X}}}"),
    }
}

/// Zero-width joiner and non-joiner, which some scripts and emoji are written with. Anywhere else they
/// only tell apart names that look the same.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Whether what is on both sides is of a script in which a joiner is seen, or both are emoji.
fn stands_in_script(text: &str, at: usize, joiner: char) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + joiner.len_utf8()..].chars().next();
    before.zip(after).is_some_and(|(before, after)| {
        let is_in = |c: char, ranges: &[RangeInclusive<char>]| !is_hidden(c) && ranges.iter().any(|it| it.contains(&c));
        let both = |ranges: &[RangeInclusive<char>]| is_in(before, ranges) && is_in(after, ranges);
        both(&JOINED_SCRIPTS) || both(&EMOJI)
    })
}

/// Arabic, Syriac and their like; the scripts of India and its neighbours; Mongolian.
const JOINED_SCRIPTS: [RangeInclusive<char>; 4] =
    ['\u{0620}'..='\u{08FF}', '\u{0900}'..='\u{0DFF}', '\u{1000}'..='\u{109F}', '\u{1780}'..='\u{18AA}'];
/// Symbols, emoji, and the selectors that choose their look.
const EMOJI: [RangeInclusive<char>; 3] = ['\u{2600}'..='\u{2BFF}', '\u{FE0F}'..='\u{FE0F}', '\u{1F000}'..='\u{1FAFF}'];

/// Variation selectors are not in the list: they only choose between two looks of the character
/// before them.
fn is_hidden(c: char) -> bool {
    c.is_control() || HIDDEN.iter().any(|range| range.contains(&c))
}

const HIDDEN: [RangeInclusive<char>; 14] = [
    '\u{00AD}'..='\u{00AD}',   // soft hyphen
    '\u{034F}'..='\u{034F}',   // combining grapheme joiner
    '\u{061C}'..='\u{061C}',   // Arabic letter mark, a bidi control
    '\u{115F}'..='\u{1160}',   // Hangul fillers, which are letters without ink
    '\u{180E}'..='\u{180E}',   // Mongolian vowel separator
    '\u{200B}'..='\u{200F}',   // zero-width space and joiners, direction marks
    '\u{2028}'..='\u{202E}',   // line and paragraph separators, bidi embeddings and overrides
    '\u{2060}'..='\u{2064}',   // word joiner and invisible operators
    '\u{2065}'..='\u{206F}',   // bidi isolates and deprecated format characters
    '\u{3164}'..='\u{3164}',   // Hangul filler
    '\u{FEFF}'..='\u{FEFF}',   // byte order mark
    '\u{FFA0}'..='\u{FFA0}',   // halfwidth Hangul filler
    '\u{FFF9}'..='\u{FFFB}',   // interlinear annotations
    '\u{E0000}'..='\u{E007F}', // tags, a whole hidden alphabet
];

#[cfg(test)]
mod tests {
    use super::{escape_invisible, visible_lines};
    use proptest::{prop_assert, prop_assert_eq, proptest};
    use std::borrow::Cow;

    #[test]
    fn ordinary_text_is_borrowed_and_unchanged() {
        for text in [
            "",
            "plain",
            "<script>",
            "naïve 日本語 עברית",
            "❤\u{FE0F}",
            "a\\u202Eb",
            "👩\u{200D}🚀",
            "❤\u{FE0F}\u{200D}🔥",
            "می\u{200C}خواهم",
            "क्\u{200D}ष",
        ] {
            assert!(matches!(escape_invisible(text), Cow::Borrowed(same) if same == text), "{text:?}");
            assert!(matches!(visible_lines(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn a_bidi_override_is_shown_and_not_obeyed() {
        assert_eq!(escape_invisible("invoice\u{202E}fdp.exe"), "invoice\\u202Efdp.exe");
    }

    #[test]
    fn every_control_character_is_spelled_with_four_digits() {
        assert_eq!(escape_invisible("\0\u{1B}[31m\u{7F}\u{85}"), "\\u0000\\u001B[31m\\u007F\\u0085");
        assert_eq!(escape_invisible("a\r\n\tb"), "a\\u000D\\u000A\\u0009b");
    }

    #[test]
    fn lines_and_tabs_survive_where_lines_are_wanted_but_a_carriage_return_does_not() {
        assert_eq!(visible_lines("a\r\n\tb\u{200B}"), "a\\u000D\n\tb\\u200B");
    }

    #[test]
    fn characters_above_the_first_plane_are_spelled_in_braces() {
        assert_eq!(escape_invisible("\u{E0041}\u{E007F}"), "\\u{E0041}\\u{E007F}");
    }

    #[test]
    fn a_joiner_that_nobody_would_see_is_shown() {
        for text in [
            "pay\u{200D}pal",
            "\u{200D}🚀",
            "🚀\u{200D}",
            "👩\u{200D}a",
            "م\u{200C}",
            "👩\u{200D}\u{200D}🚀",
            "é\u{200C}é",
            "→\u{200D}→",
            "\u{1820}\u{200D}\u{180E}",
        ] {
            assert!(escape_invisible(text).contains("\\u200"), "{text:?}");
        }
    }

    #[test]
    fn each_end_of_each_hidden_range_is_shown() {
        let hidden = [
            "\u{00AD}\u{034F}\u{061C}\u{115F}\u{1160}\u{180E}\u{200B}\u{200C}\u{200D}\u{200E}\u{200F}",
            "\u{2028}\u{2029}\u{202A}\u{202E}\u{2060}\u{2064}\u{2066}\u{2069}\u{206F}\u{3164}\u{FEFF}",
            "\u{FFA0}\u{FFF9}\u{FFFB}\u{E0000}\u{E007F}",
        ];
        for c in hidden.concat().chars() {
            assert!(escape_invisible(&format!("a{c}b")).starts_with("a\\u"), "U+{:04X}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left_and_a_second_pass_changes_nothing(text: String) {
            let shown = escape_invisible(&text);
            prop_assert!(!shown.chars().any(|c| super::is_hidden(c) && !super::is_joiner(c)));
            prop_assert_eq!(escape_invisible(&shown), shown.as_ref());
        }
    }
}
