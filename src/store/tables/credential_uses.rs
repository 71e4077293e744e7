//! When, from where and by what the passwords of credentials were used. Whoever comes first of several programs is decided here,
//! by the rows; what is made of it is for the caller.

use std::net::IpAddr;

use diesel::sql_types::{Nullable, Timestamptz};
use diesel::{ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::{CredentialId, SecretId};
use crate::domain::token_address;
use crate::store::connection::columns::{Moment, inet, without_nul};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::credential_secrets;
use crate::store::tables::token_addresses::ADDRESS_KIND;

diesel::define_sql_function! {
    /// The first of two moments that is there.
    fn coalesce(known: Nullable<Timestamptz>, other: Timestamptz) -> Timestamptz;
}

/// Notes that a password was used, as it was before. Never goes back in time, whoever writes last; `false` when nothing changed,
/// as for a password that was never used.
pub(crate) async fn note_use(
    conn: &mut Connection,
    id: SecretId,
    at: Timestamp,
    ip: IpAddr,
    agent: Option<&str>,
) -> Result<bool, StoreError> {
    let older = credential_secrets::last_used_at.lt(Moment(at));
    let noted = diesel::update(credential_secrets::table.find(id.0).filter(older))
        .set((
            credential_secrets::first_used_at.eq(coalesce(credential_secrets::first_used_at, Moment(at)).nullable()),
            credential_secrets::last_used_at.eq(Moment(at)),
            credential_secrets::last_used_ip.eq(inet(ip)),
            credential_secrets::last_used_agent.eq(agent.map(without_nul)),
        ))
        .execute(conn)
        .await?;
    Ok(noted > 0)
}

/// Notes the first use of a secret, and names it, a token address with its prefix; `None` when it was not the first. Of two programs
/// that try at once the database lets one.
pub(crate) async fn note_first_use(
    conn: &mut Connection,
    id: SecretId,
    at: Timestamp,
    ip: IpAddr,
    agent: Option<&str>,
) -> Result<Option<(CredentialId, String)>, StoreError> {
    let unused = credential_secrets::table.find(id.0).filter(credential_secrets::last_used_at.is_null());
    let row: Option<(Uuid, String, String)> = diesel::update(unused)
        .set((
            credential_secrets::first_used_at.eq(Moment(at)),
            credential_secrets::last_used_at.eq(Moment(at)),
            credential_secrets::last_used_ip.eq(inet(ip)),
            credential_secrets::last_used_agent.eq(agent.map(without_nul)),
        ))
        .returning((credential_secrets::credential_id, credential_secrets::kind, credential_secrets::hint))
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(|(owner, kind, hint)| {
        (CredentialId(owner), if kind == ADDRESS_KIND { token_address::KIND.prefixed(&hint) } else { hint })
    }))
}

/// Notes that the use of a revoked password is told; `false` when that was done since `not_since`.
pub(crate) async fn note_use_after_revoke(
    conn: &mut Connection,
    credential: CredentialId,
    hint: &str,
    at: Timestamp,
    not_since: Timestamp,
) -> Result<bool, StoreError> {
    use diesel::BoolExpressionMethods;
    let told = credential_secrets::use_after_revoke_told_at;
    let hint = hint.strip_prefix(token_address::KIND.prefix).unwrap_or(hint);
    let noted = diesel::update(credential_secrets::table)
        .filter(credential_secrets::credential_id.eq(credential.0))
        .filter(credential_secrets::hint.eq(hint))
        .filter(told.is_null().or(told.le(Moment(not_since))))
        .set(told.eq(Moment(at)))
        .execute(conn)
        .await?;
    Ok(noted > 0)
}
