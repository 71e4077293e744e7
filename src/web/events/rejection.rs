//! One refused request and its repeats: what happened, and the next step beside it.

use actix_web::{HttpResponse, web};
use askama::Template;
use uuid::Uuid;

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::listing::EventFilter;
use crate::domain::masked::masked;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::rejection_group::RejectionFilter;
use crate::domain::size::size;
use crate::store::tables::rejections;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::filter_links::address;
use crate::web::format::When;
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::rows::rejection_row::{REJECTIONS, RejectionRow};

/// How many repeats are listed.
const LISTED: usize = 20;

#[derive(Template)]
#[template(path = "rejection.html")]
struct Show {
    page: Page,
    row: RejectionRow,
    reason: Reason,
    at: When,
    username: String,
    /// Of the password that was sent, where it was one of the credential's.
    password: Option<String>,
    size: Option<String>,
    /// When there were such requests, and how many at once.
    repeats: Vec<(When, String)>,
    /// Where all of this cause are.
    all: String,
}

/// `GET /events/rejections/{id}`
pub(crate) async fn show(current_user: SignedIn, id: web::Path<Uuid>) -> Result<HttpResponse, PageError> {
    let (account, now) = (current_user.member.account_id, current_user.now());
    let mut conn = current_user.state().store.connection().await?;
    let rejection = rejections::find(&mut conn, account, *id).await?.ok_or(PageError::NotFound)?;
    let ip = rejection.remote_ip.to_string();
    let of_credential = EventFilter { credential: Some(rejection.credential_id), ..EventFilter::default() };
    let cause = RejectionFilter { events: &of_credential, text: Some(&ip), reason: Some(rejection.reason) };
    let repeats = rejections::list(&mut conn, account, cause, None, LISTED).await?.rows;
    drop(conn);
    let at = |one: &Rejection| (When::exactly(one.at), grouped(one.count.into()));
    let asked = [("q", ip.as_str()), ("credential", &rejection.username), ("reason", rejection.reason.as_str())];
    html(&Show {
        page: current_user.page(rejection.title()).at("events", ""),
        row: RejectionRow::new(&rejection, now),
        reason: rejection.reason,
        at: When::exactly(rejection.at),
        username: escape_invisible(&rejection.username).into_owned(),
        password: rejection.hint.as_deref().map(masked),
        size: rejection.size_bytes.map(size),
        repeats: repeats.iter().map(at).collect(),
        all: address(REJECTIONS, &asked),
    })
}
