//! What the Webhooks page says about the act that led to it.

use jiff::Timestamp;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::EventId;
use crate::domain::ids::CredentialId;
use crate::domain::time::ago;
use crate::web::format::grouped;
use crate::web::webhooks::dialogs::Query;

/// A word on what was just done.
pub struct Notice {
    pub kind: &'static str,
    pub title: String,
    pub text: String,
    pub link: Option<(String, &'static str)>,
}

/// A word on what was just done, said on the page that follows.
pub fn notice(query: &Query, all: &[Credential], now: Timestamp) -> Option<Notice> {
    let done = query.done.as_deref()?;
    let named = query.credential.and_then(|id| all.iter().find(|c| c.id == CredentialId(id)));
    let name = named.map(|credential| escape_invisible(&credential.name).into_owned()).unwrap_or_default();
    let (kind, title, text) = match done {
        "disabled" => ("ok", format!("{name} is disabled."), "Its senders now get 401. Enable it to take that back."),
        "enabled" => ("ok", format!("{name} is enabled."), "Its senders are accepted again."),
        "revoked" => ("ok", format!("{name} is revoked."), "Its passwords stopped working at once, for good."),
        "holding" => (
            "ok",
            format!("Late events of {name} are held."),
            "What comes with an expired password waits for you for 7 days.",
        ),
        "not-holding" => (
            "ok",
            format!("Late events of {name} are no longer held."),
            "What comes with an expired password is refused and gone.",
        ),
        "discarded" => ("ok", format!("The late events of {name} are discarded."), "They’re gone for good."),
        "renamed" => ("ok", format!("The credential is called {name} now."), "Senders notice nothing."),
        "stopped" => ("ok", format!("The old password of {name} has stopped."), "Requests with it now get 401."),
        "dated" => {
            ("ok", format!("The password of {name} has an expiry date."), "This page warns 14, 7 and 1 day ahead.")
        }
        "undated" => {
            ("ok", format!("The password of {name} has no expiry date."), "It works until you rotate or revoke it.")
        }
        "nothing-dated" => (
            "bad",
            format!("No password of {name} works any more."),
            "What has expired is not brought back. Rotate the credential for a new one.",
        ),
        "extended" => (
            "ok",
            format!("The old password of {name} works longer."),
            "An overlap can be extended once, so its senders have to have the new one by then.",
        ),
        "not-extended" => (
            "bad",
            format!("The overlap of {name} stays as it is."),
            "It has ended, or was extended before, which is possible once.",
        ),
        "refused" => (
            "bad",
            format!("The test event for {name} was refused."),
            "The credential is disabled or revoked, or its password has expired, so senders get 401 too.",
        ),
        "accepted" => {
            let events = format!("/events?credential={}", named?.username);
            return Some(accepted(query, &name, events));
        }
        "tested" => {
            let id = EventId(query.event?);
            let ms = query.ms.unwrap_or(0);
            let title = format!("The test event for {name} was stored in {ms} ms.");
            let text = format!("It arrived {}.", ago(id.received_at(), now));
            return Some(Notice { kind: "ok", title, text, link: Some((format!("/events/{id}"), "View event")) });
        }
        _ => return None,
    };
    named?;
    Some(Notice { kind, title, text: text.to_owned(), link: None })
}

/// What became of late events that were accepted.
fn accepted(query: &Query, name: &str, events: String) -> Notice {
    let number = |number: Option<u64>| number.unwrap_or(0);
    let (stored, repeated, too_old) = (number(query.stored), number(query.repeated), number(query.too_old));
    if stored + repeated + too_old == 0 {
        let text = "Somebody decided about them before, or the time to do so is over.".to_owned();
        return Notice { kind: "ok", title: format!("No late events of {name} were left."), text, link: None };
    }
    let title = match stored {
        1 => format!("1 late event of {name} is stored."),
        _ => format!("{} late events of {name} are stored.", grouped(stored)),
    };
    let mut text = "Late events stand where they first arrived.".to_owned();
    if repeated > 0 {
        text.push_str(&format!(" {} had been stored before, under the same idempotency key.", grouped(repeated)));
    }
    if too_old > 0 {
        let are = if too_old == 1 {
            "was older than events are kept, and is"
        } else {
            "were older than events are kept, and are"
        };
        text.push_str(&format!(" {} {are} gone.", grouped(too_old)));
    }
    if query.more == Some(1) {
        text.push_str(" There are so many that this took a while. Accept again to store the rest.");
    }
    Notice { kind: "ok", title, text, link: Some((events, "View events")) }
}
