//! What stands above the lists: totals, data, senders and bars of the last 24 hours or 30 days, from counts alone. Live pages fetch it by
//! itself now and then.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;

use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::{counts_by_time, credentials};
use crate::web::chart::Chart;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::responses::html;

/// The figures and the picture, for the credential of the filters.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    pub(crate) chart: Chart,
    /// From how many addresses accepted events came.
    pub(crate) senders: String,
}

impl Overview {
    pub(crate) async fn read(
        conn: &mut Connection,
        account: AccountId,
        filters: &Filters,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let (span, credential) = (filters.overview, filters.filter.credential);
        let counted = counts_by_time::overview(conn, account, credential, span.start(now), span.unit()).await?;
        Ok(Self { chart: Chart::draw(&counted.counts, span, now), senders: counted.in_use.words() })
    }
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
    let filters = Filters::new(&query, &credentials, current_user.now()).keeping(current_user.kept_since());
    let overview = Overview::read(&mut conn, account, &filters, current_user.now()).await?;
    html(&Show { overview, filters, path: "/events" })
}
