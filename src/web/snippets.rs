//! The examples of the documentation: files below `templates/docs/snippets`, filled in for the reader. The pages show them and the
//! tests run them, as they stand there.

use std::fmt;

use askama::filters::HtmlSafe;
use rust_embed::RustEmbed;
use url::{Host, Url};

use crate::web::colours::{language, write_coloured};

#[derive(RustEmbed)]
#[folder = "templates/docs/snippets/"]
struct Files;

/// The languages of the examples under `send`, `deliver` and `api`, in the order of their tabs.
pub const LANGUAGES: [Language; 9] = [
    Language { id: "curl", title: "curl", sends: "send.sh", delivers: "deliver.sh", calls: "api.sh" },
    Language { id: "python", title: "Python", sends: "send.py", delivers: "deliver.py", calls: "api.py" },
    Language { id: "node", title: "Node", sends: "send.mjs", delivers: "deliver.mjs", calls: "api.mjs" },
    Language { id: "go", title: "Go", sends: "send.go", delivers: "deliver.go", calls: "api.go" },
    Language { id: "php", title: "PHP", sends: "send.php", delivers: "deliver.php", calls: "api.php" },
    Language { id: "ruby", title: "Ruby", sends: "send.rb", delivers: "deliver.rb", calls: "api.rb" },
    Language { id: "java", title: "Java", sends: "Send.java", delivers: "Deliver.java", calls: "Api.java" },
    Language { id: "csharp", title: "C#", sends: "Send.cs", delivers: "Deliver.cs", calls: "Api.cs" },
    Language { id: "powershell", title: "PowerShell", sends: "send.ps1", delivers: "deliver.ps1", calls: "api.ps1" },
];

/// One tab.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Language {
    pub id: &'static str,
    pub title: &'static str,
    /// The file that sends one event, once.
    pub(crate) sends: &'static str,
    /// The file that sends one event until it is stored.
    pub(crate) delivers: &'static str,
    /// The file that calls the API.
    pub(crate) calls: &'static str,
}

/// What the examples are filled in with.
#[derive(Clone, Debug)]
pub(crate) struct Blanks {
    pub(crate) endpoint: String,
    pub(crate) username: String,
    pub(crate) public_url: String,
}

impl Blanks {
    /// An example as the reader would copy it.
    pub(crate) fn fill_in(&self, name: &str) -> Option<Snippet> {
        let file = Files::get(name)?;
        let text = std::str::from_utf8(&file.data).ok()?;
        let text = text
            .replace("{{ endpoint }}", &self.endpoint)
            .replace("{{ username }}", &self.username)
            .replace("{{ public_url }}", &self.public_url)
            .replace("{{ address }}", &self.address())
            .replace("{{ authority }}", self.authority())
            .replace("{{ host }}", &self.host())
            .replace("{{ port }}", &self.port())
            .replace("{{ tls }}", if self.is_secure() { "on" } else { "off" })
            .replace("{{ json_scheme }}", if self.is_secure() { "jsons" } else { "json" });
        Some(Snippet { name: name.to_owned(), text: text.trim_end_matches('\n').to_owned() })
    }

    /// The same, for templates.
    pub(crate) fn code(&self, name: &str) -> askama::Result<Snippet> {
        self.fill_in(name).ok_or(askama::Error::Fmt)
    }

    /// The endpoint's host, without its port, as a netrc file names it.
    fn host(&self) -> String {
        match Url::parse(&self.endpoint).ok().as_ref().and_then(Url::host) {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    fn port(&self) -> String {
        Url::parse(&self.endpoint).ok().and_then(|url| url.port_or_known_default()).unwrap_or_default().to_string()
    }

    /// The endpoint's host, with its port where that is no matter of course.
    fn authority(&self) -> &str {
        let after_scheme = self.endpoint.split_once("://").map_or("", |(_, rest)| rest);
        after_scheme.split('/').next().unwrap_or_default()
    }

    /// The endpoint with the username and a place for the password in it.
    fn address(&self) -> String {
        self.endpoint.replacen("://", &format!("://{}:rwp_…@", self.username), 1)
    }

    fn is_secure(&self) -> bool {
        self.endpoint.starts_with("https://")
    }
}

/// One example, filled in. It prints itself as HTML.
#[derive(Clone, Debug)]
pub(crate) struct Snippet {
    name: String,
    text: String,
}

impl Snippet {
    /// The id of its element: `send-py`.
    pub(crate) fn id(&self) -> String {
        self.name.to_lowercase().replace('.', "-")
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_coloured(&self.text, language(&self.name), f)
    }
}

impl HtmlSafe for Snippet {}

#[cfg(test)]
mod tests {
    use super::{Blanks, Files, LANGUAGES};

    fn blanks(endpoint: &str) -> Blanks {
        Blanks {
            endpoint: endpoint.to_owned(),
            username: "rw_7f3kq2m9".to_owned(),
            public_url: "https://example.com".to_owned(),
        }
    }

    #[test]
    fn nothing_is_left_blank_in_any_example() {
        for name in Files::iter() {
            let snippet = blanks("https://example.com/").fill_in(&name).unwrap();
            // A workflow of GitHub has double braces of its own, and so has a playbook of Ansible.
            let text = snippet.text.replace("${{", "").replace("{{ lookup", "");
            assert!(!text.contains("{{"), "{name}: {text}");
            assert!(!text.contains('\t') || name.ends_with(".go"), "{name}");
        }
        for language in LANGUAGES {
            let files = [language.sends, language.delivers, language.calls];
            assert!(files.iter().all(|file| Files::get(file).is_some()), "{}", language.id);
        }
    }

    #[test]
    fn the_host_of_an_endpoint_is_named_without_its_port() {
        for (endpoint, host) in [
            ("https://webhook.example.com/", "webhook.example.com"),
            ("http://127.0.0.1:8080/", "127.0.0.1"),
            ("http://[::1]:8080/in", "::1"),
            ("http://[::1]/", "::1"),
        ] {
            assert_eq!(blanks(endpoint).host(), host);
        }
    }
}
