//! The overview of the list of events, which live pages fetch by itself now and then.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::store::tables::credentials;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::overview::Overview;
use crate::web::responses::html;

/// The overview of the list of events: of a search, where there is one.
pub(crate) async fn of_list(current_user: &SignedIn, filters: &Filters) -> Result<Overview, PageError> {
    let (account, store) = (current_user.member.account_id, &current_user.state().store);
    let clock = (current_user.now(), current_user.zone());
    if filters.filter.query.is_some() && filters.error.is_none() {
        return Ok(Overview::search(store, account, filters, clock).await?);
    }
    Ok(Overview::read(&mut *store.connection().await?, account, filters, clock).await?)
}

#[derive(Template)]
#[template(path = "totals.html")]
struct Show {
    overview: Overview,
    filters: Filters,
    path: &'static str,
}

/// `GET /events/overview`
pub(crate) async fn show(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let account = current_user.member.account_id;
    let mut conn = current_user.state().store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::in_zone(&query, &credentials, current_user.now(), current_user.zone())
        .keeping(current_user.kept_since());
    drop(conn);
    let overview = of_list(&current_user, &filters).await?;
    html(&Show { overview, filters, path: "/events" })
}
