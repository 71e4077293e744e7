//! Strings of JSON for reading: escapes that a sender did not need stand for their characters.

use std::borrow::Cow;

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::query::strings::decoded;

/// `Jos\u00e9` and `https:\/\/shop.example` as what they mean. What needs an escape keeps it, and hidden characters are spelled out.
pub(crate) fn readable(spelled: &str) -> String {
    let mut shown = String::with_capacity(spelled.len());
    let mut rest = spelled;
    while let Some(at) = rest.find('\\') {
        shown.push_str(&rest[..at]);
        let (escape, after) = rest[at..].split_at(escape_bytes(&rest[at..]));
        let mut codes = decoded(escape);
        match (codes.next().and_then(char::from_u32), codes.next()) {
            (Some(c), None) if is_plain(c) && is_optional(escape) => shown.push(c),
            _ => shown.push_str(escape),
        }
        rest = after;
    }
    shown.push_str(rest);
    escape_invisible(&shown).into_owned()
}

/// Whether it needs no escape, in JSON and for a reader.
fn is_plain(c: char) -> bool {
    !matches!(c, '"' | '\\') && matches!(escape_invisible(c.encode_utf8(&mut [0; 4])), Cow::Borrowed(_))
}

/// Whether JSON could also spell it as the character itself.
fn is_optional(escape: &str) -> bool {
    escape.starts_with("\\u") || escape == "\\/"
}

/// How long the escape at the beginning is, with the second half of a character that is spelled in two.
fn escape_bytes(text: &str) -> usize {
    let hex = |at: usize| {
        let digits = text.get(at..at + 6).and_then(|escape| escape.strip_prefix("\\u"))?;
        u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match (hex(0), hex(6)) {
        (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
        (Some(_), _) => 6,
        // A text may be cut in the middle of one.
        _ => 1 + text[1..].chars().next().map_or(0, char::len_utf8),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn escapes_stand_for_what_they_mean_where_they_are_not_needed() {
        for (spelled, shown) in [
            (r#""Jos\u00e9""#, "\"José\""),
            (r#""https:\/\/shop.example\/1""#, "\"https://shop.example/1\""),
            (r#""Tom \u0026 Jerry""#, "\"Tom & Jerry\""),
            (r#""\ud83c\udf89""#, "\"🎉\""),
            (r#""say \"hi\" \\ \n \t""#, r#""say \"hi\" \\ \n \t""#),
            (r#""\u0022 \u005c \u0000 \ud800x \udf89""#, r#""\u0022 \u005c \u0000 \ud800x \udf89""#),
            (r#""pay\u200bpal \u202e""#, r#""pay\u200bpal \u202e""#),
            (r#""cut \ud83c\ud"#, r#""cut \ud83c\ud"#),
            ("\"\\", "\"\\"),
            ("\"\\é", "\"\\é"),
            ("plain", "plain"),
        ] {
            assert_eq!(readable(spelled), shown, "{spelled}");
        }
    }
}
