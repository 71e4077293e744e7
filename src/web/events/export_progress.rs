//! How far an export is that the reader downloads, in words and as a share, for the page that it was started from.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::app::export_events::Progress;
use crate::web::errors::PageError;
use crate::web::events::exports_under_way::{Report, State};
use crate::web::reader::SignedIn;
use crate::web::shown::{counted, grouped, size};

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

/// `GET /events/export/progress?id=`: `unknown` for what is not the account's own, ended long ago, or is sent by another instance.
pub async fn show(reader: SignedIn, query: web::Query<Asked>) -> Result<HttpResponse, PageError> {
    let name = query.id.parse().ok();
    let report = name.and_then(|name| reader.site().exports.find(reader.member.account_id, &name));
    let told = report.map_or_else(unknown, |report| told(&report));
    let body = serde_json::to_string(&told).map_err(|_| PageError::Internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
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
            Told { state: "running", title: "Exporting events…".to_owned(), text, percent }
        }
        State::Done => Told {
            state: "done",
            title: format!("Done: {written}, {}.", size(bytes)),
            text: "All of it was sent to your browser.".to_owned(),
            percent: Some(100),
        },
        State::BrokenOff => Told {
            state: "broken_off",
            title: format!("The download broke off after {written}."),
            text: "The file isn’t complete. Start the export again.".to_owned(),
            percent: None,
        },
        State::Left => Told {
            state: "left",
            title: format!("The download ended early, after {written}."),
            text: "It was cancelled, or the connection broke. The file isn’t complete.".to_owned(),
            percent: None,
        },
    }
}
