//! How far an export is that the reader downloads, in words and as a share, for the page that it was started from.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::domain::export_progress::{ExportName, Progress, Report, State};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::events::progress_notes;
use crate::web::format::{counted, grouped, size};

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    id: String,
}

/// The answer, for the script of the page.
#[derive(Debug, PartialEq, Serialize)]
struct Told {
    /// `running`, `done`, `broken_off`, `left` or `unknown`.
    state: &'static str,
    title: String,
    text: String,
    /// How much of it has been looked at, where that is known.
    percent: Option<u64>,
}

/// `GET /events/export/progress?id=`: `unknown` for what is not the account's own, or ended long ago.
pub async fn show(current_user: SignedIn, query: web::Query<Asked>) -> Result<HttpResponse, PageError> {
    let report = match query.id.parse().ok() {
        Some(name) => find(&current_user, &name).await?,
        None => None,
    };
    let told = report.map_or_else(unknown, |report| told(&report));
    let body = serde_json::to_string(&told).map_err(|_| PageError::Internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}

/// What this program knows, as it sends the export itself, or else what another instance wrote down.
async fn find(current_user: &SignedIn, name: &ExportName) -> Result<Option<Report>, PageError> {
    let (state, account) = (current_user.state(), current_user.member.account_id);
    match state.exports.find(account, name) {
        Some(report) => Ok(Some(report)),
        None => Ok(progress_notes::find(&state.store, account, name, current_user.now()).await?),
    }
}

fn unknown() -> Told {
    Told { state: "unknown", title: String::new(), text: String::new(), percent: None }
}

fn told(report: &Report) -> Told {
    let Progress { seen, expected, events, bytes } = report.progress;
    let written = counted(events, "event");
    match report.state {
        State::Running => {
            // The end is near at most, as long as it is not there: the counts are about as many as there are.
            let percent = (seen * 100).checked_div(expected).map(|percent| percent.min(99));
            let share = percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
            let of = grouped(expected.max(seen));
            let text = if events == seen {
                format!("{} of about {of} events{share}", grouped(events))
            } else {
                format!("{written} found, looked at {} of about {of}{share}", grouped(seen))
            };
            Told { state: report.state.name(), title: "Exporting events…".to_owned(), text, percent }
        }
        State::Done => Told {
            state: report.state.name(),
            title: format!("Done: {written}, {}.", size(bytes)),
            text: "All of it was sent to your browser.".to_owned(),
            percent: Some(100),
        },
        State::BrokenOff => Told {
            state: report.state.name(),
            title: format!("The download broke off after {written}."),
            text: "The file isn’t complete. Start the export again.".to_owned(),
            percent: None,
        },
        State::Left => Told {
            state: report.state.name(),
            title: format!("The download ended early, after {written}."),
            text: "It was cancelled, or the connection broke. The file isn’t complete.".to_owned(),
            percent: None,
        },
    }
}
