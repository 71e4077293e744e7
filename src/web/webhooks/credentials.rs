//! What the Webhooks page does to credentials. Each is one POST; those that make a password answer with the only page that ever
//! shows it.

use std::time::Instant;

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::app::credential_act::CredentialError;
use crate::app::extend_overlap::extend_overlap;
use crate::app::issue_credential::issue_credential;
use crate::app::rename_credential::rename_credential;
use crate::app::revoke_credential::revoke_credential;
use crate::app::rotate_credential::{Lost, rotate_credential};
use crate::app::send_test_event::send_test_event;
use crate::app::set_expiry::set_expiry;
use crate::app::stop_old_password::stop_old_password;
use crate::app::switch_credential::{Switch, switch_credential};
use crate::domain::credential::CredentialName;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::expiry;
use crate::domain::ids::{CredentialId, SecretId};
use crate::domain::overlap::Overlap;
use crate::store::tables::credentials;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::{Submitted, id_or_new};
use crate::web::notice::{CredentialNotice, Notice};
use crate::web::webhooks::created::{created, shown_before};
use crate::web::webhooks::credential_list::{self, PATH};
use crate::web::webhooks::dialogs::dialog::Dialog;
use crate::web::webhooks::dialogs::refused::Refused;

/// The credential of an address. Whether it is the reader's own is for the act to find out. To end or to stop something needs no plan: a
/// password that leaked while the account was on Pro would work again when it is back.
pub(crate) fn id_of(text: &str) -> Result<CredentialId, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

/// The same for what is part of the plan.
pub(crate) fn id_on_pro(current_user: &SignedIn, text: &str) -> Result<CredentialId, PageError> {
    current_user.require_pro()?;
    id_of(text)
}

/// Back to the page, with a word on what was done.
pub(crate) fn done(current_user: &SignedIn, id: CredentialId, what: CredentialNotice) -> HttpResponse {
    current_user.redirect_with(PATH, Notice::Webhooks((id, what)))
}

#[derive(Deserialize)]
pub(crate) struct NameOf {
    #[serde(default)]
    name: String,
    /// The id of what the form makes.
    #[serde(default)]
    id: Option<String>,
}

/// `POST …/credentials`
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(form): Submitted<NameOf>,
) -> Result<HttpResponse, PageError> {
    current_user.require_pro()?;
    let id = CredentialId(id_or_new(form.id.as_deref()));
    let name: CredentialName = match form.name.parse() {
        Ok(name) => name,
        Err(problem) => {
            let refused = Refused { typed: form.name, problem: problem.to_string() };
            return credential_list::show_invalid(&current_user, Dialog::New, refused).await;
        }
    };
    let state = current_user.state();
    let act = current_user.act();
    let most = Some(current_user.member.limits().credentials);
    match issue_credential(current_user.on(id, &act), (&state.hasher, &state.keys), (name, None), most).await {
        Ok(issued) => {
            let about = (issued.name.as_str(), issued.username.as_str());
            created(&current_user, id, about, issued.password.secret(), None)
        }
        Err(CredentialError::AlreadyIssued) => shown_before(&current_user, id).await,
        Err(CredentialError::TooMany(most)) => {
            let problem = format!(
                "Your account can have {most} credentials and has them. Revoke one that you no longer need, or ask your \
                 administrator for more."
            );
            let refused = Refused { typed: form.name, problem };
            credential_list::show_invalid(&current_user, Dialog::New, refused).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(crate) struct Rotation {
    #[serde(default)]
    overlap: Option<String>,
    #[serde(default)]
    id: Option<String>,
}

/// `POST …/credentials/{id}/rotation`
pub(crate) async fn rotate(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Rotation>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let overlap = match &form.overlap {
        None => Overlap::OneDay,
        Some(text) => text.parse().map_err(|e| PageError::BadRequest(format!("{e}")))?,
    };
    let secret = SecretId(id_or_new(form.id.as_deref()));
    let state = current_user.state();
    let act = current_user.act();
    match rotate_credential(current_user.on(id, &act), (&state.hasher, &state.keys), (secret, overlap), Lost::Never)
        .await
    {
        Ok(rotated) => {
            let about = (rotated.credential.name.as_str(), rotated.credential.username.as_str());
            let until = rotated.previous_expires_at.map(|at| When::minute(at, act.at));
            created(&current_user, id, about, rotated.password.secret(), Some(until))
        }
        Err(CredentialError::AlreadyRotated) => shown_before(&current_user, id).await,
        Err(CredentialError::Revoked) => Ok(done(&current_user, id, CredentialNotice::Revoked)),
        // The dialog says when the slot frees and offers to stop the old password now.
        Err(CredentialError::TwoPasswordsLive(_)) => {
            credential_list::show_conflict(&current_user, Dialog::Rotate(id)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/credentials/{id}/old-password-revocation`
pub(crate) async fn stop_old(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id = id_of(&id)?;
    stop_old_password(current_user.on(id, &current_user.act()), None).await?;
    Ok(done(&current_user, id, CredentialNotice::OldPasswordStopped))
}

/// `POST …/credentials/{id}/overlap-extension`
pub(crate) async fn extend(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    match extend_overlap(current_user.on(id, &current_user.act())).await {
        Ok(_) => Ok(done(&current_user, id, CredentialNotice::Extended)),
        // A page that was open for long still has the button.
        Err(CredentialError::NoOverlap | CredentialError::AlreadyExtended) => {
            Ok(done(&current_user, id, CredentialNotice::NotExtended))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(crate) struct Expiry {
    /// The day at whose beginning the password ends; empty for none.
    #[serde(default)]
    expires_on: String,
    /// The button that removes the date, whatever the field says.
    #[serde(default)]
    remove: Option<String>,
}

/// `POST …/credentials/{id}/expiry`
pub(crate) async fn expire(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Expiry>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let Expiry { expires_on, remove } = form;
    let input = if remove.is_some() { "" } else { &expires_on };
    let end = match expiry::parse(input, current_user.now()) {
        Ok(end) => end,
        Err(problem) => {
            let refused = Refused { typed: expires_on, problem: problem.to_string() };
            return credential_list::show_invalid(&current_user, Dialog::Expiry(id), refused).await;
        }
    };
    match set_expiry(current_user.on(id, &current_user.act()), end).await {
        Ok(()) => {
            Ok(done(&current_user, id, if end.is_some() { CredentialNotice::Dated } else { CredentialNotice::Undated }))
        }
        Err(CredentialError::NoPassword) => Ok(done(&current_user, id, CredentialNotice::NothingToDate)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(crate) struct Revocation {
    /// The name, typed again, where the dialog asked for it.
    #[serde(default)]
    confirmation: Option<String>,
}

/// `POST …/credentials/{id}/revocation`. Typing the name guards against a slip of the hand, not against an attacker, so a form
/// without that field is as good.
pub(crate) async fn revoke(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Revocation>,
) -> Result<HttpResponse, PageError> {
    let id = id_of(&id)?;
    let (store, account) = (&current_user.state().store, current_user.member.account_id);
    if let Some(typed) = &form.confirmation {
        let credential =
            credentials::find(&mut *store.connection().await?, account, id).await?.ok_or(PageError::NotFound)?;
        // A name with invisible characters can only be typed as it is shown.
        let shown = escape_invisible(&credential.name);
        if typed.trim() != credential.name && typed.trim() != shown {
            let problem = format!("Type {shown} exactly as it is written.");
            let refused = Refused { typed: typed.clone(), problem };
            return credential_list::show_invalid(&current_user, Dialog::Revoke(id), refused).await;
        }
    }
    revoke_credential(current_user.on(id, &current_user.act())).await?;
    Ok(done(&current_user, id, CredentialNotice::Revoked))
}

/// `POST …/credentials/{id}/disabling`
pub(crate) async fn disable(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    switch(current_user, &id, Switch::Disable, CredentialNotice::Disabled).await
}

/// `POST …/credentials/{id}/enabling`
pub(crate) async fn enable(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    id_on_pro(&current_user, &id)?;
    switch(current_user, &id, Switch::Enable, CredentialNotice::Enabled).await
}

async fn switch(
    current_user: SignedIn,
    id: &str,
    way: Switch,
    what: CredentialNotice,
) -> Result<HttpResponse, PageError> {
    let id = id_of(id)?;
    match switch_credential(current_user.on(id, &current_user.act()), way).await {
        Ok(()) => Ok(done(&current_user, id, what)),
        Err(CredentialError::Revoked) => Ok(done(&current_user, id, CredentialNotice::Revoked)),
        Err(error) => Err(error.into()),
    }
}

/// `POST …/credentials/{id}/name`
pub(crate) async fn rename(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<NameOf>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let name: CredentialName = match form.name.parse() {
        Ok(name) => name,
        Err(problem) => {
            let refused = Refused { typed: form.name, problem: problem.to_string() };
            return credential_list::show_invalid(&current_user, Dialog::Rename(id), refused).await;
        }
    };
    rename_credential(current_user.on(id, &current_user.act()), &name).await?;
    Ok(done(&current_user, id, CredentialNotice::Renamed))
}

/// `POST …/credentials/{id}/test-event`
pub(crate) async fn test(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let engine = &current_user.state().engine;
    // As its sender would be.
    if engine.full_accounts.contains(current_user.member.account_id) {
        return Ok(done(&current_user, id, CredentialNotice::TestFull));
    }
    let event = engine.ids.next(current_user.now());
    let started = Instant::now();
    let act = current_user.act();
    match send_test_event(current_user.on(id, &act), event, engine.usage.writer()).await {
        Ok(()) => {
            engine.notifier.notify(current_user.member.account_id);
            let ms = started.elapsed().as_millis() as u64;
            Ok(done(&current_user, id, CredentialNotice::Tested { event, ms }))
        }
        Err(CredentialError::NotAccepted) => Ok(done(&current_user, id, CredentialNotice::TestRefused)),
        Err(error) => Err(error.into()),
    }
}
