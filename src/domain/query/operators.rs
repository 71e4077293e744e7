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
/// in `<b>`, is a text like any other, and so is one in a URL.
pub(crate) fn has_operator_outside_quotes(chars: &[char]) -> bool {
    let (mut inside, mut escaped, mut before) = (false, false, None);
    for (at, &c) in chars.iter().enumerate() {
        if inside {
            inside = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else if is_operator_char(c) {
            let word = chars[..at].iter().rposition(|c| c.is_whitespace()).map_or(0, |space| space + 1);
            return before.is_some_and(|c| is_name_char(c) || matches!(c, '"' | ']' | '!' | '.'))
                && !chars[word..at].windows(3).any(|three| three == [':', '/', '/']);
        } else {
            inside = c == '"';
        }
        if !c.is_whitespace() {
            before = Some(c);
        }
    }
    false
}

/// Whether conditions are joined by `AND` or `OR` in capitals outside quotes, which people write for no other reason.
pub(crate) fn has_joining_word(chars: &[char]) -> bool {
    let (mut inside, mut word) = (false, String::new());
    for &c in chars.iter().chain([&' ']) {
        inside ^= c == '"';
        if !c.is_whitespace() {
            word.push(c);
        } else if !inside && matches!(word.as_str(), "AND" | "OR") {
            return true;
        } else {
            word.clear();
        }
    }
    false
}

/// Whether a text would not have been searched for as it is.
pub(crate) fn could_be_condition(text: &str) -> bool {
    let has_word = |word: &str| text.split_whitespace().any(|part| part.eq_ignore_ascii_case(word));
    text.contains(is_operator_char) || has_word("exists") || has_word("contains") || text.trim() != text
}
