//! Colours for code in the documentation: words, strings, numbers, comments. One pass over the text that knows how each language
//! writes these four, and nothing else of it.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

/// How a language writes what is coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Language {
    /// What begins a comment that goes on to the end of the line.
    comment: &'static str,
    /// What begins and ends a string.
    quotes: &'static str,
    /// Whether a backslash in a string takes the next character with it.
    has_escapes: bool,
    /// Its words that are coloured, with spaces between them.
    words: &'static str,
}

const PLAIN: Language = Language { comment: "", quotes: "", has_escapes: false, words: "" };
const SHELL: Language = Language {
    comment: "# ",
    quotes: "\"'",
    has_escapes: true,
    words: "awk break case chmod curl do done dropdb echo esac exit export for git grep if in jq mkdir openssl pg_dump printf psql createdb read reasoner-webhooks set sleep systemctl then fi trap while",
};

/// The language of a file, by the end of its name.
pub(crate) fn language(file: &str) -> Language {
    let like_c = |words| Language { comment: "//", quotes: "\"'", has_escapes: true, words };
    match file.rsplit_once('.').map_or("", |(_, end)| end) {
        "sh" => SHELL,
        "py" => Language {
            comment: "# ",
            words: "as class def else except for from if import in not or and return try with",
            ..SHELL
        },
        "mjs" => {
            Language { quotes: "\"'`", ..like_c("async await catch const for from function if import let return try") }
        }
        "go" => Language {
            quotes: "\"'`",
            ..like_c("const defer for func if import int map nil package return string struct var")
        },
        "php" => like_c("<?php array const echo exit false for function if int return string true use"),
        "rb" => {
            Language { comment: "# ", words: "def do each end exit if puts require rescue return unless warn", ..SHELL }
        }
        "java" => {
            like_c("byte catch class final for if import int long new public record return static throws try var void")
        }
        "cs" => like_c(
            "async await byte catch class const double for if int new readonly return static string try using var when",
        ),
        "ps1" => Language {
            comment: "# ",
            quotes: "\"",
            has_escapes: false,
            words: "catch exit for function if param throw try ConvertFrom-Json ConvertTo-Json Get-Random Invoke-RestMethod Invoke-WebRequest Read-Host Resolve-Path Start-Sleep",
        },
        "bat" => Language { quotes: "\"", words: "curl powershell set", ..PLAIN },
        "yml" | "toml" | "conf" | "pl" => Language { comment: "# ", quotes: "\"'", ..PLAIN },
        "json" => Language { quotes: "\"", has_escapes: true, words: "false null true", ..PLAIN },
        _ => PLAIN,
    }
}

/// Writes a text as HTML, with its parts in the colours of a language.
pub(crate) fn write_coloured(mut text: &str, language: Language, to: &mut impl Write) -> fmt::Result {
    let mut is_line_start = true;
    let mut before = ' ';
    while let Some(first) = text.chars().next() {
        let (length, class) = if is_comment(text, language, is_line_start || before.is_whitespace()) {
            (text.find('\n').unwrap_or(text.len()), "j-c")
        } else if let Some(length) = string_length(text, first, language) {
            // In JSON a string before a colon is a name.
            let names = language.comment.is_empty() && text[length..].starts_with(':');
            (length, if names { "j-k" } else { "j-s" })
        } else if is_in_word(first) || text.starts_with("<?") {
            let word = text.find(|c| !is_in_word(c) && c != '<' && c != '?').unwrap_or(text.len());
            let is_known = language.words.split(' ').any(|known| known == &text[..word])
                && !matches!(before, '$' | '.' | '-' | '@');
            let is_number = first.is_ascii_digit() && !language.words.is_empty();
            (
                word,
                if is_known {
                    "j-w"
                } else if is_number {
                    "j-n"
                } else {
                    ""
                },
            )
        } else {
            (first.len_utf8(), "")
        };
        let (part, after) = text.split_at(length.max(first.len_utf8()));
        write_part(part, class, to)?;
        before = part.chars().next_back().unwrap_or(' ');
        is_line_start = before == '\n';
        text = after;
    }
    Ok(())
}

fn is_comment(text: &str, language: Language, may_begin: bool) -> bool {
    may_begin && !language.comment.is_empty() && (text.starts_with(language.comment) || text.starts_with("#!/"))
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// How long the string is that begins here, its quotes included. What does not end on its line is an apostrophe.
fn string_length(text: &str, quote: char, language: Language) -> Option<usize> {
    const LONG: &str = "\"\"\"";
    if !language.quotes.contains(quote) {
        return None;
    }
    if let Some(rest) = text.strip_prefix(LONG) {
        return Some(rest.find(LONG)? + 2 * LONG.len());
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if language.has_escapes => escaped = true,
            '\n' => return None,
            c if c == quote => return Some(at + quote.len_utf8()),
            _ => {}
        }
    }
    None
}

fn write_part(part: &str, class: &str, to: &mut impl Write) -> fmt::Result {
    if class.is_empty() {
        return Html.write_escaped_str(to, part);
    }
    write!(to, r#"<span class="{class}">"#)?;
    Html.write_escaped_str(&mut *to, part)?;
    to.write_str("</span>")
}

#[cfg(test)]
mod tests {
    use super::{language, write_coloured};

    fn coloured(text: &str, file: &str) -> String {
        let mut html = String::new();
        write_coloured(text, language(file), &mut html).unwrap();
        html
    }

    #[test]
    fn comments_strings_words_and_numbers_have_colours() {
        assert_eq!(
            coloured("curl 'a' # b \"c\"\n", "x.sh"),
            "<span class=\"j-w\">curl</span> <span class=\"j-s\">&#39;a&#39;</span> <span class=\"j-c\"># b &#34;c&#34;</span>\n"
        );
        assert_eq!(
            coloured("if wait == 60: return", "x.py"),
            "<span class=\"j-w\">if</span> wait == <span class=\"j-n\">60</span>: <span class=\"j-w\">return</span>"
        );
        let long = "\"\"\"for\n\"\"\"";
        assert_eq!(coloured(long, "x.py"), format!("<span class=\"j-s\">{}</span>", long.replace('"', "&#34;")));
        assert_eq!(
            coloured("{\"a\": \"b\"}", "x.json"),
            "{<span class=\"j-k\">&#34;a&#34;</span>: <span class=\"j-s\">&#34;b&#34;</span>}"
        );
    }

    #[test]
    fn what_is_none_of_them_stays_as_it_is() {
        for (text, file) in [("$curl.if", "x.php"), ("don't", "x.txt"), ("https://a.b/", "x.conf"), ("--in", "x.sh")] {
            assert!(!coloured(text, file).contains("span"), "{text}");
        }
        assert_eq!(coloured("<script>&\u{20ac}", "x.go"), "&#60;script&#62;&#38;\u{20ac}");
        assert_eq!(coloured("it's\nnew", "x.sh"), "it&#39;s\nnew");
    }
}
