//! API tokens: made, renamed, rotated and revoked by people. No token makes another.

use jiff::Timestamp;

use crate::app::failure::{Failure, carries_failure};
use crate::app::member_act::MemberAct;
use crate::domain::api_token::{ApiToken, KIND, MAX_TOKENS, TokenGrant, words};
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::checked_token::CheckedToken;
use crate::domain::credential::CredentialName;
use crate::domain::credential_password::RANDOM_CHARS;
use crate::domain::ids::{AccountId, ApiTokenId};
use crate::domain::installation::InstallationKeys;
use crate::domain::overlap::Overlap;
use crate::domain::time::full;
use crate::random;
use crate::store::connection::pool::{Connection, Store};
use crate::store::tables::{account_limits, api_tokens, audit};

/// Why a token stayed as it was.
#[derive(Debug, thiserror::Error)]
pub enum ApiTokenError {
    #[error("there is no such API token")]
    NotFound,
    #[error("this API token is revoked; create a new one")]
    Revoked,
    /// The same form was sent before, and its value was shown then.
    #[error("this API token has been created already")]
    AlreadyCreated,
    /// The same form was sent before, or another has been since it was shown.
    #[error("this API token has been rotated already")]
    AlreadyRotated,
    #[error(
        "this account has {MAX_TOKENS} API tokens that work, which is its limit; revoke one that is no longer needed"
    )]
    TooMany,
    /// A third value may not work.
    #[error("two values of this API token work already; the old one stops at {}, or rotate with an overlap of now", full(*.0))]
    TwoValuesLive(Timestamp),
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(ApiTokenError);

/// An act on one token: in which database, whose, which one, and who acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiTokenAct<'a> {
    pub(crate) store: &'a Store,
    pub(crate) account: AccountId,
    pub(crate) id: ApiTokenId,
    pub(crate) act: &'a Act,
}

impl ApiTokenAct<'_> {
    /// Locks the token and lets `decide` do what it decides, in one transaction.
    async fn decide<T>(
        &self,
        decide: impl AsyncFnOnce(&mut Connection, &ApiToken) -> Result<T, ApiTokenError>,
    ) -> Result<T, ApiTokenError> {
        self.store
            .transaction_under(&api_tokens::lock(self.account, self.id), async |conn| {
                let token = api_tokens::find(conn, self.account, self.id).await?;
                decide(conn, &token.ok_or(ApiTokenError::NotFound)?).await
            })
            .await
    }

    async fn note(
        &self,
        conn: &mut Connection,
        token: &ApiToken,
        action: Action,
        detail: AuditDetail,
    ) -> Result<(), ApiTokenError> {
        Ok(audit::append(conn, self.account, self.act, AuditLine::new(action, &token.name).with(detail)).await?)
    }
}

/// Makes a token of a member under an id that the form carries, so that sending the form twice makes one.
pub(crate) async fn create_api_token(
    MemberAct { store, member, act }: MemberAct<'_>,
    keys: &InstallationKeys,
    id: ApiTokenId,
    grant: &TokenGrant,
) -> Result<CheckedToken, ApiTokenError> {
    let value = KIND.make(&keys.checksum, random::indices::<RANDOM_CHARS>(62)?);
    store
        .transaction_under(&account_limits::lock(member.account_id), async |conn| {
            let owner = (member.account_id, member.user_id, id);
            api_tokens::insert(conn, owner, grant, &value, act.at).await.map_err(|error| {
                if error.is_duplicate_of(api_tokens::IS_UNIQUE) { ApiTokenError::AlreadyCreated } else { error.into() }
            })?;
            // Counted after it: whoever sends the form twice is told that it was sent before.
            if api_tokens::count_live(conn, member.account_id, act.at).await? > u64::from(MAX_TOKENS) {
                return Err(ApiTokenError::TooMany);
            }
            let detail = AuditDetail::ApiToken {
                hint: value.hint().to_owned(),
                scopes: words(&grant.scopes),
                until: grant.lifetime.map(|lifetime| act.at + lifetime),
            };
            let line = AuditLine::new(Action::ApiTokenCreated, grant.name.as_str()).with(detail);
            audit::append(conn, member.account_id, act, line).await?;
            Ok(())
        })
        .await?;
    Ok(value)
}

/// Renames it; the name that it has already leaves no line.
pub(crate) async fn rename_api_token(on: ApiTokenAct<'_>, name: &CredentialName) -> Result<(), ApiTokenError> {
    on.decide(async |conn, token| {
        if token.name != name.as_str() {
            api_tokens::rename(conn, on.id, name.as_str()).await?;
            let detail = AuditDetail::Changed { from: token.name.clone(), to: name.to_string() };
            on.note(conn, token, Action::ApiTokenRenamed, detail).await?;
        }
        Ok(())
    })
    .await
}

/// Gives it a new value, and answers with that and with when the one before stops; `None` when it has stopped. An expired token works
/// again: it lasts as long as it did before. A form names the hint of the value that it was shown with, so that sending it twice rotates
/// once.
pub(crate) async fn rotate_api_token(
    on: ApiTokenAct<'_>,
    keys: &InstallationKeys,
    (overlap, hint): (Overlap, Option<&str>),
) -> Result<(ApiToken, CheckedToken, Option<Timestamp>), ApiTokenError> {
    let value = KIND.make(&keys.checksum, random::indices::<RANDOM_CHARS>(62)?);
    let now = on.act.at;
    let (token, old_works_until) = on
        .decide(async |conn, token| {
            if token.revoked_at.is_some() {
                return Err(ApiTokenError::Revoked);
            }
            if hint.is_some_and(|hint| hint != token.hint()) {
                return Err(ApiTokenError::AlreadyRotated);
            }
            if let Some((_, end)) = token.former(now).filter(|_| overlap != Overlap::Now) {
                return Err(ApiTokenError::TwoValuesLive(end));
            }
            // A value that has a date does not outlive it.
            let end = token.expires_at.map_or(overlap.end(now), |date| date.min(overlap.end(now)));
            let old_works_until = Some(end).filter(|end| *end > now);
            api_tokens::replace_value(conn, on.id, &value, (now, token.renewed_end(now), old_works_until)).await?;
            let detail = AuditDetail::ApiTokenValue { hint: value.hint().to_owned(), old_works_until };
            on.note(conn, token, Action::ApiTokenRotated, detail).await?;
            Ok((token.clone(), old_works_until))
        })
        .await?;
    Ok((token, value, old_works_until))
}

/// Ends it for good, from the next request on; once more changes nothing and leaves no second line.
pub(crate) async fn revoke_api_token(on: ApiTokenAct<'_>) -> Result<(), ApiTokenError> {
    on.decide(async |conn, token| {
        if token.revoked_at.is_none() {
            api_tokens::revoke(conn, on.id, on.act.at).await?;
            let detail = AuditDetail::ApiTokenValue { hint: token.hint().to_owned(), old_works_until: None };
            on.note(conn, token, Action::ApiTokenRevoked, detail).await?;
        }
        Ok(())
    })
    .await
}
