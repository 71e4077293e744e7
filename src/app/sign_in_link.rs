//! Sign-in links: the operator makes one for somebody who cannot sign in, and whoever opens it first within its time is that user. A
//! link takes the place of the password, and not that of a code.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::app::failure::Failure;
use crate::app::member_act::MemberAct;
use crate::app::sign_in::{SignIn, note_sign_in};
use crate::domain::audit::{Act, Action, Actor, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::device::Browser;
use crate::domain::digest::sha256;
use crate::domain::secret::Secret;
use crate::random;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, second_factors, sign_in_links, users};

/// For how long a link works.
pub const LINK_LASTS: SignedDuration = SignedDuration::from_mins(15);

/// Makes the link of a user, which ends the one before. Gives its token, which nobody sees again, and its end.
pub(crate) async fn make_sign_in_link(
    MemberAct { store, member, act }: MemberAct<'_>,
) -> Result<(Secret, Timestamp), Failure> {
    let token = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>()?));
    let expires_at = act.at.saturating_add(LINK_LASTS).unwrap_or(act.at);
    let hash = sha256(token.reveal().as_bytes());
    store
        .transaction(async |conn| {
            sign_in_links::replace(conn, member.user_id, &hash, expires_at).await?;
            let line = AuditLine::new(Action::SignInLinkMade, &member.email);
            audit::append(conn, member.account_id, act, line).await
        })
        .await?;
    Ok((token, expires_at))
}

/// Uses a link up.
pub(crate) async fn sign_in_by_link(
    store: &Store,
    token: &Secret,
    browser: &Browser,
    act: &Act,
) -> Result<SignIn, Failure> {
    let hash = sha256(token.reveal().as_bytes());
    store
        .transaction(async |conn| {
            let Some(user) = sign_in_links::take(conn, &hash, act.at).await? else { return Ok(SignIn::Refused) };
            let Some(member) = users::find(conn, user).await? else { return Ok(SignIn::Refused) };
            if second_factors::is_on(conn, user).await? {
                let line = AuditLine::new(Action::SignInLinkUsed, &member.email);
                audit::append(conn, member.account_id, act, line).await?;
                return Ok(SignIn::NeedsCode(member));
            }
            let act = Act { actor: Actor::User(user), ..act.clone() };
            note_sign_in(conn, &member, browser, &act, AuditDetail::SignedInWithLink).await?;
            Ok(SignIn::Done(member))
        })
        .await
}
