//! Writes down which passwords have expired by themselves. A password holds its slot until that is written, so it is written once,
//! by whichever program sees it first; the line says when the password expired, not when that was seen.

use jiff::Timestamp;

use crate::app::upkeep::UpkeepState;
use crate::clock::Clock;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::{Credential, PasswordRecord};
use crate::domain::ids::CredentialId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::tables::{audit, credential_secrets, credentials};

/// All that have expired by the clocks of program and database, and none while upkeep takes these for wrong: a line of the audit trail
/// stays, and a slot that was given back is taken by the next password. Nothing else waits for it.
pub async fn end_all_expired_by(store: &Store, clock: &Clock, upkeep: &UpkeepState) -> Result<(), StoreError> {
    let clocks = upkeep.compare_clocks(&mut *store.connection().await?, clock).await?;
    if upkeep.knows_the_time() { end_all_expired(store, clocks.earlier()).await } else { Ok(()) }
}

/// All that have expired, in a transaction of its own.
pub async fn end_all_expired(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    store.transaction_without_standby(async |conn| end_expired(conn, None, now).await).await
}

/// Those of a credential, if there are any.
pub(crate) async fn end_due(conn: &mut Connection, credential: &Credential, now: Timestamp) -> Result<(), StoreError> {
    let is_due = |password: &PasswordRecord| password.slot.is_some() && password.has_ended_by_itself(now);
    if credential.passwords.iter().any(is_due) { end_expired(conn, Some(credential.id), now).await } else { Ok(()) }
}

/// Those of one credential, or of all.
async fn end_expired(
    conn: &mut Connection,
    credential: Option<CredentialId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for expired in credential_secrets::end_expired(conn, credential, now).await? {
        if let Some((account, username)) = credentials::find_subject(conn, expired.credential_id).await? {
            let (act, detail) = (Act::of_time(expired.at), AuditDetail::password(&expired.hint));
            audit::append(conn, account, &act, AuditLine::new(Action::PasswordExpired, &username).with(detail)).await?;
        }
    }
    Ok(())
}
