//! Safe redirects: where a form or an address may lead.

/// A path of this site, for `next=`: one slash and no second one, no backslash, nothing that a browser would take for another
/// host.
pub(crate) fn local_path(text: &str) -> Option<&str> {
    let own = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
    let plain = text.chars().all(|c| c.is_ascii_graphic());
    (own && plain).then_some(text)
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
            "/é",
        ] {
            assert_eq!(local_path(other), None, "{other:?}");
        }
    }
}
