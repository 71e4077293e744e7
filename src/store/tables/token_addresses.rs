//! Token addresses: rows among the secrets of credentials that are found by the digest of their token.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::domain::checked_token::CheckedToken;
use crate::domain::credential::PasswordRecord;
use crate::domain::ids::{CredentialId, SecretId};
use crate::domain::token_address::KIND;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::credential_secrets as secrets;
use crate::store::tables::credential_secrets::{self, PasswordRow, SecretRow};

/// The kind of row that is a token address.
pub(in crate::store) const ADDRESS_KIND: &str = "address";

pub(crate) async fn insert(
    conn: &mut Connection,
    (credential, id): (CredentialId, SecretId),
    token: &CheckedToken,
    at: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(secrets::table)
        .values((
            secrets::id.eq(id.0),
            secrets::credential_id.eq(credential.0),
            secrets::kind.eq(ADDRESS_KIND),
            secrets::hint.eq(token.hint()),
            secrets::hash.eq(token.hash()),
            secrets::created_at.eq(Moment(at)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends the token address of a credential, and gives back its hint.
pub(crate) async fn revoke(
    conn: &mut Connection,
    credential: CredentialId,
    at: Timestamp,
) -> Result<Option<String>, StoreError> {
    let live = secrets::table
        .filter(secrets::credential_id.eq(credential.0))
        .filter(secrets::kind.eq(ADDRESS_KIND))
        .filter(secrets::revoked_at.is_null());
    let revoked = diesel::update(live)
        .set(secrets::revoked_at.eq(Moment(at)))
        .returning(secrets::hint)
        .get_result(conn)
        .await
        .optional()?;
    Ok(revoked)
}

/// What ingest has to know about the token address with a digest. Its hint has the prefix, which tells it from a password's.
pub(crate) async fn find_row(conn: &mut Connection, hash: &str) -> Result<Option<SecretRow>, StoreError> {
    let row = credential_secrets::find_by_hash(conn, ADDRESS_KIND, hash).await?;
    Ok(row.map(|row| SecretRow { hint: KIND.prefixed(&row.hint), ..row }))
}

/// The token address of a credential that works.
pub(crate) async fn find(
    conn: &mut Connection,
    credential: CredentialId,
) -> Result<Option<PasswordRecord>, StoreError> {
    let row: Option<PasswordRow> = secrets::table
        .filter(secrets::credential_id.eq(credential.0))
        .filter(secrets::kind.eq(ADDRESS_KIND))
        .filter(secrets::revoked_at.is_null())
        .select(PasswordRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(|row| row.record(true)).transpose()
}
