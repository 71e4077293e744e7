//! Events → Delete: what a filter would take, counted first; typing the number is the order. It is counted again before anything goes,
//! so that it is this program's number that was typed, and no form's. What goes on is shown here too.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::app::delete_events::{
    COUNTED_AGAIN_FOR, COUNTED_FOR, begin_deletion, cancel_deletion, carry_out_deletions, count_matching,
};
use crate::domain::deletion::{Deletion, Matching, is_confirmed};
use crate::domain::event::EventId;
use crate::domain::grouped::grouped;
use crate::domain::secret::Secret;
use crate::domain::size::size;
use crate::domain::time::rfc3339;
use crate::store::tables::{credentials, event_deletions};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::format::{When, counted};
use crate::web::forms::Submitted;
use crate::web::notice::{EventDeletionNotice, Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, see_other};

const PATH: &str = "/events/deletion";
/// In an address: what was ordered is shown, and no form.
const RESULT: &str = "result";
/// How much is given back of what was typed, in characters.
const MAX_TYPED_CHARS: usize = 100;
/// How long the page says that a deletion has ended.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(1);

#[derive(Template)]
#[template(path = "events_deletion.html")]
struct Show {
    page: Page,
    /// The filter in words, each part of it.
    description: String,
    back: String,
    /// The page that shows what was ordered.
    result: String,
    export: String,
    filter_error: Option<String>,
    notice: Option<NoticeWords>,
    /// What goes on, or ended last.
    latest: Option<Latest>,
    matching: Option<Shown>,
    /// What was typed, and did not fit.
    typed: Option<String>,
    /// The page is about what was ordered alone.
    is_result: bool,
}

/// A deletion that was ordered, for the page.
struct Latest {
    description: String,
    seen: String,
    deleted: String,
    /// The same with the word: `1 event`.
    events: String,
    is_one: bool,
    is_running: bool,
    is_cancelled: bool,
    is_unreadable: bool,
}

impl Latest {
    fn new(deletion: &Deletion) -> Self {
        Self {
            description: deletion.description.clone(),
            seen: grouped(deletion.seen),
            deleted: grouped(deletion.deleted),
            events: counted(deletion.deleted, "event"),
            is_one: deletion.deleted == 1,
            is_running: deletion.ended_at.is_none(),
            is_cancelled: deletion.cancelled_at.is_some(),
            is_unreadable: deletion.filter.is_none(),
        }
    }
}

/// What would go, for the page and its form.
struct Shown {
    events: String,
    size: String,
    seen: String,
    oldest: Option<When>,
    newest: Option<When>,
    is_whole: bool,
    is_nothing: bool,
    /// What has to be typed.
    asked: String,
    fields: Vec<(&'static str, String)>,
}

impl Shown {
    fn new(found: &Matching, filters: &Filters) -> Self {
        let time = |time: Option<jiff::Timestamp>| time.map(rfc3339).unwrap_or_default();
        Self {
            events: grouped(found.events),
            size: size(found.bytes),
            seen: grouped(found.seen),
            oldest: found.oldest.map(|id| When::exactly(id.received_at())),
            newest: found.newest.map(|id| When::exactly(id.received_at())),
            is_whole: found.is_whole,
            is_nothing: found.is_whole && found.events == 0,
            asked: if found.is_whole { grouped(found.events) } else { found.confirmation() },
            // Ages were counted from when the page was made; the order is about the same events.
            fields: vec![
                ("q", filters.text.clone()),
                ("credential", filters.username().to_owned()),
                ("since", time(filters.filter.since)),
                ("until", time(filters.filter.until)),
                ("end", found.span.end.to_string()),
            ],
        }
    }
}

/// The order.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct Form {
    q: String,
    credential: String,
    since: String,
    until: String,
    /// The end of what was counted.
    end: String,
    confirmation: String,
    /// Read on the way here, when it was needed.
    #[serde(rename = "current_password")]
    _password: Option<Secret>,
}

#[derive(Deserialize)]
pub(crate) struct View {
    result: Option<String>,
}

/// `GET /events/deletion`, with the filters of the list; with `result`, what was ordered and no form, which would be another order.
pub(crate) async fn show(
    current_user: SignedIn,
    query: web::Query<Query>,
    view: web::Query<View>,
) -> Result<HttpResponse, PageError> {
    let asked = if view.result.is_some() { Asked::Result } else { Asked::Form(Refused::default()) };
    let mut template = page(&current_user, &query, asked).await?;
    let notice = current_user.take_notice(Notice::event_deletion);
    template.notice = notice.map(|EventDeletionNotice::OtherIsRunning| {
        NoticeWords::bad("Nothing was ordered.", "Another deletion is going on. Wait until it has ended, or stop it.")
    });
    if template.filter_error.is_some() { html_invalid(&template) } else { html(&template) }
}

/// An order that was not taken: what was typed, and what was counted instead.
#[derive(Default)]
struct Refused {
    typed: Option<String>,
    counted: Option<Matching>,
}

/// What the page shows.
enum Asked {
    Form(Refused),
    Result,
}

async fn page(current_user: &SignedIn, query: &Query, asked: Asked) -> Result<Show, PageError> {
    let (account, store) = (current_user.member.account_id, &current_user.state().store);
    let mut conn = store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::in_zone(query, &credentials, current_user.now(), current_user.zone())
        .keeping(current_user.kept_since());
    let latest = event_deletions::find_latest(&mut conn, account).await?;
    drop(conn);
    let latest =
        latest.filter(|deletion| deletion.ended_at.is_none_or(|at| current_user.now().duration_since(at) < TOLD_FOR));
    let is_running = latest.as_ref().is_some_and(|deletion| deletion.ended_at.is_none());
    let is_result = matches!(asked, Asked::Result);
    let (matching, typed) = match asked {
        Asked::Form(Refused { typed, counted }) if filters.error.is_none() && !is_running => {
            let counted = match counted {
                Some(counted) => counted,
                None => count_matching(store, account, &filters.filter, None, COUNTED_FOR).await?,
            };
            (Some(counted), typed)
        }
        Asked::Form(Refused { typed, .. }) => (None, typed),
        Asked::Result => (None, None),
    };
    Ok(Show {
        page: current_user.page("Delete events").at("events", ""),
        description: description(&filters),
        back: filters.links.to("/events"),
        result: filters.links.with(PATH, RESULT, "1"),
        export: filters.links.with("/events/export", "format", "ndjson"),
        matching: matching.map(|found| Shown::new(&found, &filters)),
        filter_error: filters.error,
        notice: None,
        latest: latest.as_ref().map(Latest::new),
        typed,
        is_result,
    })
}

fn description(filters: &Filters) -> String {
    let words = filters.description();
    if words.is_empty() { "all events".to_owned() } else { words }
}

/// `POST /events/deletion`, behind the question for the password.
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(form): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let Form { q, credential, since, until, end, confirmation, .. } = form;
    let query = Query { q, credential, since, until, ..Query::default() };
    let (account, store) = (current_user.member.account_id, &current_user.state().store);
    let credentials = credentials::list(&mut *store.connection().await?, account).await?;
    let filters = Filters::in_zone(&query, &credentials, current_user.now(), current_user.zone())
        .keeping(current_user.kept_since());
    let typed = Some(confirmation.chars().take(MAX_TYPED_CHARS).collect());
    let end = end.parse::<EventId>().ok();
    if end.is_none() || filters.error.is_some() {
        return html_invalid(&page(&current_user, &query, Asked::Form(Refused { typed, counted: None })).await?);
    }
    // Not what has arrived since the page was made: nobody has seen that. What came into the same span late is counted now.
    let counted = count_matching(store, account, &filters.filter, end, COUNTED_AGAIN_FOR).await?;
    if !is_confirmed(&counted.confirmation(), &confirmation) {
        return html_invalid(
            &page(&current_user, &query, Asked::Form(Refused { typed, counted: Some(counted) })).await?,
        );
    }
    let act = current_user.act();
    let ordered = begin_deletion(current_user.acting(&act), &filters.filter, &counted, &description(&filters)).await?;
    if !ordered {
        return Ok(current_user.redirect_with(PATH, Notice::EventDeletion(EventDeletionNotice::OtherIsRunning)));
    }
    let (store, clock) = (store.clone(), current_user.state().clock.clone());
    // Nobody has to wait for this. What is left when the program ends, another one goes on with.
    current_user.state().store.spawn(async move {
        if let Err(error) = carry_out_deletions(&store, || clock.now()).await {
            tracing::warn!(%error, "deletions of events were interrupted; they go on in a minute");
        }
    });
    Ok(see_other(&filters.links.with(PATH, RESULT, "1")))
}

/// `POST /events/deletion/cancellation`
pub(crate) async fn cancel(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    cancel_deletion(&current_user.state().store, &current_user.member, &current_user.act()).await?;
    Ok(see_other(&format!("{PATH}?{RESULT}=1")))
}
