//! How commands print: aligned columns for people, in which nothing hides, and JSON alone for programs.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use crate::domain::escape_invisible::escape_invisible;

/// Prints a value as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)
}

/// Prints rows in columns as wide as their widest cell. Characters that would move a terminal's cursor, or that nobody would see,
/// are spelled out.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let rows: Vec<[Cow<'_, str>; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| escape_invisible(cell))).collect();
    let mut widths = head.map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = io::stdout().lock();
    let mut line = |cells: [&str; N]| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())
    };
    line(head)?;
    for row in &rows {
        line(row.each_ref().map(AsRef::as_ref))?;
    }
    Ok(())
}

/// Prints labels and values, a line each.
pub(crate) fn facts(facts: &[(&str, &str)]) -> io::Result<()> {
    let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for (label, value) in facts {
        writeln!(out, "{label:<width$}  {}", escape_invisible(value))?;
    }
    Ok(())
}

/// Prints a sentence.
pub(crate) fn say(sentence: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", escape_invisible(sentence))
}

/// Tells whoever watches something that is not part of what was asked for, on standard error.
pub(crate) fn aside(sentence: &str) {
    eprintln!("{}", escape_invisible(sentence));
}

/// Prints a text as it is.
pub(crate) fn text(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}
