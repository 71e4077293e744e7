//! What stands above the lists: totals, data, senders and bars of the last 24 hours or 30 days, from counts alone. Live pages fetch it by
//! itself now and then.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;

use crate::domain::grouped::grouped;
use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::counts_by_time::Unit;
use crate::store::tables::{counts_by_time, credentials};
use crate::web::chart::{Chart, Span};
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
        let since = span.start(now);
        let unit = match span {
            Span::Day => Unit::HalfHour,
            Span::Month => Unit::Day,
        };
        let counted = counts_by_time::overview(conn, account, credential, since, unit).await?;
        let in_use = counted.in_use;
        let or_more = if in_use.or_more { "+" } else { "" };
        let senders = format!("{}{or_more}", grouped(in_use.addresses));
        Ok(Self { chart: Chart::draw(&counted.counts, span, now), senders })
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
