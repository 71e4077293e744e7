//! Turns two-step sign-in on, for whoever shows by a first code that the app has the secret. The user's other sessions end: they
//! were begun with the password alone.

use uuid::Uuid;

use crate::app::end_other_sessions::end_other_sessions;
use crate::app::failure::{Failure, carries_failure};
use crate::app::generate_recovery_codes::generate_recovery_codes;
use crate::app::member_act::MemberAct;
use crate::domain::aead::NONCE_BYTES;
use crate::domain::audit::{Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::installation::InstallationKeys;
use crate::domain::mail::Mail;
use crate::domain::second_factor::{GivenCode, RecoveryCode, SealedFor, SecretsKey, TotpSecret};
use crate::random;
use crate::store::tables::installation_keys::{self, NumberedKey};
use crate::store::tables::second_factors::{self, SealedFactor};
use crate::store::tables::{audit, outgoing_mails, users};

/// Why it stayed off, or as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnOnError {
    #[error("the code does not match")]
    WrongCode,
    #[error("it is on already")]
    AlreadyOn,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(TurnOnError);

/// Gives the recovery codes, which nobody sees again.
pub(crate) async fn turn_on_second_factor(
    MemberAct { store, member, act }: MemberAct<'_>,
    keys: &InstallationKeys,
    kept: Option<SessionId>,
    secret: &TotpSecret,
    input: &GivenCode,
) -> Result<Vec<RecoveryCode>, TurnOnError> {
    let user = member.user_id;
    let GivenCode::Totp(code) = input else { return Err(TurnOnError::WrongCode) };
    let Some(last_step) = secret.step_of(*code, act.at, 0) else { return Err(TurnOnError::WrongCode) };
    let nonce = random::bytes()?;
    let generated = generate_recovery_codes(keys, user)?;
    store
        .transaction(async |conn| {
            users::lock_unchanged(conn, member).await?;
            let key = installation_keys::hold_newest(conn).await?;
            let sealed_secret = sealed(keys, &key, secret, user, nonce).map_err(TurnOnError::Failed)?;
            let factor = SealedFactor { sealed_secret, key_number: key.number, last_step };
            second_factors::insert(conn, user, &factor, Uuid::new_v4(), act.at).await.map_err(|error| {
                if error.is_duplicate_of(second_factors::ONE_A_USER) { TurnOnError::AlreadyOn } else { error.into() }
            })?;
            second_factors::replace_codes(conn, user, &generated.hashes).await?;
            outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::SecondFactorTurnedOn, act.at).await?;
            let ended = end_other_sessions(conn, user, kept, act).await?;
            let detail = AuditDetail::OtherSessionsEnded { sessions_ended: ended as u64 };
            audit::append(
                conn,
                member.account_id,
                act,
                AuditLine::new(Action::SecondFactorTurnedOn, &member.email).with(detail),
            )
            .await?;
            Ok(generated.codes)
        })
        .await
}

fn sealed(
    keys: &InstallationKeys,
    key: &NumberedKey,
    secret: &TotpSecret,
    user: UserId,
    nonce: [u8; NONCE_BYTES],
) -> Result<Vec<u8>, Failure> {
    let key = SecretsKey::open(key.number, &key.stored, &keys.outside)?;
    Ok(secret.seal(&key, SealedFor::Row, user, nonce)?)
}
