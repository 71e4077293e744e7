//! Refused requests with their reasons: what happened, what to do, and the status that the sender got.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::domain::credential_password::masked;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::listing::REJECTIONS_PER_PAGE;
use crate::domain::rejection::{Reason, Rejection, RejectionGroup};
use crate::store::{credentials, held_events, rejections};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::events::event_list::{Field, Pager, span_text};
use crate::web::events::filters::{Filters, Query};
use crate::web::events::overview::Overview;
use crate::web::format::{When, grouped, size};
use crate::web::json_view::tokens::first_chars;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, see_other};
use crate::web::webhooks::held::Held;

/// How many parts of one address, credential and reason are put together in the view by address.
const MAX_GROUPED: usize = 500;
/// How much is shown of what a sender chose, in characters: of its user agent, and of what was wrong. Ordinary ones are shorter.
const MAX_SENT_CHARS: usize = 200;

/// A row of the table, here and on the Webhooks page.
#[derive(Clone, Debug)]
pub struct Row {
    pub at: When,
    pub title: &'static str,
    pub explanation: String,
    pub credential: String,
    /// Where the credential's card is.
    pub card: String,
    pub ip: String,
    pub agent: String,
    pub status: u16,
    /// What to do about it, step by step.
    pub remedy: &'static str,
    /// Where all refused requests of the credential are.
    pub list: String,
}

impl Row {
    pub fn new(rejection: &Rejection, now: jiff::Timestamp) -> Self {
        Self {
            at: When::ago(rejection.at, now),
            title: rejection.reason.title(),
            explanation: explanation(rejection),
            credential: escape_invisible(&rejection.credential_name).into_owned(),
            card: card(&rejection.username),
            ip: rejection.remote_ip.to_string(),
            agent: rejection.user_agent.as_deref().map(beginning).unwrap_or_default(),
            status: rejection.reason.status(),
            remedy: rejection.reason.remedy(),
            list: format!("/events/rejections?credential={}", rejection.username),
        }
    }
}

/// One line on what exactly and what to do; how often, where it was more than once.
pub fn explanation(rejection: &Rejection) -> String {
    let mut words = String::new();
    if rejection.count > 1 {
        words.push_str(&format!("{} times in one second. ", grouped(u64::from(rejection.count))));
    }
    let detail = rejection.detail.as_deref().map(beginning);
    match (rejection.reason, detail, &rejection.hint) {
        (Reason::InvalidJson | Reason::UnsupportedMediaType, Some(detail), _) => {
            words.push_str(&sentence(&detail));
        }
        (Reason::BodyTooLarge, Some(detail), _) => {
            let sent = rejection.size_bytes.map(|bytes| format!("{} was sent, ", size(bytes))).unwrap_or_default();
            words.push_str(&sentence(&format!("{sent}{detail}")));
            words.push(' ');
            words.push_str(rejection.reason.advice());
        }
        (Reason::IdempotencyConflict, Some(detail), _) => {
            words.push_str(&sentence(&detail));
            words.push(' ');
            words.push_str(rejection.reason.advice());
        }
        (Reason::ExpiredPassword | Reason::RevokedPassword, _, Some(hint)) => {
            words.push_str(&format!("{}: {}", masked(hint), rejection.reason.advice()));
        }
        _ => words.push_str(rejection.reason.advice()),
    }
    words
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

/// The address of a credential's card.
fn card(username: &str) -> String {
    format!("/settings/integrations/webhooks#{username}")
}

/// A row of the view by address.
struct Group {
    ip: String,
    credential: String,
    card: String,
    reasons: Vec<(&'static str, String)>,
    count: String,
    first: When,
    last: When,
    /// The same as a list.
    link: String,
}

impl Group {
    fn new(group: &RejectionGroup, filters: &Filters, now: jiff::Timestamp) -> Self {
        let ip = group.remote_ip.to_string();
        let reasons = group.reasons.iter().map(|(reason, count)| (reason.title(), grouped(*count)));
        Self {
            credential: escape_invisible(&group.credential_name).into_owned(),
            card: card(&group.username),
            reasons: reasons.collect(),
            count: grouped(group.count),
            first: When::ago(group.first_at, now),
            last: When::ago(group.last_at, now),
            link: filters.links.to_address(&ip, &group.username),
            ip,
        }
    }
}

/// Each reason of a list, once, in the order in which the contract decides them.
fn explained(reasons: &[Reason]) -> Vec<Reason> {
    Reason::ALL.iter().copied().filter(|reason| reasons.contains(reason)).collect()
}

#[derive(Template)]
#[template(path = "rejections.html")]
struct Index {
    page: Page,
    filters: Filters,
    overview: Overview,
    held: Vec<Held>,
    rows: Vec<Row>,
    groups: Vec<Group>,
    /// There are more groups than are shown.
    is_cut: bool,
    /// The reasons on the page, which are explained below it; all of them where there are none.
    reasons: Vec<Reason>,
    pager: Pager,
    /// None are suggested: what is searched here has none.
    fields: Vec<Field>,
    path: &'static str,
}

const PATH: &str = "/events/rejections";

/// `GET /events/rejections`, and with `group=address` by address
pub async fn index(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let account = current_user.member.account_id;
    let now = current_user.now();
    let mut conn = current_user.state().store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::of_rejections(&query, &credentials, now, &current_user.current_user.zone);
    if let Some(address) = filters.exact_address(PATH) {
        return Ok(see_other(&address));
    }
    let overview = Overview::read(&mut conn, account, &filters, now).await?;
    // On Free nothing can be accepted, so nothing is asked.
    let held = match current_user.member.plan.includes_webhooks() {
        true => Held::list(&held_events::list(&mut conn, account, now).await?, &credentials, now),
        false => Vec::new(),
    };
    let mut template = Index {
        page: current_user.page("Rejected attempts").at("events", ""),
        overview,
        held,
        rows: Vec::new(),
        groups: Vec::new(),
        is_cut: false,
        reasons: Vec::new(),
        pager: Pager::default(),
        fields: Vec::new(),
        path: PATH,
        filters,
    };
    let (filters, filter) = (&template.filters, &template.filters.filter);
    let text = Some(filters.text.as_str()).filter(|text| !text.is_empty());
    if filters.error.is_some() {
        return html_invalid(&template);
    }
    let mut reasons = Vec::new();
    if filters.by_address {
        let parts = rejections::group_by_address(&mut conn, account, filter, text, MAX_GROUPED + 1).await?;
        template.is_cut = parts.len() > MAX_GROUPED;
        reasons.extend(parts.iter().flat_map(|part| &part.reasons).map(|(reason, _)| *reason));
        let groups = RejectionGroup::gather(parts);
        template.groups = groups.iter().map(|group| Group::new(group, filters, now)).collect();
    } else {
        let before = Uuid::try_parse(&query.before).ok();
        let found = rejections::list(&mut conn, account, (filter, text), before, REJECTIONS_PER_PAGE).await?;
        if let (Some(newest), Some(oldest)) = (found.rows.first(), found.rows.last()) {
            template.pager = Pager {
                text: span_text(oldest.at, newest.at, now, &current_user.current_user.zone),
                title: span_text(oldest.at, newest.at, now, &TimeZone::UTC),
                newer: before.map(|_| filters.links.to(PATH)),
                older: found.has_older.then(|| filters.links.with(PATH, "before", &oldest.id.to_string())),
                further: None,
            };
        }
        reasons.extend(found.rows.iter().map(|rejection| rejection.reason));
        template.rows = found.rows.iter().map(|rejection| Row::new(rejection, now)).collect();
    }
    template.reasons = explained(&reasons);
    html(&template)
}
