//! The credential that an act is about, and the page that its form was sent from, which is the one that the answer leads back to.

use actix_web::{HttpResponse, web};

use crate::domain::ids::CredentialId;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::local_path::local_path;
use crate::web::notice::{CredentialNotice, Notice};
use crate::web::rows::rejection_row::{REJECTIONS, credential_page};
use crate::web::webhooks::list_query::{ListQuery, PATH};

/// The place of the notice on a page. It takes the focus, so that nobody begins at the top again.
const NOTICE: &str = "#told";

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

/// Where somebody acted on a credential.
pub(crate) enum Origin {
    /// The list, with the query of its address.
    List(Vec<(String, String)>),
    /// Its own page.
    Credential(CredentialId),
}

impl Origin {
    /// What a form says in its field `return_to`. Whatever else it says is the credential's own page, which an account on Free has not.
    pub(crate) fn of(return_to: &str, current_user: &SignedIn, id: CredentialId) -> Self {
        let (path, query) = return_to.split_once('?').unwrap_or((return_to, ""));
        if path == PATH || !current_user.member.plan.includes_webhooks() {
            Self::List(web::Query::from_query(query).map(web::Query::into_inner).unwrap_or_default())
        } else {
            Self::Credential(id)
        }
    }

    fn address(&self) -> String {
        match self {
            Self::List(query) => ListQuery::of(query).address(),
            Self::Credential(id) => credential_page(*id),
        }
    }
}

/// Back to where the form was sent from, with a word on what was done. Late events are accepted on the list of refused requests too.
pub(crate) fn done(current_user: &SignedIn, id: CredentialId, return_to: &str, what: CredentialNotice) -> HttpResponse {
    let is_rejected = |path: &&str| path.split_once('?').map_or(*path, |(list, _)| list) == REJECTIONS;
    let rejected = local_path(return_to).filter(is_rejected).filter(|_| matches!(what, CredentialNotice::Accepted(_)));
    let back = rejected.map_or_else(|| Origin::of(return_to, current_user, id).address(), str::to_owned);
    current_user.redirect_with(&format!("{back}{NOTICE}"), Notice::Webhooks((id, what)))
}
