//! Saved searches: the filters of the list of events, kept by a name for everybody in the account.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use uuid::Uuid;

use crate::store::tables::credentials;
use crate::store::tables::saved_searches::{self, MAX_SAVED, SavedSearch};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::events::event_list::{PATH, answer};
use crate::web::events::saved_dialog::{Failed, MAX_NAME_CHARS};
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::forms::Submitted;
use crate::web::notice::{EventsNotice, Notice};

/// How long the filters may be as an address carries them, in bytes: all of an account are links of one dialog.
const MAX_FILTERS_BYTES: usize = 1_000;

/// The name beside the filters, which are fields of the same form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    name: String,
    #[serde(flatten)]
    filters: Query,
}

/// `POST /events/searches`
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(input): Submitted<Input>,
) -> Result<HttpResponse, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let account = current_user.member.account_id;
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::new(&input.filters, &credentials, current_user.now());
    let name = input.name.trim();
    // PostgreSQL keeps no NUL in a text.
    let is_name = !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS && !name.contains('\0');
    let search = SavedSearch { id: Uuid::new_v4(), name: name.to_owned(), filters: filters.saved_as() };
    let error = if !is_name {
        format!("Give it a name of 1 to {MAX_NAME_CHARS} characters.")
    } else if search.filters.is_empty() || filters.error.is_some() {
        "Search for something, or choose a credential or a time range, then save it.".to_owned()
    } else if search.filters.len() > MAX_FILTERS_BYTES {
        format!("This search is too long to be saved: its address has more than {MAX_FILTERS_BYTES} characters.")
    } else if saved_searches::save(&mut conn, account, &search).await? {
        let notice = Notice::Events(EventsNotice::SearchSaved);
        return Ok(current_user.redirect_with(&filters.links.to(PATH), notice));
    } else {
        format!("You’ve reached the limit of {MAX_SAVED} saved searches. Delete one that you no longer need.")
    };
    drop(conn);
    answer(&current_user, input.filters, Some(Failed { name: input.name, error })).await
}

/// `POST /events/searches/{id}/deletion`
pub(crate) async fn delete(
    current_user: SignedIn,
    id: web::Path<Uuid>,
    Submitted(filters): Submitted<Query>,
) -> Result<HttpResponse, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    if !saved_searches::delete(&mut conn, current_user.member.account_id, *id).await? {
        return Err(PageError::NotFound);
    }
    let back = Filters::new(&filters, &[], current_user.now()).links.to(PATH);
    Ok(current_user.redirect_with(&back, Notice::Events(EventsNotice::SearchDeleted)))
}
