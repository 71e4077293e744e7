//! What the Webhooks page does to credentials. Each is one POST; those that make a password answer with the only page that ever
//! shows it.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::app::credential_act::CredentialError;
use crate::app::extend_overlap::{extend_overlap, undo_extension};
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
use crate::domain::ids::{CredentialId, SecretId};
use crate::domain::overlap::Overlap;
use crate::store::tables::credentials;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::{Submitted, id_or_new};
use crate::web::notice::CredentialNotice;
use crate::web::webhooks::created::{created, shown_before};
use crate::web::webhooks::credential_list;
use crate::web::webhooks::credential_page::{self, Asked};
use crate::web::webhooks::dialogs::dialog::Dialog;
use crate::web::webhooks::dialogs::refused::{ExpiryInput, Refused};
use crate::web::webhooks::list_query::PATH;
use crate::web::webhooks::origin::{Origin, done, id_of, id_on_pro};

/// What every form has: the page that it stands on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SentFrom {
    pub(crate) return_to: String,
}

/// The page that a form was sent from, with the dialog that says why nothing was changed.
async fn refuse(
    current_user: &SignedIn,
    return_to: &str,
    (dialog, refused): (Dialog, Option<Refused>),
) -> Result<HttpResponse, PageError> {
    let status = match &refused {
        Some(refused) if refused.is_resumed() => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::CONFLICT,
    };
    let origin = dialog.credential().map(|id| Origin::of(return_to, current_user, id));
    match origin.unwrap_or(Origin::List(Vec::new())) {
        Origin::List(query) => credential_list::render(current_user, &query, (Some(dialog), refused), status).await,
        Origin::Credential(id) => {
            credential_page::render(current_user, (id, Asked::default()), (Some(dialog), refused), status).await
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewCredential {
    name: String,
    /// The id of what the form makes.
    id: Option<String>,
    expires: String,
    expires_on: String,
    resumed: Option<String>,
}

/// `POST …/credentials`
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(form): Submitted<NewCredential>,
) -> Result<HttpResponse, PageError> {
    current_user.require_pro()?;
    let id = CredentialId(id_or_new(form.id.as_deref()));
    let expiry = ExpiryInput { expires: form.expires, expires_on: form.expires_on };
    let (name, end) = match (form.name.parse::<CredentialName>(), expiry.read(current_user.now())) {
        (Ok(name), Ok(end)) if form.resumed.is_none() => (name, end),
        (name, end) => {
            let told = form.resumed.is_none();
            let problem = name.err().filter(|_| told).map(|e| e.to_string());
            let expiry_problem = end.err().filter(|_| told).map(|e| e.to_string());
            let refused = Refused { typed: form.name, problem, expiry, expiry_problem };
            return refuse(&current_user, PATH, (Dialog::New, Some(refused))).await;
        }
    };
    let (state, act) = (current_user.state(), current_user.act());
    let most = Some(current_user.member.limits().credentials);
    let problem = match issue_credential(
        current_user.on(id, &act),
        (&state.hasher, &state.keys),
        (name, None),
        end,
        most,
    )
    .await
    {
        Ok(issued) => {
            let about = (issued.name.as_str(), issued.username.as_str());
            return created(&current_user, id, about, issued.password.secret(), None);
        }
        Err(CredentialError::AlreadyIssued) => return shown_before(&current_user, id).await,
        Err(CredentialError::TooMany(most)) => format!(
            "You’ve reached the limit of {most} credentials. Revoke one that you no longer need, or ask your \
             administrator for more."
        ),
        Err(CredentialError::NameTaken(username)) => name_taken(&username),
        Err(error) => return Err(error.into()),
    };
    let refused = Refused { typed: form.name, problem: Some(problem), expiry, expiry_problem: None };
    refuse(&current_user, PATH, (Dialog::New, Some(refused))).await
}

fn name_taken(username: &str) -> String {
    format!("Your credential {username} already has this name. Choose another, so that you can tell them apart.")
}

#[derive(Deserialize)]
pub(crate) struct Rotation {
    #[serde(default)]
    overlap: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    return_to: String,
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
        Err(CredentialError::Revoked) => Ok(done(&current_user, id, &form.return_to, CredentialNotice::Revoked)),
        // The dialog says when the slot frees and offers to stop the old password now.
        Err(CredentialError::TwoPasswordsLive(_)) => {
            refuse(&current_user, &form.return_to, (Dialog::Rotate(id), None)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/credentials/{id}/old-password-revocation`
pub(crate) async fn stop_old(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<SentFrom>,
) -> Result<HttpResponse, PageError> {
    let id = id_of(&id)?;
    stop_old_password(current_user.on(id, &current_user.act()), None).await?;
    Ok(done(&current_user, id, &form.return_to, CredentialNotice::OldPasswordStopped))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Extension {
    return_to: String,
    /// Anything, where it is to be undone.
    undo: Option<String>,
}

/// `POST …/credentials/{id}/overlap-extension`
pub(crate) async fn extend(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Extension>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let act = current_user.act();
    let on = current_user.on(id, &act);
    let outcome = match form.undo {
        Some(_) => undo_extension(on).await.map(|_| CredentialNotice::ExtensionUndone),
        None => extend_overlap(on).await.map(|_| CredentialNotice::Extended),
    };
    match outcome {
        Ok(what) => Ok(done(&current_user, id, &form.return_to, what)),
        Err(CredentialError::Changed) => Ok(done(&current_user, id, &form.return_to, CredentialNotice::ExtensionStays)),
        // A page that was open for long still has the button.
        Err(CredentialError::NoOverlap | CredentialError::AlreadyExtended) => {
            Ok(done(&current_user, id, &form.return_to, CredentialNotice::NotExtended))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Expiry {
    expires: String,
    expires_on: String,
    return_to: String,
    resumed: Option<String>,
}

/// `POST …/credentials/{id}/expiry`
pub(crate) async fn expire(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Expiry>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let Expiry { expires, expires_on, return_to, resumed } = form;
    let input = ExpiryInput { expires, expires_on };
    if resumed.is_some() {
        let refused = Refused { expiry: input, ..Refused::default() };
        return refuse(&current_user, &return_to, (Dialog::Expiry(id), Some(refused))).await;
    }
    let end = match input.read(current_user.now()) {
        Ok(end) => end,
        Err(problem) => {
            let refused = Refused::expiry(input, problem);
            return refuse(&current_user, &return_to, (Dialog::Expiry(id), Some(refused))).await;
        }
    };
    let what = match set_expiry(current_user.on(id, &current_user.act()), end).await {
        Ok(was) if end.is_some() => CredentialNotice::Dated { was },
        Ok(was) => CredentialNotice::Undated { was },
        Err(CredentialError::NoPassword) => CredentialNotice::NothingToDate,
        Err(error) => return Err(error.into()),
    };
    Ok(done(&current_user, id, &return_to, what))
}

#[derive(Deserialize)]
pub(crate) struct Revocation {
    /// The name, typed again, where the dialog asked for it.
    #[serde(default)]
    confirmation: Option<String>,
    #[serde(default)]
    return_to: String,
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
            let refused = Refused::new(typed.clone(), format!("Type {shown} exactly as it is written."));
            return refuse(&current_user, &form.return_to, (Dialog::Revoke(id), Some(refused))).await;
        }
    }
    revoke_credential(current_user.on(id, &current_user.act())).await?;
    Ok(done(&current_user, id, &form.return_to, CredentialNotice::Revoked))
}

/// `POST …/credentials/{id}/disabling`
pub(crate) async fn disable(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<SentFrom>,
) -> Result<HttpResponse, PageError> {
    switch(&current_user, id_of(&id)?, &form, (Switch::Disable, CredentialNotice::Disabled)).await
}

/// `POST …/credentials/{id}/enabling`
pub(crate) async fn enable(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<SentFrom>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    switch(&current_user, id, &form, (Switch::Enable, CredentialNotice::Enabled)).await
}

async fn switch(
    current_user: &SignedIn,
    id: CredentialId,
    form: &SentFrom,
    (way, what): (Switch, CredentialNotice),
) -> Result<HttpResponse, PageError> {
    match switch_credential(current_user.on(id, &current_user.act()), way).await {
        Ok(true) => Ok(done(current_user, id, &form.return_to, what)),
        Ok(false) => Ok(done(current_user, id, &form.return_to, CredentialNotice::Unchanged)),
        Err(CredentialError::Revoked) => Ok(done(current_user, id, &form.return_to, CredentialNotice::Revoked)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewName {
    name: String,
    return_to: String,
    resumed: Option<String>,
}

/// `POST …/credentials/{id}/name`
pub(crate) async fn rename(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<NewName>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let NewName { name: typed, return_to, resumed } = form;
    if resumed.is_some() {
        let refused = Refused { typed, ..Refused::default() };
        return refuse(&current_user, &return_to, (Dialog::Rename(id), Some(refused))).await;
    }
    let problem = match typed.parse::<CredentialName>() {
        Ok(name) => match rename_credential(current_user.on(id, &current_user.act()), &name).await {
            Ok(was) => return Ok(done(&current_user, id, &return_to, CredentialNotice::Renamed { was })),
            Err(CredentialError::NameTaken(username)) => name_taken(&username),
            Err(error) => return Err(error.into()),
        },
        Err(problem) => problem.to_string(),
    };
    refuse(&current_user, &return_to, (Dialog::Rename(id), Some(Refused::new(typed, problem)))).await
}

/// `POST …/credentials/{id}/test-event`
pub(crate) async fn test(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<SentFrom>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let engine = &current_user.state().engine;
    // As its sender would be.
    if engine.full_accounts.contains(current_user.member.account_id) {
        return Ok(done(&current_user, id, &form.return_to, CredentialNotice::TestFull));
    }
    let event = engine.ids.next(current_user.now());
    let started = Instant::now();
    let act = current_user.act();
    match send_test_event(current_user.on(id, &act), event, engine.usage.writer()).await {
        Ok(()) => {
            engine.notifier.notify(current_user.member.account_id);
            let ms = started.elapsed().as_millis() as u64;
            Ok(done(&current_user, id, &form.return_to, CredentialNotice::Tested { event, ms }))
        }
        Err(CredentialError::NotAccepted) => {
            Ok(done(&current_user, id, &form.return_to, CredentialNotice::TestRefused))
        }
        Err(error) => Err(error.into()),
    }
}
