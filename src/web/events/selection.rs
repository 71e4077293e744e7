//! Events that were selected in the list, by their ids: deleted after a question, or exported.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::delete_events_by_id::delete_events_by_id;
use crate::domain::event::EventId;
use crate::domain::listing::EventFilter;
use crate::store::tables::{credentials, events};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::format::counted;
use crate::web::forms::Submitted;
use crate::web::notice::{EventsNotice, Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::rows::event_row::EventRow;

const LIST: &str = "/events";
/// How many may be selected at once.
const MAX_SELECTED: usize = 100;

/// The fields of a form or an address, in which `id` stands once for each event.
type Pairs = Vec<(String, String)>;

/// The selected events as far as they are kept; `None` where none is named. An id that cannot be read is not passed over: without it,
/// more might be meant than was selected.
fn selected(current_user: &SignedIn, pairs: &Pairs) -> Result<Option<Vec<EventId>>, PageError> {
    let named = pairs.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.parse::<EventId>());
    let unknown = |_| PageError::BadRequest("An ID that was selected is not the ID of an event.".to_owned());
    let ids = named.collect::<Result<BTreeSet<EventId>, _>>().map_err(unknown)?;
    if ids.len() > MAX_SELECTED {
        return Err(PageError::BadRequest(format!("Select at most {MAX_SELECTED} events at once.")));
    }
    let is_named = !ids.is_empty();
    let kept = ids.into_iter().filter(|id| current_user.require_kept(*id).is_ok());
    Ok(is_named.then(|| kept.collect()))
}

/// What an export is of, where events were selected: these and no others, whatever the filters of the list are by now.
pub(crate) fn selected_filter(current_user: &SignedIn, pairs: &Pairs) -> Result<Option<EventFilter>, PageError> {
    let ids = selected(current_user, pairs)?;
    Ok(ids.map(|ids| EventFilter { ids: Some(ids), ..EventFilter::default() }))
}

#[derive(Template)]
#[template(path = "events_selected.html")]
struct Confirm {
    page: Page,
    filters: Filters,
    /// `3 events`.
    count: String,
    rows: Vec<EventRow>,
}

/// `GET /events/selection/deletion`, with an `id` for each event and the filters of the list.
pub(crate) async fn confirm_deletion(
    current_user: SignedIn,
    query: web::Query<Query>,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse, PageError> {
    let ids = selected(&current_user, &pairs)?.unwrap_or_default();
    let (account, now) = (current_user.member.account_id, current_user.now());
    let mut conn = current_user.state().store.connection().await?;
    let found = events::list_summaries(&mut conn, account, &ids).await?;
    if found.is_empty() {
        drop(conn);
        return back_to_list(&current_user, &query, EventsNotice::NoneSelected).await;
    }
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::new(&query, &credentials, now);
    html(&Confirm {
        page: current_user.page("Delete events").at("events", ""),
        count: counted(found.len() as u64, "event"),
        rows: found.iter().map(|event| EventRow::new(event, &filters, now)).collect(),
        filters,
    })
}

/// `POST /events/selection/deletion`, and back to the list as it was.
pub(crate) async fn delete(
    current_user: SignedIn,
    Submitted(pairs): Submitted<Pairs>,
) -> Result<HttpResponse, PageError> {
    let ids = selected(&current_user, &pairs)?.unwrap_or_default();
    let deleted = delete_selected(&current_user, &ids).await?;
    let notice = if deleted == 0 { EventsNotice::NoneSelected } else { EventsNotice::Deleted(deleted) };
    back_to_list(&current_user, &Query::of(pairs), notice).await
}

/// Deletes events, unless so many were deleted lately that the password has to be given first; how many they were.
pub(crate) async fn delete_selected(current_user: &SignedIn, ids: &[EventId]) -> Result<usize, PageError> {
    let (deletions, account) = (&current_user.state().deletions_by_account, current_user.member.account_id);
    for _ in ids {
        if deletions.wait(&account, current_user.now()).is_some() {
            current_user.require_recent_password()?;
        }
        deletions.note_failure(&account, current_user.now());
    }
    let act = current_user.act();
    Ok(delete_events_by_id(current_user.acting(&act), ids).await?)
}

/// To the page of the list that an act began on, which tells what was done.
pub(crate) async fn back_to_list(
    current_user: &SignedIn,
    query: &Query,
    notice: EventsNotice,
) -> Result<HttpResponse, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let credentials = credentials::list(&mut conn, current_user.member.account_id).await?;
    drop(conn);
    let filters = Filters::new(query, &credentials, current_user.now());
    Ok(current_user.redirect_with(&filters.here(LIST), Notice::Events(notice)))
}

/// The words of what was done.
pub(crate) fn notice_words(notice: &EventsNotice) -> NoticeWords {
    match notice {
        EventsNotice::Deleted(1) => NoticeWords::ok("The event is deleted.", "The totals keep counting it."),
        EventsNotice::Deleted(number) => {
            let title = format!("{} are deleted.", counted(*number as u64, "event"));
            NoticeWords::ok(title, "The totals keep counting them.")
        }
        EventsNotice::SearchSaved => NoticeWords::ok("The search is saved.", "Everyone in the account can open it."),
        EventsNotice::SearchDeleted => NoticeWords::ok("The saved search is deleted.", ""),
        EventsNotice::NoneSelected => {
            NoticeWords::bad("Nothing was deleted.", "No event was selected, or those that were are gone already.")
        }
    }
}
