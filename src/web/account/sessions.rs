//! Settings → Devices: the browsers that are signed in. Each can be signed out from here, and all but this one at once.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::end_session::end_session;
use crate::app::sign_out_elsewhere::sign_out_elsewhere;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::ids::SessionId;
use crate::domain::user_agent::browser_name;
use crate::store::tables::sessions::{self, Seen, SessionRecord};
use crate::web::account::notice_words;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::filter_links::address;
use crate::web::format::When;
use crate::web::notice::{DevicesNotice, Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::{html, see_other};

struct Row {
    id: String,
    device: String,
    agent: String,
    ip: String,
    seen: When,
    since: When,
    is_this: bool,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct Index {
    page: Page,
    rows: Vec<Row>,
    notice: Option<NoticeWords>,
    newer: Option<String>,
    older: Option<String>,
    /// How many browsers may be signed in.
    most: u32,
}

impl Index {
    /// Whether somebody else could be signed out.
    fn has_others(&self) -> bool {
        self.rows.len() > 1 || self.newer.is_some() || self.older.is_some()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    before: String,
}

/// How many browsers a page has.
const ROWS_PER_PAGE: usize = 50;

/// The address of this page.
const PATH: &str = "/settings/sessions";

/// `GET /settings/sessions?before=`
pub(crate) async fn index(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let before = match query.before.as_str() {
        "" => None,
        text => {
            Some(text.parse().map_err(|()| PageError::BadRequest("There is no such place in the list.".to_owned()))?)
        }
    };
    let (user, now) = (current_user.member.user_id, current_user.now());
    let mut conn = current_user.state().store.connection().await?;
    let mut list = sessions::list(&mut conn, user, before, ROWS_PER_PAGE + 1, now).await?;
    let more = list.len() > ROWS_PER_PAGE;
    list.truncate(ROWS_PER_PAGE);
    let last = list.last().filter(|_| more).map(|record| Seen::of(record).to_string());
    let row = |record: SessionRecord| {
        let agent = record.user_agent.unwrap_or_default();
        Row {
            id: record.id.to_string(),
            device: browser_name(&agent),
            agent: escape_invisible(&agent).into_owned(),
            ip: record.remote_ip.map(|ip| ip.to_string()).unwrap_or_default(),
            seen: When::ago(record.last_seen_at, current_user.now()),
            since: When::minute(record.created_at, current_user.now()),
            is_this: current_user.current_user.session_id == Some(record.id),
        }
    };
    let notice = current_user.take_notice(Notice::devices);
    html(&Index {
        page: current_user.page("Devices").at("settings", "sessions"),
        rows: list.into_iter().map(row).collect(),
        notice: notice.map(|notice| notice_words::of_devices(&notice)),
        most: current_user.member.limits().sessions,
        newer: before.map(|_| PATH.to_owned()),
        older: last.map(|last| address(PATH, &[("before", &last)])),
    })
}

/// `POST /settings/sessions/{id}/revocation`
pub(crate) async fn revoke(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id: SessionId = id.parse().map_err(|_| PageError::NotFound)?;
    if !end_session(&current_user.state().store, &current_user.member, id, &current_user.act()).await? {
        return Err(PageError::NotFound);
    }
    if current_user.current_user.session_id == Some(id) {
        current_user.current_user.session.end();
        return Ok(see_other("/login"));
    }
    Ok(current_user.redirect_with(PATH, Notice::Devices(DevicesNotice::One)))
}

/// `POST /settings/other-sessions/ending`
pub(crate) async fn revoke_others(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let kept = current_user.current_user.session_id;
    let ended =
        sign_out_elsewhere(&current_user.state().store, &current_user.member, kept, &current_user.act()).await?;
    Ok(current_user.redirect_with(PATH, Notice::Devices(DevicesNotice::AllOthers(ended))))
}
