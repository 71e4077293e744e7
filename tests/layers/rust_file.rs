//! Rust files as the rules of the layers read them: words, paths and the files that these mean.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A Rust file, and its words without comments.
pub struct RustFile {
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
}

/// One word or sign of the code. `::` is one sign.
#[derive(Clone)]
pub struct Token {
    pub text: String,
    pub line: usize,
    /// Inside a module that is compiled for tests only.
    pub in_tests: bool,
    /// How many modules of its own file it stands in.
    pub depth: usize,
}

/// A path that the code names, without its root.
pub struct NamedPath {
    pub segments: Vec<String>,
    pub line: usize,
    pub in_tests: bool,
    pub depth: usize,
}

impl RustFile {
    /// The module of the top level that the file belongs to.
    pub fn module(&self) -> &str {
        self.path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default()
    }

    pub fn is_list_of_modules(&self) -> bool {
        self.path.ends_with("/mod.rs") || self.path == "src/lib.rs"
    }

    pub fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    pub fn has(&self, words: &[&str]) -> bool {
        self.tokens.windows(words.len()).any(|tokens| tokens.iter().zip(words).all(|(token, word)| token.text == *word))
    }

    /// What it names of this crate.
    pub fn imports(&self) -> Vec<NamedPath> {
        let paths = ["crate", "reasoner_webhooks"].iter().flat_map(|root| self.paths_below(root));
        paths.filter(|path| !path.segments.is_empty()).collect()
    }

    /// Every path that starts with `root::`, the branches of a `use` tree one by one.
    pub fn paths_below(&self, root: &str) -> Vec<NamedPath> {
        let mut paths = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let before = if at == 0 { "" } else { self.word(at - 1) };
            // `pub(in crate::…)` says who may see something, and imports nothing.
            if token.text == root && !["::", "in"].contains(&before) && self.word(at + 1) == "::" {
                self.follow(at + 2, &mut Vec::new(), &mut paths);
            }
        }
        paths
    }

    /// Reads a path from the token `at`; gives back where it ended.
    fn follow(&self, mut at: usize, before: &mut Vec<String>, paths: &mut Vec<NamedPath>) -> usize {
        let start = before.len();
        loop {
            let word = self.word(at);
            if word == "{" {
                at += 1;
                while !["}", ""].contains(&self.word(at)) {
                    at = if self.word(at) == "," { at + 1 } else { self.follow(at, before, paths) };
                }
                before.truncate(start);
                return at + 1;
            }
            let is_name = word.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            // `self` in a tree is the module before it.
            if is_name && word != "self" {
                before.push(word.to_owned());
            }
            if is_name && self.word(at + 1) == "::" && self.word(at + 2) != "<" {
                at += 2;
                continue;
            }
            let Token { line, in_tests, depth, .. } = self.tokens[at.min(self.tokens.len() - 1)];
            paths.push(NamedPath { segments: before.clone(), line, in_tests, depth });
            before.truncate(start);
            // A new name, `as name`, is no path.
            return if self.word(at + 1) == "as" { at + 3 } else { at + 1 };
        }
    }
}

impl NamedPath {
    /// The file that the path leads to. `main.rs` and `lib.rs` are nobody's target.
    pub fn file<'a>(&self, known: &BTreeSet<&'a str>) -> Option<&'a str> {
        (1..=self.segments.len()).rev().find_map(|length| {
            let place = format!("src/{}", self.segments[..length].join("/"));
            let find = |path: String| known.get(path.as_str()).copied();
            find(format!("{place}.rs")).or_else(|| find(format!("{place}/mod.rs")))
        })
    }

    pub fn place(&self, file: &RustFile) -> String {
        format!("{}:{} imports `crate::{}`", file.path, self.line, self.segments.join("::"))
    }
}

pub fn rust_files(folder: &str) -> Vec<RustFile> {
    let is_wanted = |path: &str| path.ends_with(".rs") && path.starts_with(&format!("{folder}/"));
    let read = |(path, text): (String, String)| {
        let stream = text.parse::<TokenStream>();
        assert!(stream.is_ok(), "{path} is no Rust");
        let mut tokens = Vec::new();
        flatten(stream.unwrap_or_default(), (0, false), &mut tokens);
        RustFile { path, text, tokens }
    };
    let files: Vec<RustFile> = text_files().into_iter().filter(|(path, _)| is_wanted(path)).map(read).collect();
    assert!(!files.is_empty(), "there are no Rust files in {folder}");
    files
}

/// The words and signs of a file in their order. Of texts, only those that are a path of this crate, as in attributes.
fn flatten(stream: TokenStream, (depth, in_tests): (usize, bool), tokens: &mut Vec<Token>) {
    let (mut is_for_tests, mut is_joint) = (false, false);
    for tree in stream {
        let line = tree.span().start().line;
        let mut push = |text: &str| tokens.push(Token { text: text.to_owned(), line, in_tests, depth });
        match tree {
            TokenTree::Ident(word) => push(&word.to_string()),
            TokenTree::Punct(sign) if is_joint && sign.as_char() == ':' => {
                tokens.pop();
                tokens.push(Token { text: "::".to_owned(), line, in_tests, depth });
                is_joint = false;
            }
            TokenTree::Punct(sign) => {
                push(&sign.to_string());
                is_joint = sign.as_char() == ':' && sign.spacing() == Spacing::Joint;
                is_for_tests &= sign.as_char() != ';';
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let path = text.trim_matches('"').parse::<TokenStream>().ok();
                if let Some(path) = path.filter(|_| text.starts_with("\"crate::")) {
                    flatten(path, (depth, in_tests), tokens);
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis | Delimiter::None => ("(", ")"),
                };
                is_for_tests |= group.stream().to_string() == "cfg (test)";
                let is_module = open == "{" && tokens.iter().nth_back(1).is_some_and(|token| token.text == "mod");
                let inside = if is_module { (depth + 1, in_tests || is_for_tests) } else { (depth, in_tests) };
                tokens.push(Token { text: open.to_owned(), line, in_tests, depth });
                flatten(group.stream(), inside, tokens);
                tokens.push(Token { text: close.to_owned(), line: group.span_close().start().line, in_tests, depth });
                is_for_tests &= open != "{";
            }
        }
    }
}

/// Every text in the tree, by its path from the root, but for what is built, received, locked, or installed by npm.
pub fn text_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let is_no_text_of_ours = name.ends_with(".lock") || name.ends_with("/node_modules");
            if [".git", "target", "data", "screenshots"].contains(&name.as_str()) || is_no_text_of_ours {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                // What is not UTF-8 is a picture, and no text.
                Ok(kind) if kind.is_file() => files.extend(fs::read_to_string(&path).ok().map(|text| (name, text))),
                _ => {}
            }
        }
    }
    files.sort();
    files
}
