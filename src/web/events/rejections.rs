//! Refused requests with their reasons: what happened, what to do, and the status that the sender got.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::app::export_rejections::{Exported, RejectionExport};
use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::ids::AccountId;
use crate::domain::listing::REJECTIONS_PER_PAGE;
use crate::domain::rejection::Reason;
use crate::domain::rejection_group::RejectionGroup;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::{credentials, held_events, rejections};
use crate::web::current_user::SignedIn;
use crate::web::download::{self, Encoding};
use crate::web::errors::PageError;
use crate::web::events::event_list::{Field, Pager};
use crate::web::events::setting_offers::{OFFERED, Offer, offers};
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::format::{When, matched, span_text};
use crate::web::held::{Held, accepted_link, accepted_text, accepted_title};
use crate::web::notice::{CredentialNotice, Notice, NoticeWords};
use crate::web::overview::Overview;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, see_other};
use crate::web::rows::rejection_row::{REJECTIONS as PATH, RejectionRow, credential_page};

/// How many parts of one address, credential and reason are put together in the view by address.
const MAX_GROUPED: usize = 500;

/// A row of the view by address.
struct Group {
    ip: String,
    credential: String,
    page: String,
    reasons: Vec<(&'static str, String)>,
    count: String,
    first: When,
    last: When,
    /// The same as a list.
    link: String,
}

impl Group {
    fn new(group: &RejectionGroup, filters: &Filters, now: Timestamp) -> Self {
        let ip = group.remote_ip.to_string();
        let reasons = group.reasons.iter().map(|(reason, count)| (reason.title(), grouped(*count)));
        Self {
            credential: escape_invisible(&group.credential_name).into_owned(),
            page: credential_page(group.credential_id),
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
    notice: Option<NoticeWords>,
    held: Vec<Held>,
    offers: Vec<Offer>,
    rows: Vec<RejectionRow>,
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

/// `GET /events/rejections`, and with `group=address` by address
pub(crate) async fn index(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let account = current_user.member.account_id;
    let now = current_user.now();
    let mut conn = current_user.state().store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::of_rejections(&query, &credentials, now, current_user.zone());
    if let Some(address) = filters.exact_address(PATH) {
        return Ok(see_other(&address));
    }
    let clock = (now, current_user.zone());
    let overview = draw(&mut conn, account, &filters, clock).await?;
    let held = list_held(&mut conn, &current_user, &credentials).await?;
    let mut template = Index {
        page: current_user.page("Rejected attempts").at("events", ""),
        overview,
        notice: accepted(&current_user, &credentials),
        held,
        offers: Vec::new(),
        rows: Vec::new(),
        groups: Vec::new(),
        is_cut: false,
        reasons: Vec::new(),
        pager: Pager::default(),
        fields: Vec::new(),
        path: PATH,
        filters,
    };
    if template.filters.error.is_some() {
        return html_invalid(&template);
    }
    let before = Uuid::try_parse(&query.before).ok();
    let reasons = template.list(&mut conn, account, before, clock).await?;
    if template.filters.is_active() || reasons.iter().any(|reason| OFFERED.contains(reason)) {
        let counted = rejections::count_by_reason(&mut conn, account, template.filters.of_refused()).await?;
        template.offers = offers(&counted, &credentials);
        template.overview.found = Some((counted.iter().map(|(.., count)| count).sum(), true));
        template.filters.matches = template.overview.found.map(matched);
    }
    template.reasons = explained(&reasons);
    html(&template)
}

/// Of all requests, or of the refused ones that are searched for.
async fn draw(
    conn: &mut Connection,
    account: AccountId,
    filters: &Filters,
    clock: (Timestamp, &TimeZone),
) -> Result<Overview, StoreError> {
    let is_searched = filters.reason.is_some() || !filters.text.is_empty();
    match is_searched && filters.error.is_none() {
        true => Overview::of_rejections(conn, account, filters, clock).await,
        false => Overview::read(conn, account, filters, clock).await,
    }
}

/// On Free nothing can be accepted, so nothing is asked.
async fn list_held(
    conn: &mut Connection,
    current_user: &SignedIn,
    credentials: &[Credential],
) -> Result<Vec<Held>, StoreError> {
    if !current_user.member.plan.includes_webhooks() {
        return Ok(Vec::new());
    }
    let now = current_user.now();
    Ok(Held::list(&held_events::list(conn, current_user.member.account_id, now).await?, credentials, now))
}

/// What became of late events that were accepted here.
fn accepted(current_user: &SignedIn, credentials: &[Credential]) -> Option<NoticeWords> {
    let (id, accepted) = current_user.take_notice(|notice| match notice {
        Notice::Webhooks((id, CredentialNotice::Accepted(accepted))) => Some((id, accepted)),
        _ => None,
    })?;
    let credential = credentials.iter().find(|credential| credential.id == id)?;
    let title = accepted_title(&accepted, &escape_invisible(&credential.name));
    Some(NoticeWords { link: accepted_link(&accepted, credential), ..NoticeWords::ok(title, accepted_text(&accepted)) })
}

impl Index {
    /// Lists what was refused, as the filters ask, and gives back for which reasons.
    async fn list(
        &mut self,
        conn: &mut Connection,
        account: AccountId,
        before: Option<Uuid>,
        (now, zone): (Timestamp, &TimeZone),
    ) -> Result<Vec<Reason>, PageError> {
        let (filters, filter) = (&self.filters, self.filters.of_refused());
        let mut reasons = Vec::new();
        if filters.by_address {
            let parts = rejections::group_by_address(conn, account, filter, MAX_GROUPED + 1).await?;
            self.is_cut = parts.len() > MAX_GROUPED;
            reasons.extend(parts.iter().flat_map(|part| &part.reasons).map(|(reason, _)| *reason));
            let groups = RejectionGroup::gather(parts);
            self.groups = groups.iter().map(|group| Group::new(group, filters, now)).collect();
        } else {
            let found = rejections::list_causes(conn, account, filter, before, REJECTIONS_PER_PAGE).await?;
            let repeats = found.rows;
            if let Some((newest, last)) = repeats.first().zip(repeats.last()) {
                let oldest_at = repeats.iter().map(|cause| cause.first_at).min().unwrap_or(newest.first_at);
                let older = || filters.links.with(PATH, "before", &last.newest.id.to_string());
                self.pager = Pager {
                    text: span_text(oldest_at, newest.newest.at, now, zone),
                    title: span_text(oldest_at, newest.newest.at, now, &TimeZone::UTC),
                    newer: before.map(|_| filters.links.to(PATH)),
                    older: found.has_older.then(older),
                    further: None,
                };
            }
            reasons.extend(repeats.iter().map(|cause| cause.newest.reason));
            self.rows = repeats.iter().map(|cause| RejectionRow::of_repeats(cause, now)).collect();
        }
        Ok(reasons)
    }
}

/// `GET /events/rejections/export?format=ndjson|csv&bom=1`
pub(crate) async fn download(
    current_user: SignedIn,
    query: web::Query<Query>,
    encoding: web::Query<Encoding>,
) -> Result<HttpResponse, PageError> {
    current_user.count_act()?;
    let format = download::format(&query.format)?;
    let (account, now) = (current_user.member.account_id, current_user.now());
    let store = current_user.state().store.clone();
    let credentials = credentials::list(&mut *store.connection().await?, account).await?;
    let filters = Filters::of_rejections(&query, &credentials, now, &TimeZone::UTC);
    if let Some(problem) = filters.error {
        return Err(PageError::BadRequest(problem));
    }
    let text = filters.of_refused().text.map(str::to_owned);
    let exported = Exported { text, reason: filters.reason, events: filters.filter };
    let permit = current_user.state().export_permits.take(account).map_err(PageError::NoExportPermit)?;
    let export = RejectionExport::begin(store, account, exported, format, &current_user.act()).await?;
    Ok(download::answer(permit.of(export), "rejected", (format, encoding.has_mark()), now).await?)
}
