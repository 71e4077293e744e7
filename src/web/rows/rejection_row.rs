//! A refused request as a row of a list, and as a page tells of it that waits for an event.

use askama::Template;
use jiff::Timestamp;

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::ids::CredentialId;
use crate::domain::masked::masked;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::rejection_group::Repeats;
use crate::domain::size::precise_size;
use crate::web::format::When;
use crate::web::json_view::tokens::first_chars;
use crate::web::page::Page;

/// How much is shown of what a sender chose, in characters: of its user agent, and of what was wrong. Ordinary ones are shorter.
const MAX_SENT_CHARS: usize = 200;

/// The address of the list.
pub(crate) const REJECTIONS: &str = "/events/rejections";

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct RejectionRow {
    pub(crate) at: When,
    /// How often, and since when, where a row stands for several.
    pub(crate) repeats: Option<(String, When)>,
    /// Where all about it is.
    pub(crate) address: String,
    pub(crate) title: &'static str,
    pub(crate) explanation: String,
    pub(crate) credential: String,
    /// Where the credential's page is.
    pub(crate) page: String,
    pub(crate) ip: String,
    pub(crate) agent: String,
    pub(crate) status: u16,
    /// What to do about it, step by step.
    pub(crate) remedy: &'static str,
    /// Where all refused requests of the credential are.
    pub(crate) list: String,
    /// Where its owner can have such requests accepted, and what the link says.
    pub(crate) setting: Option<(String, &'static str)>,
}

impl RejectionRow {
    pub(crate) fn new(rejection: &Rejection, now: Timestamp) -> Self {
        Self {
            at: When::ago(rejection.at, now),
            repeats: None,
            address: format!("{REJECTIONS}/{}", rejection.id),
            title: rejection.title(),
            explanation: explanation(rejection),
            credential: escape_invisible(&rejection.credential_name).into_owned(),
            page: credential_page(rejection.credential_id),
            ip: rejection.remote_ip.to_string(),
            agent: rejection.user_agent.as_deref().map(beginning).unwrap_or_default(),
            status: rejection.reason.status(),
            remedy: rejection.reason.remedy(),
            list: format!("{REJECTIONS}?credential={}", rejection.username),
            setting: setting(rejection),
        }
    }

    /// A row of a list, where repeats stand for one another.
    pub(crate) fn of_repeats(repeats: &Repeats, now: Timestamp) -> Self {
        let times = || (grouped(repeats.count), When::ago(repeats.first_at, now));
        Self { repeats: (repeats.count > 1).then(times), ..Self::new(&repeats.newest, now) }
    }
}

/// The sender setting that accepts such requests.
fn setting(rejection: &Rejection) -> Option<(String, &'static str)> {
    let label = match rejection.reason {
        Reason::UnsupportedMediaType | Reason::UnsupportedEncoding => "Accept it from this sender",
        Reason::MethodNotAllowed => "Accept PUT from this sender",
        Reason::AddressNotAllowed => "Add the address",
        _ => return None,
    };
    Some((settings_address(rejection.credential_id, rejection.reason), label))
}

/// Where the sender setting is that accepts what was refused for a reason.
pub(crate) fn settings_address(credential: CredentialId, reason: Reason) -> String {
    let field = match reason {
        Reason::UnsupportedMediaType => "#any-content-type",
        Reason::UnsupportedEncoding => "#compressed-bodies",
        Reason::MethodNotAllowed => "#put-as-post",
        Reason::AddressNotAllowed => "#networks",
        _ => "",
    };
    format!("/settings/integrations/webhooks/credentials/{credential}/sender-settings{field}")
}

/// One line on what exactly and what to do; how often, where it was more than once.
pub(crate) fn explanation(rejection: &Rejection) -> String {
    let mut words = String::new();
    if rejection.count > 1 {
        words.push_str(&format!("{} times in one second. ", grouped(u64::from(rejection.count))));
    }
    let detail = rejection.detail.as_deref().map(sentences);
    match (rejection.reason, detail, &rejection.hint) {
        (Reason::WrongPassword, ..) => words.push_str(rejection.reason.advice()),
        (Reason::ExpiredPassword | Reason::RevokedPassword, _, Some(hint)) => {
            words.push_str(&format!("{}: {}", masked(hint), rejection.advice()));
        }
        (Reason::BodyTooLarge, Some(detail), _) => {
            let sent = rejection.size_bytes.map(|bytes| format!("{} was sent", precise_size(bytes)));
            let limits = || rejection.detail.iter().flat_map(|detail| detail.lines()).map(beginning);
            let told = sent.map(|sent| sentence(&std::iter::once(sent).chain(limits()).collect::<Vec<_>>().join("; ")));
            words.push_str(&format!("{} {}", told.unwrap_or(detail), rejection.reason.advice()));
        }
        (Reason::InvalidJson | Reason::UnsupportedMediaType | Reason::MalformedCredentials, Some(detail), _) => {
            words.push_str(&detail);
        }
        (_, Some(detail), _) => words.push_str(&format!("{detail} {}", rejection.reason.advice())),
        _ => words.push_str(rejection.reason.advice()),
    }
    words
}

/// What was wrong with one request, or with several.
fn sentences(detail: &str) -> String {
    detail.lines().map(|line| sentence(&beginning(line))).collect::<Vec<_>>().join(" ")
}

/// What a sender chose, as far as it is shown.
fn beginning(sent: &str) -> String {
    let shown = first_chars(sent, MAX_SENT_CHARS);
    let more = if shown.len() < sent.len() { "…" } else { "" };
    format!("{}{more}", escape_invisible(shown))
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

/// The address of a credential's page.
pub(crate) fn credential_page(id: CredentialId) -> String {
    format!("/settings/integrations/webhooks/{id}")
}

/// A refused attempt as a page that waits for an event shows it.
#[derive(Template)]
#[template(path = "attempt.html")]
struct Attempt<'a> {
    page: &'a Page,
    row: RejectionRow,
}

/// The same for a page that is open already.
pub(crate) fn attempt_html(rejection: &Rejection, now: Timestamp, page: &Page) -> String {
    Attempt { page, row: RejectionRow::new(rejection, now) }.render().unwrap_or_default()
}
