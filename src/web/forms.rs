//! What forms share: where they may lead, and ids that make sending one twice harmless.

use uuid::Uuid;

/// A path of this site, for `next=`: one slash and no second one, no backslash, nothing that a browser would take for another
/// host.
pub fn local_path(text: &str) -> Option<&str> {
    let own = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    (own && plain).then_some(text)
}

/// The id that a form carries for the thing it creates; a form without one gets a new id.
pub fn id_or_new(said: Option<&str>) -> Uuid {
    said.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_else(Uuid::new_v4)
}

#[cfg(test)]
mod tests {
    use super::local_path;

    // holds W10
    #[test]
    fn next_leads_to_local_paths_only() {
        for path in ["/", "/events?q=a%20b", "/settings/integrations/webhooks"] {
            assert_eq!(local_path(path), Some(path));
        }
        for other in [
            "",
            "events",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\/evil",
            "/a\nb",
            "/\t/evil",
            "javascript:1",
        ] {
            assert_eq!(local_path(other), None, "{other:?}");
        }
    }
}
