//! Mails to users: what each kind is about, how often it is tried, and the token of the link that some carry.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::domain::alert_message::AlertItem;
use crate::domain::ids::MailId;
use crate::domain::installation::{InstallationKeys, keyed_digest};
use crate::domain::secret::Secret;

/// The pauses in minutes after each try but the last: all tries are within 24 hours. A program that is killed while it sends has sent
/// or has not, and the next try comes after the pause, with the same Message-ID.
pub(crate) const PAUSES: [i32; 7] = [2, 10, 30, 60, 180, 420, 720];

/// A mail is tried so many times.
pub(crate) const MAX_TRIES: i32 = PAUSES.len() as i32 + 1;

/// What a mail tells its reader. Nothing that a sender or a visitor typed goes out: but for names that its readers gave, all of it is of
/// our making.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Mail {
    /// A link to choose a new password, for who has lost theirs.
    PasswordLink,
    /// A link that shows that the address is the reader's.
    AddressConfirmation,
    /// To the address before, with a link that takes the change back.
    AddressChanged,
    PasswordChanged,
    SecondFactorTurnedOn,
    SecondFactorTurnedOff,
    NewDevice {
        /// `Firefox on Linux`, in words of ours.
        browser: String,
        ip: Option<IpAddr>,
    },
    /// Somebody wants to see whether alerts come.
    AlertTest,
    /// What has changed about alerts.
    Alerts {
        items: Vec<AlertItem>,
        /// There are so many more.
        more: u64,
    },
}

impl Mail {
    /// All kinds, as in the database.
    pub(crate) const KINDS: [&'static str; 9] = [
        "password_link",
        "address_confirmation",
        "address_changed",
        "password_changed",
        "second_factor_turned_on",
        "second_factor_turned_off",
        "new_device",
        "alert_test",
        "alerts",
    ];

    /// The word in the database.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Mail::PasswordLink => "password_link",
            Mail::AddressConfirmation => "address_confirmation",
            Mail::AddressChanged => "address_changed",
            Mail::PasswordChanged => "password_changed",
            Mail::SecondFactorTurnedOn => "second_factor_turned_on",
            Mail::SecondFactorTurnedOff => "second_factor_turned_off",
            Mail::NewDevice { .. } => "new_device",
            Mail::AlertTest => "alert_test",
            Mail::Alerts { .. } => "alerts",
        }
    }

    /// What the link in it is for, if it has one.
    pub(crate) fn link(&self) -> Option<LinkPurpose> {
        LinkPurpose::ALL.into_iter().find(|purpose| purpose.mail_kind() == self.kind())
    }
}

/// What a link in a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkPurpose {
    NewPassword,
    Confirmation,
    Undo,
}

impl LinkPurpose {
    /// Whether a new password is chosen with it.
    pub(crate) fn takes_password(self) -> bool {
        self != LinkPurpose::Confirmation
    }

    pub(crate) const ALL: [LinkPurpose; 3] = [LinkPurpose::NewPassword, LinkPurpose::Confirmation, LinkPurpose::Undo];

    /// The kind of the mails that have it, as in the database.
    pub(crate) fn mail_kind(self) -> &'static str {
        match self {
            LinkPurpose::NewPassword => "password_link",
            LinkPurpose::Confirmation => "address_confirmation",
            LinkPurpose::Undo => "address_changed",
        }
    }

    /// The word in the link's address.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LinkPurpose::NewPassword => "new-password",
            LinkPurpose::Confirmation => "confirmation",
            LinkPurpose::Undo => "undo",
        }
    }

    /// How long it works from when its mail was made.
    pub(crate) fn lasts(self) -> SignedDuration {
        match self {
            LinkPurpose::NewPassword => SignedDuration::from_mins(30),
            LinkPurpose::Confirmation => SignedDuration::from_hours(24),
            LinkPurpose::Undo => SignedDuration::from_hours(7 * 24),
        }
    }

    /// The same in words.
    pub(crate) fn lasts_words(self) -> &'static str {
        match self {
            LinkPurpose::NewPassword => "30 minutes",
            LinkPurpose::Confirmation => "24 hours",
            LinkPurpose::Undo => "7 days",
        }
    }
}

/// A mail that is about to be tried.
#[derive(Clone, Debug)]
pub(crate) struct DueMail {
    pub(crate) id: MailId,
    pub(crate) address: String,
    pub(crate) mail: Mail,
    pub(crate) created_at: Timestamp,
    /// This one counted.
    pub(crate) tries: i32,
}

impl DueMail {
    /// Why it is not worth sending any more.
    pub(crate) fn is_too_late(&self, now: Timestamp) -> Option<&'static str> {
        let link_lasts = self.mail.link().map(LinkPurpose::lasts);
        if link_lasts.is_some_and(|lasts| now.duration_since(self.created_at) >= lasts) {
            return Some("the link in it has expired");
        }
        (self.tries > MAX_TRIES).then_some("the program ended during the last try")
    }
}

/// The token in the link of a mail: its id and a signature, so that a retry sends the same link and the database holds none of it.
pub(crate) fn link_token(keys: &InstallationKeys, id: MailId) -> Secret {
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode([id.0.as_bytes().as_slice(), &signature(keys, id)].concat()))
}

/// The mail whose link has a token; `None` for whatever this installation did not write.
pub(crate) fn mail_of(keys: &InstallationKeys, token: &Secret) -> Option<MailId> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.reveal()).ok()?;
    let (id, given) = bytes.split_first_chunk()?;
    let id = MailId(Uuid::from_bytes(*id));
    bool::from(signature(keys, id).ct_eq(given)).then_some(id)
}

fn signature(keys: &InstallationKeys, id: MailId) -> [u8; 32] {
    keyed_digest(&keys.session, &[b"link in a mail", id.0.as_bytes()])
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::json;
    use uuid::Uuid;

    use super::{LinkPurpose, MAX_TRIES, Mail, PAUSES, link_token, mail_of};
    use crate::domain::ids::MailId;
    use crate::domain::installation::InstallationKeys;
    use crate::domain::secret::Secret;

    fn keys(byte: u8) -> InstallationKeys {
        InstallationKeys { session: vec![byte; 64].into(), checksum: vec![byte; 32].into(), outside: Vec::new() }
    }

    // holds issue 18, section 1: a link is of this installation or nothing
    #[test]
    fn the_token_of_a_link_is_read_where_it_was_written_only() {
        let id = MailId(Uuid::from_u128(7));
        let token = link_token(&keys(1), id);
        assert_eq!(mail_of(&keys(1), &token), Some(id));
        assert_eq!(mail_of(&keys(2), &token), None, "another installation");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.reveal()).unwrap();
        for changed in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[changed] ^= 1;
            let forged = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(forged));
            assert_eq!(mail_of(&keys(1), &forged), None, "byte {changed}");
        }
        assert_eq!(mail_of(&keys(1), &Secret::default()), None);
    }

    // holds issue 18, section 1: 8 tries over 24 hours, with growing waits
    #[test]
    fn eight_tries_are_within_a_day_and_their_pauses_grow() {
        assert_eq!(MAX_TRIES, 8);
        assert!(PAUSES.is_sorted() && (22 * 60..=24 * 60).contains(&PAUSES.iter().sum::<i32>()));
    }

    #[test]
    fn the_words_in_the_database_are_those_that_mails_are_read_by() {
        for kind in Mail::KINDS {
            let mail: Mail =
                serde_json::from_value(json!({"kind": kind, "browser": "", "ip": null, "items": [], "more": 0}))
                    .unwrap();
            assert_eq!(mail.kind(), kind);
        }
        assert_eq!(Mail::AddressChanged.link(), Some(LinkPurpose::Undo));
        assert_eq!(Mail::PasswordChanged.link(), None);
    }
}
