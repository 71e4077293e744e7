//! Downloads of the events that the current filters find.

use actix_web::{HttpResponse, web};

use crate::app::export_events::Export;
use crate::domain::query::columns::Fields;
use crate::store::tables::credentials;
use crate::web::current_user::SignedIn;
use crate::web::download::{Encoding, answer, format};
use crate::web::errors::PageError;
use crate::web::events::event_list;
use crate::web::events::selection::selected_filter;
use crate::web::filters::list_filters::{Filters, Query};

/// `GET /events/export?format=ndjson|csv&bom=1`, of what the filters find, or of those that an `id` names each. All that was received leaves in one file, so its route asks for the account password.
pub(crate) async fn download(
    current_user: SignedIn,
    query: web::Query<Query>,
    encoding: web::Query<Encoding>,
    pairs: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    current_user.count_act()?;
    let format = format(&query.format)?;
    // The list of events says what is wrong with columns that name no field.
    let Ok(fields) = query.typed_fields().parse::<Fields>() else {
        return event_list::index(current_user, query).await;
    };
    let (account, now) = (current_user.member.account_id, current_user.now());
    let credentials = credentials::list(&mut *current_user.state().store.connection().await?, account).await?;
    let selected = selected_filter(&current_user, &pairs)?;
    let filters = Filters::new(&query, &credentials, now).keeping(current_user.kept_since());
    if let Some(problem) = filters.error.filter(|_| selected.is_none()) {
        return Err(PageError::BadRequest(problem));
    }
    let state = current_user.state();
    let permit = state.export_permits.take(account).map_err(PageError::NoExportPermit)?;
    let filter = selected.unwrap_or(filters.filter);
    let export = Export::begin(&state.store, account, filter, (format, fields), &current_user.act()).await?;
    Ok(answer(permit.of(export), "events", (format, encoding.has_mark()), now).await?)
}
