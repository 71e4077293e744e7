//! Creates an account and its first user: at set-up, at sign-up, on the command line.

use jiff::Timestamp;

use crate::app::failure::{Failure, carries_failure};
use crate::domain::account::{Plan, account_name};
use crate::domain::account_password::NewPassword;
use crate::domain::audit::{Act, Action, Actor, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::email::Email;
use crate::domain::ids::{AccountId, UserId};
use crate::domain::mail::Mail;
use crate::hashing::{Hasher, Share};
use crate::random;
use crate::store::connection::pool::Store;
use crate::store::tables::{accounts, audit, installation, outgoing_mails, users};

/// What an account is made of.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct NewAccount {
    pub email: Email,
    pub name: Option<String>,
    pub plan: Plan,
    pub password: NewPassword,
    /// Until when the user may sign in with it, to change it, where it was generated.
    pub password_expires_at: Option<Timestamp>,
    /// Only as the first account of the installation.
    pub is_set_up: bool,
}

/// Why no account was created.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum CreateAccountError {
    #[error("an account with this email address exists")]
    EmailTaken,
    #[error("this installation is set up already")]
    AlreadySetUp,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(CreateAccountError);

/// Creates the account. Of two set-ups at once exactly one succeeds, since both claim the same row.
pub async fn create_account(
    store: &Store,
    hasher: &Hasher,
    new: NewAccount,
    act: &Act,
) -> Result<(AccountId, UserId), CreateAccountError> {
    let hash = hasher.hash(Share::of(act), new.password.secret()).await?;
    let account = AccountId(random::uuid_at(act.at));
    let user = UserId(random::uuid_at(act.at));
    let name = account_name(new.name.as_deref(), new.email.as_str());
    store
        .transaction(async |conn| {
            let fresh = installation::is_fresh(conn).await?;
            let claimed = installation::claim_set_up(conn, act.at).await?;
            if new.is_set_up && !(fresh && claimed) {
                return Err(CreateAccountError::AlreadySetUp);
            }
            accounts::insert(conn, account, &name, new.plan, act.at).await?;
            users::insert(conn, (account, user), &new.email, (&hash, new.password_expires_at), act.at).await.map_err(
                |error| {
                    if error.is_duplicate_of(users::EMAIL_IS_UNIQUE) {
                        CreateAccountError::EmailTaken
                    } else {
                        error.into()
                    }
                },
            )?;
            // Whoever is given an account by the operator has an address that the operator knows.
            if act.actor == Actor::Visitor {
                let (owner, address) = ((account, user), new.email.as_str());
                outgoing_mails::insert(conn, owner, address, &Mail::AddressConfirmation, act.at).await?;
            }
            let detail = AuditDetail::Plan { plan: new.plan.as_str().to_owned() };
            audit::append(conn, account, act, AuditLine::new(Action::AccountCreated, new.email.as_str()).with(detail))
                .await?;
            Ok((account, user))
        })
        .await
}
