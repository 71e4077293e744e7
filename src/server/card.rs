//! The start-up card: what somebody who has just started the program wants to know, on standard output. Colours only on a
//! terminal.

use std::fmt;

use crate::store::connection::standbys::Standbys;

/// What the card says.
#[derive(Debug)]
pub(crate) struct Card<'a> {
    pub(crate) pages: &'a str,
    pub(crate) ingest: &'a str,
    /// Further listeners: what they serve, and where.
    pub(crate) listeners: Vec<(&'a str, String)>,
    pub(crate) database: &'a str,
    /// What a 200 stands on, where the database says so.
    pub(crate) standbys: Option<Standbys>,
    /// The database could not live in the data directory.
    pub(crate) elsewhere: bool,
    pub(crate) setup_link: Option<&'a str>,
    pub(crate) colours: bool,
}

impl fmt::Display for Card<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bold, dim, accent, end) =
            if self.colours { ("\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m") } else { ("", "", "", "") };
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "\n  {bold}Reasoner Webhooks{end} {dim}{version}{end}\n")?;
        let mut line = |label: &str, value: &str| writeln!(f, "  {dim}{label:<10}{end}{value}");
        line("Pages", &format!("{accent}{}{end}", self.pages))?;
        line("Ingest", &format!("{accent}{}{end}", self.ingest))?;
        for (label, address) in &self.listeners {
            line(label, address)?;
        }
        line("Database", self.database)?;
        if self.elsewhere {
            line("", "(the data directory is out of reach for the user that PostgreSQL runs as)")?;
        }
        if let Some(standbys) = &self.standbys {
            line("A 200 is", &format!("on {standbys}"))?;
        }
        if let Some(link) = self.setup_link {
            writeln!(f, "\n  Open this link once to create the owner account:\n  {accent}{link}{end}")?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Card;

    #[test]
    fn the_card_is_plain_text_where_nobody_wants_colours() {
        let mut card = Card {
            pages: "http://127.0.0.1:8080",
            ingest: "http://127.0.0.1:8080/",
            listeners: vec![],
            database: "PostgreSQL 15 of its own, in /srv/data/postgres",
            standbys: None,
            elsewhere: false,
            setup_link: Some("http://127.0.0.1:8080/setup?token=abc"),
            colours: false,
        };
        let plain = card.to_string();
        assert!(!plain.contains('\u{1b}') && plain.contains("Pages     http://127.0.0.1:8080\n"), "{plain}");
        assert!(plain.contains("  http://127.0.0.1:8080/setup?token=abc\n"));
        card.colours = true;
        assert!(card.to_string().contains("\u{1b}[36m"));
    }
}
