//! What the pages do about late events: accept them, discard them, and switch their holding off and on.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::app::accept_held_events::accept_held_events;
use crate::app::credential_act::CredentialError;
use crate::app::discard_held_events::discard_held_events;
use crate::app::switch_holding::switch_holding;
use crate::domain::holding::HeldRange;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::held::until;
use crate::web::notice::CredentialNotice;
use crate::web::webhooks::origin::{done, id_on_pro};

#[derive(Deserialize)]
pub(crate) struct Switching {
    #[serde(default)]
    holding: String,
    #[serde(default)]
    return_to: String,
}

/// `POST …/credentials/{id}/holding`
pub(crate) async fn switch(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Switching>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let (holding, what) = match form.holding.as_str() {
        "on" => (true, CredentialNotice::Holding),
        "off" => (false, CredentialNotice::NotHolding),
        other => return Err(PageError::BadRequest(format!("{other:?} is not a choice: say on or off"))),
    };
    match switch_holding(current_user.on(id, &current_user.act()), holding).await {
        Ok(true) => Ok(done(&current_user, id, &form.return_to, what)),
        Ok(false) => Ok(done(&current_user, id, &form.return_to, CredentialNotice::Unchanged)),
        Err(CredentialError::Revoked) => Ok(done(&current_user, id, &form.return_to, CredentialNotice::Revoked)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(crate) struct Seen {
    /// The latest of the events that the page told of.
    #[serde(default)]
    until: Option<String>,
    /// The only one that is meant.
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    return_to: String,
}

impl Seen {
    fn range(&self, current_user: &SignedIn) -> Result<HeldRange, PageError> {
        let only = self.event.as_deref().map(|id| id.parse().map_err(|_| PageError::NotFound)).transpose()?;
        Ok(HeldRange { until: until(self.until.as_deref(), current_user.now()), only })
    }
}

/// `POST …/credentials/{id}/held-events/acceptance`, behind the question for the password.
pub(crate) async fn accept(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Seen>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let (state, account) = (current_user.state(), current_user.member.account_id);
    let range = (form.range(&current_user)?, state.retention_days);
    let counter = state.engine.usage.writer();
    let accepted = accept_held_events(current_user.on(id, &current_user.act()), range, counter).await?;
    state.engine.notifier.notify(account);
    Ok(done(&current_user, id, &form.return_to, CredentialNotice::Accepted(accepted)))
}

/// `POST …/credentials/{id}/held-events/discarding`, behind the question for the password.
pub(crate) async fn discard(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Seen>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let range = form.range(&current_user)?;
    let events = discard_held_events(current_user.on(id, &current_user.act()), range).await?;
    Ok(done(&current_user, id, &form.return_to, CredentialNotice::Discarded { events }))
}
