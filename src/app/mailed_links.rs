//! Links in mails: a new password for who has lost theirs, an address that is shown to be its user's, a change of address that is
//! taken back. Each works once, and only for what its mail is about. None takes the place of the second factor.

use crate::app::end_other_sessions::end_other_sessions;
use crate::app::failure::{Failure, carries_failure};
use crate::app::member_act::MemberAct;
use crate::app::sign_in::note_sign_in;
use crate::domain::account::Member;
use crate::domain::account_password::{NewPassword, WeakPassword};
use crate::domain::audit::{Act, Action, Actor, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::device::Browser;
use crate::domain::email::Email;
use crate::domain::installation::InstallationKeys;
use crate::domain::mail::{LinkPurpose, Mail, mail_of};
use crate::domain::secret::Secret;
use crate::hashing::{Hasher, Share};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store, as_part_of_request};
use crate::store::tables::outgoing_mails::{self, UsedLink};
use crate::store::tables::{api_tokens, audit, second_factors, users};

/// Why a link did nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the link does not work, or no longer")]
    NotWorking,
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    #[error("another account has this email address")]
    Taken,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(LinkError);

/// Where links are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkAct<'a> {
    pub(crate) store: &'a Store,
    pub(crate) keys: &'a InstallationKeys,
    pub(crate) purpose: LinkPurpose,
    pub(crate) token: &'a Secret,
    pub(crate) act: &'a Act,
}

impl LinkAct<'_> {
    /// Whose link it is, while it works. Whoever has none costs no hash.
    async fn find(&self) -> Result<Member, LinkError> {
        let id = mail_of(self.keys, self.token).ok_or(LinkError::NotWorking)?;
        let mut conn = self.store.connection().await?;
        let user = outgoing_mails::find_user(&mut conn, id, self.purpose, self.act.at).await?;
        users::find(&mut conn, user.ok_or(LinkError::NotWorking)?).await?.ok_or(LinkError::NotWorking)
    }

    /// Uses the link up, and finds whose it is.
    async fn take(&self, conn: &mut Connection) -> Result<(Member, UsedLink), LinkError> {
        let id = mail_of(self.keys, self.token).ok_or(LinkError::NotWorking)?;
        let link = outgoing_mails::use_link(conn, id, self.purpose, self.act.at).await?.ok_or(LinkError::NotWorking)?;
        // Whatever else decides how its user signs in comes before this or after it.
        users::lock(conn, link.user).await?;
        let member = users::find(conn, link.user).await?.ok_or(LinkError::NotWorking)?;
        Ok((member, link))
    }
}

/// Sends the user with an address, if there is one, a link to choose a new password. The mail is made beside the answer: else the time of
/// that would tell an address that has an account from one that has none.
pub(crate) async fn send_password_link(store: &Store, email: Email, act: Act) -> Result<(), StoreError> {
    let found = users::find_by_email(&mut *store.connection().await?, &email).await?;
    let store = store.clone();
    tokio::spawn(as_part_of_request(async move {
        let Some((member, _)) = found else { return };
        if let Err(error) = make_password_link(&store, &member, &act).await {
            tracing::warn!(%error, "a link to choose a new password was not sent");
        }
    }));
    Ok(())
}

async fn make_password_link(store: &Store, member: &Member, act: &Act) -> Result<(), StoreError> {
    store
        .transaction(async |conn| {
            // Requests that come at once are counted one after the other.
            users::lock(conn, member.user_id).await?;
            if outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::PasswordLink, act.at).await? {
                let line = AuditLine::new(Action::PasswordLinkSent, &member.email);
                audit::append(conn, member.account_id, act, line).await?;
            }
            Ok(())
        })
        .await
}

/// Sends a link that confirms the address; `false` where too many were sent.
pub(crate) async fn send_confirmation(MemberAct { store, member, act }: MemberAct<'_>) -> Result<bool, Failure> {
    store
        .transaction(async |conn| {
            users::lock(conn, member.user_id).await?;
            Ok(outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::AddressConfirmation, act.at).await?)
        })
        .await
}

/// Sets a new password and ends all sessions; where the link takes a change of address back, gives the address back, too: whoever changed
/// it knows the old password. The user is signed in then, but for the code where two-step sign-in is on.
pub(crate) async fn choose_password(
    link_act: LinkAct<'_>,
    hasher: &Hasher,
    new: Secret,
    browser: &Browser,
) -> Result<Member, LinkError> {
    let LinkAct { store, act, .. } = link_act;
    let owner = link_act.find().await;
    let known = owner.as_ref().map_or(Vec::new(), |owner| vec![owner.email.as_str(), owner.name.as_str()]);
    let new = NewPassword::check(new, &known)?;
    let owner = owner?;
    // What is done is its user's act, whoever is signed in beside it.
    let act = &Act { actor: Actor::User(owner.user_id), ..act.clone() };
    let hash = hasher.hash(Share::of(act), new.secret()).await?;
    store
        .transaction(async |conn| {
            let (before, link) = link_act.take(conn).await?;
            let member = match link_act.purpose {
                LinkPurpose::Undo => give_address_back(conn, &before, &link).await?,
                _ if link.address == before.email && link.made_at >= before.devices_known_since => before.clone(),
                // Since then, something else ended all ways in.
                _ => return Err(LinkError::NotWorking),
            };
            let member = match link_act.purpose {
                LinkPurpose::Undo => end_what_was_made_since(conn, member, &link, act).await?,
                _ => member,
            };
            users::change_password(conn, member.user_id, (&hash, None), act.at).await?;
            users::confirm_email(conn, member.user_id, &member.email).await?;
            let ended = end_other_sessions(conn, member.user_id, None, act).await? as u64;
            if before.email != member.email {
                // Whoever had it in the meantime may be the one who should have.
                outgoing_mails::insert(conn, member.ids(), &before.email, &Mail::PasswordChanged, act.at).await?;
                let detail = AuditDetail::EmailWas { was: before.email, sessions_ended: ended };
                let line = AuditLine::new(Action::EmailChanged, &member.email).with(detail);
                audit::append(conn, member.account_id, act, line).await?;
            }
            let detail = AuditDetail::SessionsEnded { sessions_ended: ended };
            let line = AuditLine::new(Action::PasswordChosenByLink, &member.email).with(detail);
            audit::append(conn, member.account_id, act, line).await?;
            outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::PasswordChanged, act.at).await?;
            if !member.has_second_factor {
                note_sign_in(conn, &member, browser, act, AuditDetail::SignedInWithLink).await?;
            }
            Ok(member)
        })
        .await
}

/// Gives a user the address back that a link was sent to. Links about later changes end: whoever made those takes nothing back.
async fn give_address_back(conn: &mut Connection, member: &Member, link: &UsedLink) -> Result<Member, LinkError> {
    let address: Email = link.address.parse().map_err(|_| LinkError::NotWorking)?;
    users::change_email(conn, member.user_id, &address)
        .await
        .map_err(|error| if error.is_duplicate_of(users::EMAIL_IS_UNIQUE) { LinkError::Taken } else { error.into() })?;
    outgoing_mails::end_links_since(conn, link, LinkPurpose::Undo).await?;
    Ok(Member { email: link.address.clone(), ..member.clone() })
}

/// Ends what else keeps a way in for whoever changed the address: two-step sign-in and API tokens of the time since then.
async fn end_what_was_made_since(
    conn: &mut Connection,
    member: Member,
    link: &UsedLink,
    act: &Act,
) -> Result<Member, LinkError> {
    for name in api_tokens::revoke_made_since(conn, member.user_id, link.made_at, act.at).await? {
        audit::append(conn, member.account_id, act, AuditLine::new(Action::ApiTokenRevoked, &name)).await?;
    }
    let factor = second_factors::find(conn, member.user_id).await?;
    if factor.is_none_or(|factor| factor.turned_on_at < link.made_at) {
        return Ok(member);
    }
    second_factors::delete(conn, member.user_id).await?;
    audit::append(conn, member.account_id, act, AuditLine::new(Action::SecondFactorRemoved, &member.email)).await?;
    Ok(Member { has_second_factor: false, ..member })
}

/// Notes that the address is the user's, where it is the one that they have.
pub(crate) async fn confirm_address(link_act: LinkAct<'_>) -> Result<String, LinkError> {
    let LinkAct { store, act, .. } = link_act;
    store
        .transaction(async |conn| {
            let (member, link) = link_act.take(conn).await?;
            if link.address != member.email {
                return Err(LinkError::NotWorking);
            }
            users::confirm_email(conn, member.user_id, &link.address).await?;
            let line = AuditLine::new(Action::EmailConfirmed, &link.address);
            let act = &Act { actor: Actor::User(member.user_id), ..act.clone() };
            audit::append(conn, member.account_id, act, line).await?;
            Ok(link.address)
        })
        .await
}
