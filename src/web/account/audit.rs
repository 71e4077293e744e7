//! Settings → Audit trail: who did what, when, from where; filtered, paged, and as a download.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::app::export_audit::AuditExport;
use crate::domain::audit::{Action, AuditFilter};
use crate::domain::event::EventId;
use crate::store::scan::audit_scan::{FoundLines, look};
use crate::store::scan::budget::Budget;
use crate::store::scan::searching::search;
use crate::store::tables::audit::AuditSpan;
use crate::web::current_user::SignedIn;
use crate::web::download::{self, Encoding};
use crate::web::errors::PageError;
use crate::web::filters::filter_choices::Choice;
use crate::web::filters::filter_links::address;
use crate::web::format::When;
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::rows::audit_row::AuditRow;

/// How many lines a page has.
const LINES_PER_PAGE: usize = 50;
/// How many lines a search looks at for one page, whether they pass or not.
const MAX_SEARCHED: u64 = 200_000;
/// The longest text that is searched for, in characters.
const MAX_TEXT_CHARS: usize = 200;

const PATH: &str = "/settings/audit";
const EXPORT_PATH: &str = "/settings/audit/export";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    action: String,
    subject: String,
    before: Option<Uuid>,
    format: String,
}

impl Query {
    fn subject(&self) -> String {
        self.subject.trim().chars().take(MAX_TEXT_CHARS).collect()
    }

    /// What is asked for. An action is chosen from a list, so an unknown one is no slip of a reader.
    fn filter(&self) -> Result<AuditFilter, PageError> {
        let action = match self.action.as_str() {
            "" => None,
            word => Some(word.parse().map_err(|_| PageError::BadRequest("There is no such action.".to_owned()))?),
        };
        Ok(AuditFilter { action, subject: Some(self.subject()).filter(|text| !text.is_empty()) })
    }

    /// An address with these filters and one thing more.
    fn link(&self, path: &str, name: &str, value: &str) -> String {
        address(path, &[("action", &self.action), ("subject", &self.subject()), (name, value)])
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Index {
    page: Page,
    path: &'static str,
    rows: Vec<AuditRow>,
    actions: Vec<Choice>,
    subject: String,
    is_filtered: bool,
    ndjson: String,
    csv: String,
    newer: Option<String>,
    older: Option<String>,
    further: Option<Further>,
}

/// A search that is not at its end: how far back it looked, and where it goes on.
struct Further {
    link: String,
    looked_to: When,
}

/// `GET /settings/audit?action=&subject=&before=`
pub(crate) async fn index(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let filter = query.filter()?;
    let FoundLines { mut lines, looked_to } = list_found(&current_user, &filter, query.before).await?;
    let more = lines.len() > LINES_PER_PAGE;
    lines.truncate(LINES_PER_PAGE);
    let older = lines.last().filter(|_| more).map(|(id, _)| query.link(PATH, "before", &id.to_string()));
    let zone = current_user.zone();
    let further = looked_to.filter(|_| !more).map(|id| Further {
        link: query.link(PATH, "before", &id.to_string()),
        looked_to: When::minute(EventId(id).received_at(), current_user.now()),
    });
    html(&Index {
        page: current_user.page("Audit trail").at("settings", "audit"),
        path: PATH,
        rows: lines.into_iter().map(|(_, entry)| AuditRow::new(entry, current_user.now(), zone)).collect(),
        actions: choices(filter.action),
        subject: query.subject(),
        is_filtered: !filter.is_empty(),
        ndjson: query.link(EXPORT_PATH, "format", "ndjson"),
        csv: query.link(EXPORT_PATH, "format", "csv"),
        newer: query.before.map(|_| query.link(PATH, "", "")),
        older,
        further,
    })
}

/// The lines of the page and one more, if there is one. A search waits for its turn, and ends when its reader has gone.
async fn list_found(
    current_user: &SignedIn,
    filter: &AuditFilter,
    before: Option<Uuid>,
) -> Result<FoundLines, PageError> {
    let (store, account) = (&current_user.state().store, current_user.member.account_id);
    let (span, want) = (AuditSpan::newest_first(before), LINES_PER_PAGE + 1);
    let budget = Budget { rows: MAX_SEARCHED, ..Budget::PAGE }.beside(store.pacing());
    if filter.is_empty() {
        return Ok(look(&mut *store.connection().await?, account, filter, span, want, budget).await?);
    }
    Ok(search(store, account, async |conn: &mut _| look(conn, account, filter, span, want, budget).await).await?)
}

fn choices(chosen: Option<Action>) -> Vec<Choice> {
    let all = Choice { value: String::new(), label: "All actions".to_owned(), selected: chosen.is_none() };
    let each = Action::ALL.iter().map(|action| Choice {
        value: action.as_str().to_owned(),
        label: action.sentence().to_owned(),
        selected: chosen == Some(*action),
    });
    std::iter::once(all).chain(each).collect()
}

/// `GET /settings/audit/export?format=ndjson|csv&bom=1` and the filters of the page. What was done leaves in one file, so its route asks for
/// the account password.
pub(crate) async fn download(
    current_user: SignedIn,
    query: web::Query<Query>,
    encoding: web::Query<Encoding>,
) -> Result<HttpResponse, PageError> {
    current_user.count_act()?;
    let format = download::format(&query.format)?;
    let (store, account) = (current_user.state().store.clone(), current_user.member.account_id);
    let export = AuditExport::begin(store, account, query.filter()?, format, &current_user.act()).await?;
    download::answer(export, "audit", (format, encoding.has_mark()), current_user.now()).await
}
