//! Decides whether an address and a password belong together. An unknown address costs the same work as a wrong password,
//! and is told the same.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, Actor, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::device::Browser;
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::mail::Mail;
use crate::domain::network::throttle_key;
use crate::domain::secret::Secret;
use crate::domain::user_agent::browser_name;
use crate::hashing::{HASH_OF_NOTHING, Hasher, HashingError, Share, is_outdated};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store, as_part_of_request};
use crate::store::tables::{audit, known_addresses, outgoing_mails, second_factors, users};

/// What came of an address and a password, or of a link.
#[derive(Debug)]
pub(crate) enum SignIn {
    /// For whatever reason.
    Refused,
    /// The password is right, and was generated too long ago.
    PasswordExpired,
    Done(Member),
    /// The first step is right, and a code has to follow.
    NeedsCode(Member),
}

/// A guess that has begun is looked at to its end and written down, whether or not somebody waits for the answer.
pub(crate) async fn sign_in(
    store: &Store,
    hasher: &Hasher,
    (email, password): (&Email, &Secret),
    browser: &Browser,
    act: &Act,
) -> Result<SignIn, Failure> {
    // The connection is given back while argon2 runs.
    let found = users::find_by_email(&mut *store.connection().await?, email).await?;
    let (store, hasher, password, act) = (store.clone(), hasher.clone(), password.clone(), act.clone());
    let browser = browser.clone();
    let deciding = async move { decide(&store, &hasher, (found, &password), &browser, &act).await };
    let deciding = tokio::spawn(as_part_of_request(deciding));
    deciding.await.map_err(|_| HashingError::Failed)?
}

async fn decide(
    store: &Store,
    hasher: &Hasher,
    (found, password): (Option<(Member, String)>, &Secret),
    browser: &Browser,
    act: &Act,
) -> Result<SignIn, Failure> {
    let hash = found.as_ref().map_or(HASH_OF_NOTHING, |(_, hash)| hash);
    if !hasher.verify(Share::of(act), password, hash).await? {
        write_down_failure(store.clone(), found.map(|(member, _)| member), act.clone());
        return Ok(SignIn::Refused);
    }
    let Some((member, hash)) = found else { return Ok(SignIn::Refused) };
    if member.password_expires_at.is_some_and(|expires_at| expires_at <= act.at) {
        write_down_failure(store.clone(), Some(member), act.clone());
        return Ok(SignIn::PasswordExpired);
    }
    if is_outdated(&hash) {
        renew(store.clone(), (hasher.clone(), Share::of(act)), member.user_id, password.clone(), hash);
    }
    let conn = &mut *store.connection().await?;
    if second_factors::is_on(conn, member.user_id).await? {
        // Nobody is signed in yet; but that somebody knows the password is worth its owner's attention.
        audit::append(conn, member.account_id, act, AuditLine::new(Action::PasswordAccepted, &member.email)).await?;
        return Ok(SignIn::NeedsCode(member));
    }
    let act = Act { actor: Actor::User(member.user_id), ..act.clone() };
    note_sign_in(conn, &member, browser, &act, AuditDetail::None).await?;
    Ok(SignIn::Done(member))
}

/// Writes down that a user has signed in, and from where; the user is told of a browser that was not known.
pub(crate) async fn note_sign_in(
    conn: &mut Connection,
    member: &Member,
    browser: &Browser,
    act: &Act,
    how: AuditDetail,
) -> Result<(), StoreError> {
    if let Some(ip) = act.remote_ip {
        known_addresses::note(conn, member.user_id, throttle_key(ip), act.at).await?;
    }
    if browser.is_news_to(member, act.at) {
        let name = browser_name(browser.agent.as_deref().unwrap_or_default());
        let mail = Mail::NewDevice { browser: name, ip: act.remote_ip };
        outgoing_mails::insert(conn, member.ids(), &member.email, &mail, act.at).await?;
    }
    audit::append(conn, member.account_id, act, AuditLine::new(Action::SignedIn, &member.email).with(how)).await
}

/// Beside the answer: else its time would tell an address that has an account from one that has none.
fn write_down_failure(store: Store, member: Option<Member>, act: Act) {
    let address = act.remote_ip.map(tracing::field::display);
    let account = member.as_ref().map(|member| tracing::field::display(member.account_id));
    tracing::info!(address, account, "a sign-in failed");
    let Some(member) = member else { return };
    tokio::spawn(async move {
        let writing = async {
            let conn = &mut *store.connection().await?;
            let line = AuditLine::new(Action::SignInFailed, &member.email);
            audit::append(conn, member.account_id, &act, line).await
        };
        if let Err(error) = writing.await {
            tracing::warn!(%error, "a failed sign-in is missing from the audit trail");
        }
    });
}

/// Hashes a password anew with today's parameters, beside the request.
fn renew(store: Store, (hasher, share): (Hasher, Share), user: UserId, password: Secret, old: String) {
    tokio::spawn(async move {
        let renewing = async {
            let new = hasher.hash(share, &password).await?;
            Ok::<_, Failure>(users::replace_hash(&mut *store.connection().await?, user, &old, &new).await?)
        };
        if let Err(error) = renewing.await {
            tracing::warn!(%error, "an outdated hash stays for now; the next sign-in tries again");
        }
    });
}
