//! JSON inside the strings of JSON, as programs make it that encode twice.

use serde::de::IgnoredAny;

use crate::domain::query::strings::decoded;

/// The longest string that is read so, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// The object or list that a string holds; `spelled` is as it stands between its quotes.
pub(crate) fn embedded(spelled: &str) -> Option<String> {
    let begins = spelled.trim_start_matches([' ', '\n', '\r', '\t']).starts_with(['{', '[', '\\']);
    if !begins || spelled.len() > MAX_BYTES {
        return None;
    }
    let text: String = decoded(spelled).map(char::from_u32).collect::<Option<_>>()?;
    let is_container = text.trim_start().starts_with(['{', '[']);
    (is_container && serde_json::from_str::<IgnoredAny>(&text).is_ok()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::embedded;

    #[test]
    fn a_string_that_holds_an_object_or_a_list_is_read_as_one() {
        let text = |spelled: &str| embedded(spelled);
        assert_eq!(text(r#"{\"a\": [1]}"#).as_deref(), Some(r#"{"a": [1]}"#));
        assert_eq!(text(r"\u005b1\n]").as_deref(), Some("[1\n]"));
        for other in
            ["", "1", "{a}", "[1", r"{\ud800}", "text [1]", &"[".repeat(1_000), &format!("[{}1]", " ".repeat(300_000))]
        {
            assert_eq!(text(other), None, "{}", &other[..other.len().min(20)]);
        }
    }
}
