//! Autocompletion of the search field: what could follow what somebody typed, from the newest events.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::computing::compute;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::completion::complete;
use crate::domain::query::parse::MAX_CHARS;
use crate::store::scan::span::Span;
use crate::store::tables::{credentials, events};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;

/// How many events offers are made from.
const SAMPLES: i64 = 100;
/// How much of each body is read for that, in characters.
const READ_OF_EACH: i32 = 4_096;

/// What was typed before the caret.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    q: String,
}

/// Offers, and the character from which each replaces what was typed.
#[derive(Serialize)]
struct Completions {
    from: usize,
    offers: Vec<Completion>,
}

#[derive(Serialize)]
struct Completion {
    text: String,
    /// The same with hidden characters made visible.
    label: String,
    /// How many of the newest events have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

/// `GET /events/completions`
pub(crate) async fn index(current_user: SignedIn, typed: web::Query<Typed>) -> Result<HttpResponse, PageError> {
    let account = current_user.member.account_id;
    let before: String = typed.q.chars().take(MAX_CHARS).collect();
    let kept = EventFilter { since: current_user.kept_since(), ..EventFilter::default() };
    let mut conn = current_user.state().store.connection().await?;
    let span = Span::at(&kept, Cursor::Newest);
    let samples = events::list_samples(&mut conn, account, span, (SAMPLES, READ_OF_EACH)).await?;
    let credentials = credentials::list(&mut conn, account).await?;
    drop(conn);
    let names =
        credentials.into_iter().flat_map(|credential| [credential.name, credential.username]).collect::<Vec<_>>();
    let found = compute(account, move |_| complete(&before, &samples, &names)).await?;
    let offers = found.offers.into_iter().map(|offer| Completion {
        label: escape_invisible(offer.text.trim_end()).into_owned(),
        text: offer.text,
        count: offer.count,
    });
    Ok(HttpResponse::Ok().json(Completions { from: found.from, offers: offers.collect() }))
}
