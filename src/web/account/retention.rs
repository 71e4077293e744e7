//! Settings → Stored events: how much is stored, how long it is kept, and what goes next.

use actix_web::HttpResponse;
use askama::Template;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::app::choose_when_full::choose_when_full;
use crate::domain::account_limits::WhenFull;
use crate::domain::event::EventId;
use crate::domain::grouped::grouped;
use crate::domain::retention::Retention;
use crate::domain::size::size;
use crate::store::scan::look::oldest;
use crate::store::tables::{event_removals, partitions};
use crate::web::account::notice_words;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::Submitted;
use crate::web::notice::{Notice, NoticeWords, StoredEventsNotice};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid};

#[derive(Template)]
#[template(path = "retention.html")]
struct Show {
    page: Page,
    days: String,
    installation_days: String,
    is_shortened: bool,
    events: String,
    size: String,
    oldest: Option<When>,
    /// When the oldest event leaves the disk, at the earliest.
    next: Option<When>,
    /// When it is no longer shown, where that is before.
    hidden: Option<When>,
    /// Of how many, and of how much, where there is a limit.
    most_events: Option<String>,
    /// What the limit of bytes is for.
    size_with_headers: String,
    most_size: Option<String>,
    limit: Option<Limit>,
    notice: Option<NoticeWords>,
}

/// What happens when storage is full.
struct Limit {
    deletes_oldest: bool,
    /// New events are refused now.
    is_full: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    when_full: String,
}

/// The address of this page.
const PATH: &str = "/settings/events";

fn days(number: u32) -> String {
    if number == 1 { "1 day".to_owned() } else { format!("{} days", grouped(u64::from(number))) }
}

/// `GET /settings/events`
pub(crate) async fn show(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let notice = current_user.take_notice(Notice::stored_events);
    html(&read(&current_user, notice.map(|notice| notice_words::of_stored_events(&notice))).await?)
}

async fn read(current_user: &SignedIn, notice: Option<NoticeWords>) -> Result<Show, PageError> {
    let (account, now) = (current_user.member.account_id, current_user.now());
    let retention = current_user.retention();
    let mut conn = current_user.state().store.connection().await?;
    let kept_since = retention.kept_since(now);
    let stored = event_removals::stored_between(&mut conn, account, kept_since, None).await?;
    let shown_since = if retention.is_shortened() { kept_since } else { jiff::Timestamp::UNIX_EPOCH };
    let oldest = oldest(&mut conn, account, EventId::first_of(shown_since)).await?;
    let oldest = oldest.map(EventId::received_at);
    let goes_at = |time: jiff::Timestamp| goes_at(time, retention);
    let storage = current_user.member.limits().storage;
    let limit = storage.any().then(|| Limit {
        deletes_oldest: current_user.member.when_full == WhenFull::DeleteOldest,
        is_full: current_user.state().engine.full_accounts.contains(account),
    });
    Ok(Show {
        page: current_user.page("Stored events").at("settings", "events"),
        days: days(retention.days()),
        installation_days: days(retention.installation_days),
        is_shortened: retention.is_shortened(),
        events: grouped(stored.events),
        size: size(stored.bytes),
        size_with_headers: size(stored.bytes + stored.header_bytes),
        oldest: oldest.map(When::exactly),
        hidden: oldest.filter(|_| retention.is_shortened()).map(|time| When::minute(after(time, retention), now)),
        next: oldest.map(|time| When::minute(goes_at(time), now)),
        most_events: storage.events.map(grouped),
        most_size: storage.bytes.map(size),
        limit,
        notice,
    })
}

/// `POST /settings/events/when-full`
pub(crate) async fn choose(
    current_user: SignedIn,
    Submitted(form): Submitted<Choice>,
) -> Result<HttpResponse, PageError> {
    let Ok(choice) = form.when_full.parse() else {
        let notice = NoticeWords::bad("Choose what should happen.", "Nothing was changed.");
        return html_invalid(&read(&current_user, Some(notice)).await?);
    };
    choose_when_full(current_user.acting(&current_user.act()), choice).await?;
    Ok(current_user.redirect_with(PATH, Notice::StoredEvents(StoredEventsNotice::WhenFull)))
}

fn after(time: jiff::Timestamp, retention: Retention) -> jiff::Timestamp {
    let kept = SignedDuration::from_hours(24 * i64::from(retention.days()));
    time.saturating_add(kept).unwrap_or(jiff::Timestamp::MAX)
}

/// Events leave the disk with the whole week in which they arrived; those that an account keeps shorter, by themselves, once their
/// week is over.
fn goes_at(time: jiff::Timestamp, retention: Retention) -> jiff::Timestamp {
    let week_over = partitions::end_of_week(time);
    if retention.is_shortened() {
        after(time, retention).max(after(week_over, Retention { installation_days: 1, account_days: None }))
    } else {
        after(week_over, retention)
    }
}
