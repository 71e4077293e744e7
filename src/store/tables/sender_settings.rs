//! Sender settings: columns of the table of credentials.

use diesel::pg::Pg;
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, Queryable, Selectable};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;

use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::sender_settings::{HeaderName, SenderSettings};
use crate::store::connection::columns::word;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::credentials;

/// Sender settings as they lie in the table.
#[derive(Queryable, Selectable)]
#[diesel(table_name = credentials, check_for_backend(Pg))]
pub(in crate::store) struct SettingsRow {
    any_content_type: bool,
    compressed_bodies: bool,
    batches: bool,
    put_as_post: bool,
    stored_once_by: Option<String>,
    networks: Vec<IpNet>,
}

impl TryFrom<SettingsRow> for SenderSettings {
    type Error = StoreError;

    fn try_from(row: SettingsRow) -> Result<Self, StoreError> {
        Ok(Self {
            any_content_type: row.any_content_type,
            compressed_bodies: row.compressed_bodies,
            batches: row.batches,
            put_as_post: row.put_as_post,
            stored_once_by: row.stored_once_by.as_deref().map(word).transpose()?,
            networks: row.networks,
        })
    }
}

/// Sets what a credential accepts beyond the default.
pub(crate) async fn set(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    settings: &SenderSettings,
) -> Result<(), StoreError> {
    diesel::update(credentials::table.filter(credentials::account_id.eq(account.0).and(credentials::id.eq(id.0))))
        .set((
            credentials::any_content_type.eq(settings.any_content_type),
            credentials::compressed_bodies.eq(settings.compressed_bodies),
            credentials::batches.eq(settings.batches),
            credentials::put_as_post.eq(settings.put_as_post),
            credentials::stored_once_by.eq(settings.stored_once_by.as_ref().map(HeaderName::as_str)),
            credentials::networks.eq(&settings.networks),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
