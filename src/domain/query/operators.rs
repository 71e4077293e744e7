//! The operators of the search language, and whether a text uses any.
//!
//! Whether what was typed is meant as conditions, by its characters alone.

/// A sign that compares, or a part of one.
pub(crate) fn is_operator_char(c: char) -> bool {
    matches!(c, '=' | '<' | '>')
}

/// What may stand in a name without quotes.
pub(crate) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@')
}

/// Whether the first sign outside quotes has something before it that a name may end with. A sign that has nothing to compare, as
/// in `<b>`, is a text like any other.
pub(crate) fn has_operator_outside_quotes(chars: &[char]) -> bool {
    let (mut inside, mut escaped, mut before) = (false, false, None);
    for &c in chars {
        if inside {
            inside = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else if is_operator_char(c) {
            return before.is_some_and(|c| is_name_char(c) || matches!(c, '"' | ']' | '!' | '.'));
        } else {
            inside = c == '"';
        }
        if !c.is_whitespace() {
            before = Some(c);
        }
    }
    false
}

/// Whether a text would not have been searched for as it is.
pub(crate) fn could_be_condition(text: &str) -> bool {
    let has_word = |word: &str| text.split_whitespace().any(|part| part.eq_ignore_ascii_case(word));
    text.contains(is_operator_char) || has_word("exists") || has_word("contains") || text.trim() != text
}
