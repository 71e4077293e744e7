//! The words of a notice on the Webhooks page.

use jiff::Timestamp;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::expiry::NEVER;
use crate::domain::ids::CredentialId;
use crate::domain::sender_settings::SenderSettings;
use crate::domain::time::utc;
use crate::web::held::{GONE_ALREADY, accepted_link, accepted_text, accepted_title};
use crate::web::notice::{CredentialNotice, NoticeWords, Undo};
use crate::web::webhooks::list_query::PATH;

/// What was just done with one of the credentials, and which; nothing, where it is none of them. `back` is the page that tells it.
pub(crate) fn words(
    (id, notice): (CredentialId, CredentialNotice),
    credentials: &[Credential],
    back: &str,
    now: Timestamp,
) -> Option<(CredentialId, NoticeWords)> {
    let credential = credentials.iter().find(|credential| credential.id == id)?;
    let link = match &notice {
        CredentialNotice::Accepted(accepted) => accepted_link(accepted, credential),
        CredentialNotice::Tested { event, .. } => Some((format!("/events/{event}"), "View event")),
        _ => None,
    };
    let title = title(&notice, &escape_invisible(&credential.name));
    let undo = undo(&notice, credential, now).map(|(act, field)| Undo {
        action: format!("{PATH}/credentials/{id}/{act}"),
        fields: std::iter::once(("return_to", back.to_owned())).chain(field).collect(),
    });
    Some((id, NoticeWords { kind: kind(&notice), title, text: text(&notice), link, undo }))
}

/// The act that takes it back, and what its form says.
fn undo(
    notice: &CredentialNotice,
    credential: &Credential,
    now: Timestamp,
) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    if credential.revoked_at.is_some() {
        return None;
    }
    match notice {
        CredentialNotice::Disabled => Some(("enabling", vec![])),
        CredentialNotice::Enabled => Some(("disabling", vec![])),
        CredentialNotice::Renamed { was } if *was != credential.name => Some(("name", vec![("name", was.clone())])),
        CredentialNotice::Extended if credential.expiring(now)?.end_before_extension(now).is_some() => {
            Some(("overlap-extension", vec![("undo", "1".to_owned())]))
        }
        CredentialNotice::Holding => Some(("holding", vec![("holding", "off".to_owned())])),
        CredentialNotice::NotHolding => Some(("holding", vec![("holding", "on".to_owned())])),
        CredentialNotice::Dated { was: None } => Some(("expiry", vec![("expires", NEVER.to_owned())])),
        // A form says days, and a program may have set a time of one.
        CredentialNotice::Dated { was: Some(end) } | CredentialNotice::Undated { was: Some(end) }
            if *end > now && is_midnight(*end) =>
        {
            Some(("expiry", vec![("expires", utc("%F", *end))]))
        }
        // To let in more again is asked about, with the account password.
        CredentialNotice::SettingsSaved { was: Some(was) }
            if *was != credential.settings && !was.lets_in_more_than(&credential.settings) =>
        {
            Some(("sender-settings", fields_of(was)))
        }
        _ => None,
    }
}

/// The form of these sender settings.
fn fields_of(settings: &SenderSettings) -> Vec<(&'static str, String)> {
    let switches = [
        ("any_content_type", settings.any_content_type),
        ("compressed_bodies", settings.compressed_bodies),
        ("batches", settings.batches),
        ("put_as_post", settings.put_as_post),
    ];
    let on = switches.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| (name, "on".to_owned()));
    let networks = settings.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let header = settings.stored_once_by.as_ref().map(ToString::to_string).unwrap_or_default();
    on.chain([("stored_once_by", header), ("warned_of", networks.clone()), ("networks", networks)]).collect()
}

fn kind(notice: &CredentialNotice) -> &'static str {
    match notice {
        CredentialNotice::NothingToDate
        | CredentialNotice::NotExtended
        | CredentialNotice::ExtensionStays
        | CredentialNotice::TestRefused
        | CredentialNotice::TestFull => "bad",
        _ => "ok",
    }
}

#[rustfmt::skip] // A notice a line.
fn title(notice: &CredentialNotice, name: &str) -> String {
    match notice {
        CredentialNotice::Disabled => format!("{name} is disabled."),
        CredentialNotice::Enabled => format!("{name} is enabled."),
        CredentialNotice::Revoked => format!("{name} is revoked."),
        CredentialNotice::Renamed { .. } => format!("Renamed to {name}."),
        CredentialNotice::OldPasswordStopped => format!("The old password of {name} has stopped."),
        CredentialNotice::Dated { .. } => format!("The password of {name} has an expiry date."),
        CredentialNotice::Undated { .. } => format!("The password of {name} has no expiry date."),
        CredentialNotice::NothingToDate => format!("No password of {name} works any more."),
        CredentialNotice::Extended => format!("The old password of {name} works for longer."),
        CredentialNotice::NotExtended | CredentialNotice::ExtensionStays => format!("The overlap of {name} didn’t change."),
        CredentialNotice::ExtensionUndone => format!("The overlap of {name} is as long as before."),
        CredentialNotice::Holding => format!("Late events of {name} are held."),
        CredentialNotice::NotHolding => format!("Late events of {name} are no longer held."),
        CredentialNotice::SettingsSaved { .. } => format!("The sender settings of {name} are saved."),
        CredentialNotice::AddressShown => "You’ve already sent this form.".to_owned(),
        CredentialNotice::AddressRevoked => format!("The token address of {name} is revoked."),
        CredentialNotice::Accepted(accepted) => accepted_title(accepted, name),
        CredentialNotice::Unchanged => format!("{name} didn’t change."),
        CredentialNotice::Discarded { events: 0 } => format!("There were no held events of {name} left."),
        CredentialNotice::Discarded { events: 1 } => format!("1 late event of {name} is discarded."),
        CredentialNotice::Discarded { .. } => format!("The late events of {name} are discarded."),
        CredentialNotice::Tested { ms, .. } => format!("The test event for {name} was stored in {ms} ms."),
        CredentialNotice::TestRefused | CredentialNotice::TestFull => format!("The test event for {name} was refused."),
    }
}

#[rustfmt::skip] // A notice a line.
fn text(notice: &CredentialNotice) -> String {
    let text = match notice {
        CredentialNotice::Disabled => "Its senders now get 401.",
        CredentialNotice::Enabled => "Its senders are accepted again.",
        CredentialNotice::Revoked => "Its passwords stopped working at once, for good.",
        CredentialNotice::Renamed { .. } => "Senders aren’t affected.",
        CredentialNotice::OldPasswordStopped => "Requests with it now get 401.",
        CredentialNotice::Dated { .. } => "Its page warns 14, 7 and 1 day ahead.",
        CredentialNotice::Undated { .. } => "It works until you rotate or revoke it.",
        CredentialNotice::NothingToDate => "An expired password can’t be renewed. Rotate the credential for a new one.",
        CredentialNotice::Extended => "You can’t extend it again, so update its senders before then.",
        CredentialNotice::NotExtended => "It has ended, or was already extended. You can extend an overlap once.",
        CredentialNotice::ExtensionUndone => "You can extend it again, once.",
        CredentialNotice::ExtensionStays => "It isn’t extended, or was extended too long ago to undo that.",
        CredentialNotice::Holding => "Requests with an expired password are kept for you for 7 days.",
        CredentialNotice::NotHolding => "Requests with an expired password are refused and not kept.",
        CredentialNotice::SettingsSaved { .. } => "They apply to the next request.",
        CredentialNotice::AddressShown => "It can be seen once. Generate a new one if you didn’t save it.",
        CredentialNotice::AddressRevoked => "Requests to it now get 401. Its username and password keep working.",
        CredentialNotice::Accepted(accepted) => return accepted_text(accepted),
        CredentialNotice::Unchanged => "That was already done.",
        CredentialNotice::Discarded { events: 0 } => GONE_ALREADY,
        CredentialNotice::Discarded { events: 1 } => "It’s gone for good.",
        CredentialNotice::Discarded { .. } => "They’re gone for good.",
        CredentialNotice::Tested { .. } => "It’s listed under Events.",
        CredentialNotice::TestRefused => "The credential is disabled or revoked, or its password has expired, so senders get 401 too.",
        CredentialNotice::TestFull => "Storage is full, so senders get 507 too. Make room under Settings, Stored events.",
    };
    text.to_owned()
}

/// Whether a day begins then, in UTC.
fn is_midnight(time: Timestamp) -> bool {
    time.as_second().rem_euclid(24 * 3_600) == 0 && time.subsec_nanosecond() == 0
}
