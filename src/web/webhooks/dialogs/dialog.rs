//! Which dialog of the Webhooks page is open.

use uuid::Uuid;

use crate::domain::credential::Credential;
use crate::domain::holding::HeldEvents;
use crate::domain::ids::CredentialId;
use crate::store::connection::pool::Connection;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::held::Held;
use crate::web::webhooks::dialogs::credential_forms::{NameForm, NewForm, RevokeForm, StopForm};
use crate::web::webhooks::dialogs::expiry_form::ExpiryForm;
use crate::web::webhooks::dialogs::refused::Refused;
use crate::web::webhooks::dialogs::rotate_form::RotateForm;

/// A dialog, as an address names it: `?new=`, or `?rotate=` and the id of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialog {
    New,
    Rotate(CredentialId),
    Rename(CredentialId),
    Revoke(CredentialId),
    Stop(CredentialId),
    Discard(CredentialId),
    Expiry(CredentialId),
}

/// A dialog with what its template shows.
pub(crate) enum OpenDialog {
    New(NewForm),
    Rotate(RotateForm),
    Rename(NameForm),
    Revoke(RevokeForm),
    Stop(StopForm),
    Discard(Held),
    Expiry(ExpiryForm),
}

impl Dialog {
    /// The first dialog that a query names. Whatever else it says is no dialog, and no mistake either.
    pub(crate) fn of(query: &[(String, String)]) -> Option<Self> {
        query.iter().find_map(|(name, value)| {
            if name == "new" {
                return Some(Self::New);
            }
            let id = CredentialId(Uuid::try_parse(value).ok()?);
            match name.as_str() {
                "rotate" => Some(Self::Rotate(id)),
                "rename" => Some(Self::Rename(id)),
                "revoke" => Some(Self::Revoke(id)),
                "stop" => Some(Self::Stop(id)),
                "discard" => Some(Self::Discard(id)),
                "expiry" => Some(Self::Expiry(id)),
                _ => None,
            }
        })
    }

    /// Which credential it is about.
    pub(crate) fn credential(self) -> Option<CredentialId> {
        match self {
            Self::New => None,
            Self::Rotate(id)
            | Self::Rename(id)
            | Self::Revoke(id)
            | Self::Stop(id)
            | Self::Discard(id)
            | Self::Expiry(id) => Some(id),
        }
    }

    /// The dialog as it is shown; nothing, where its credential is gone or there is nothing to ask about it.
    pub(crate) async fn open(
        self,
        conn: &mut Connection,
        current_user: &SignedIn,
        (all, held): (&[Credential], &[HeldEvents]),
        refused: Option<Refused>,
    ) -> Result<Option<OpenDialog>, PageError> {
        let now = current_user.now();
        let is_asked_about = |one: &&Credential| Some(one.id) == self.credential() && one.revoked_at.is_none();
        let Some(credential) = all.iter().find(is_asked_about) else {
            return Ok((self == Self::New).then(|| OpenDialog::New(NewForm::new(refused, now))));
        };
        let held = Held::of(held, credential, now);
        Ok(match self {
            Self::New => None,
            Self::Rotate(_) => {
                let account = current_user.member.account_id;
                Some(OpenDialog::Rotate(RotateForm::new(conn, account, credential, now).await?))
            }
            Self::Rename(_) => Some(OpenDialog::Rename(NameForm::new(credential, refused))),
            Self::Revoke(_) => Some(OpenDialog::Revoke(RevokeForm::new(credential, held, refused, now))),
            Self::Stop(_) => StopForm::new(credential, now).map(OpenDialog::Stop),
            Self::Discard(_) => held.map(OpenDialog::Discard),
            Self::Expiry(_) => ExpiryForm::new(credential, refused, now).map(OpenDialog::Expiry),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Dialog;
    use crate::domain::ids::CredentialId;

    fn of(query: &[(&str, &str)]) -> Option<Dialog> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Dialog::of(&query.iter().map(pair).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_names_one_dialog_or_none() {
        let text = "0195b3c8-5f3a-7d57-8f5d-7c1b0d7a4e10";
        let id: CredentialId = text.parse().unwrap();
        assert_eq!(of(&[("new", "")]), Some(Dialog::New));
        assert_eq!(of(&[("utm", "x"), ("rotate", text), ("stop", text)]), Some(Dialog::Rotate(id)));
        assert_eq!(of(&[("stop", "x"), ("expiry", text)]), Some(Dialog::Expiry(id)));
        for none in [vec![], vec![("rotate", "")], vec![("rotate", "7")], vec![("rotated", text)]] {
            assert_eq!(of(&none), None, "{none:?}");
        }
    }
}
