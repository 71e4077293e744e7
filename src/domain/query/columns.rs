//! Column selections for lists and exports.
//!
//! Fields of a body, and request headers, that are chosen to be columns: their names as somebody wrote them, and the value that an
//! event has there.

use std::borrow::Cow;
use std::str::FromStr;

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::payload::value_text;
use crate::domain::query::ast::{HEADER, Piece, header_of};
use crate::domain::query::embedded::embedded;
use crate::domain::query::error::QueryError;
use crate::domain::query::json_path::string_end;
use crate::domain::query::parse_path::parse_path;
use crate::domain::query::strings::{compare, decoded};
use crate::domain::request_headers::KeptHeader;

/// How many columns may be chosen.
const MAX_FIELDS: usize = 50;

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it was written, which names its column.
    pub(crate) name: String,
    source: Source,
}

/// Where its value is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Body(Vec<Piece>),
    Header(String),
}

/// Fields in the order of their columns. Written with commas between them; a comma in a name stands in quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<Field>);

impl FromStr for Fields {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let mut fields = Vec::new();
        let mut column = 0;
        for part in split_outside_quotes(text) {
            let name = part.trim();
            if !name.is_empty() {
                let start = column + part.chars().take_while(|c| c.is_whitespace()).count();
                let path = parse_path(name)
                    .map_err(|QueryError { column, problem }| QueryError { column: column + start, problem })?;
                if path.contains(&Piece::Each) {
                    let problem =
                        format!("A column has one value: write a number, as in {}", name.replace("[]", "[0]"));
                    return Err(QueryError { column: start + 1, problem });
                }
                let header = if name.starts_with(HEADER) { header_of(&path) } else { None };
                let source = header.map_or(Source::Body(path), Source::Header);
                fields.push(Field { name: name.to_owned(), source });
            }
            column += part.chars().count() + 1;
        }
        if fields.len() > MAX_FIELDS {
            let problem = format!("There are at most {MAX_FIELDS} columns. Leave some out");
            return Err(QueryError { column: 1, problem });
        }
        Ok(Self(fields))
    }
}

impl Field {
    /// Its name as pages show it.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        escape_invisible(&self.name)
    }
}

impl Fields {
    /// The values of an event in the order of the columns; `headers` are as they are stored.
    pub(crate) fn cells(&self, body: &str, headers: &str) -> Vec<String> {
        let asks_for_headers = self.0.iter().any(|field| matches!(field.source, Source::Header(_)));
        let headers = if asks_for_headers { headers } else { "[]" };
        let headers: Vec<KeptHeader> = serde_json::from_str(headers).unwrap_or_default();
        let cell = |field: &Field| match &field.source {
            Source::Body(path) => member_text(path, body),
            Source::Header(name) => {
                let values = headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str());
                values.collect::<Vec<_>>().join(", ")
            }
        };
        self.0.iter().map(cell).collect()
    }

    /// The first of them.
    pub(crate) fn first(&self, count: usize) -> Self {
        Self(self.0.iter().take(count).cloned().collect())
    }
}

fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut inside, mut escaped) = (false, false);
    text.split(|c| {
        let ends = c == ',' && !inside;
        if c == '"' && !escaped {
            inside = !inside;
        }
        escaped = inside && c == '\\' && !escaped;
        ends
    })
    .collect()
}

/// The value of a field as a cell holds it: a string without its quotes and escapes, anything else as it is spelled. Nothing where the
/// body has no such field. Of duplicate keys the last counts, as for most that read JSON.
fn member_text(path: &[Piece], body: &str) -> String {
    let mut value = value_text(body).trim();
    let held: String;
    for (step, chunk) in path.iter().enumerate() {
        if let Some(text) = value.strip_prefix('"').and_then(|rest| embedded(rest.strip_suffix('"')?)) {
            held = text;
            return member_text(&path[step..], &held);
        }
        let Some(member) = member(value, chunk) else { return String::new() };
        value = member;
    }
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(spelled) => {
            decoded(spelled).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        None => value.to_owned(),
    }
}

/// What stands one step into a valid value.
fn member<'a>(value: &'a str, chunk: &Piece) -> Option<&'a str> {
    let bytes = value.as_bytes();
    let is_object = match (bytes.first()?, chunk) {
        (b'{', Piece::Key(_)) => true,
        (b'[', Piece::Index(_)) => false,
        _ => return None,
    };
    let (mut at, mut index, mut found) = (skip_space(bytes, 1), 0, None);
    // A list reads only the beginning of a long body: what was found until there counts.
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'}' | b']')) {
        let mut is_meant = *chunk == Piece::Index(index);
        if is_object {
            let end = value_end(bytes, at);
            if let Piece::Key(key) = chunk {
                is_meant = compare(value.get(at + 1..end - 1)?, key).is_eq();
            }
            // Over the colon.
            at = skip_space(bytes, skip_space(bytes, end) + 1);
        }
        let end = value_end(bytes, at);
        if is_meant {
            found = value.get(at..end);
        }
        index += 1;
        at = skip_space(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
    }
    found
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The place after the value that begins here.
fn value_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => at = string_end(bytes, at),
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            Some(b'}' | b']') => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            Some(b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(_) => {
                let is_part = |byte: &u8| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                at += bytes[at..].iter().take_while(|byte| is_part(byte)).count();
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    const BODY: &str = r#" {"a": "x\u00e9\"\ud800", "data": {"n": 1.50e400, "tags": [ "red" , {"k":[1, "]"]} ], "no": null},
        "b": true, "a,b": 7, "twice": 1, "twice": 2} "#;

    const HEADERS: &str = r#"[["x-event","push"],["x-tag","a"],["x-tag","b"]]"#;

    fn cells(fields: &str) -> Vec<String> {
        fields.parse::<Fields>().unwrap().cells(BODY, HEADERS)
    }

    #[test]
    fn a_cell_holds_what_the_body_has_there() {
        assert_eq!(cells("a, b ,data.n"), ["xé\"\u{fffd}", "true", "1.50e400"]);
        assert_eq!(cells("data.tags,data.tags[0],data.tags[1].k[1]"), [r#"[ "red" , {"k":[1, "]"]} ]"#, "red", "]"]);
        assert_eq!(cells("data.no,twice,\"a,b\""), ["null", "2", "7"]);
        assert_eq!(cells("nothing,data.tags[2],a.b,data[0]"), ["", "", "", ""]);
        assert_eq!(cells(" , "), Vec::<String>::new());
        let fields = "text.b[1],text".parse::<Fields>().unwrap();
        let body = r#"{"text": "{\"b\": [1, \"x\"]}"}"#;
        assert_eq!(fields.cells(body, "[]"), ["x", "{\"b\": [1, \"x\"]}"], "what a string holds");
    }

    #[test]
    fn a_request_header_is_a_column() {
        assert_eq!(cells("header.X-Event,header.x-tag,header.none,a"), ["push", "a, b", "", "xé\"\u{fffd}"]);
        assert_eq!(cells("$.header.x-event"), [""], "a field of the body that is called so");
    }

    #[test]
    fn what_names_no_field_is_explained() {
        for (wrong, column) in [("a,b c", 4), ("a,items[].n", 3), ("a.", 3)] {
            let error = wrong.parse::<Fields>().unwrap_err();
            assert_eq!(error.column, column, "{wrong}: {error}");
        }
        assert!(vec!["a"; 51].join(",").parse::<Fields>().is_err());
    }
}
