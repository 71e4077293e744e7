//! What sender settings would have accepted of the refused requests on the list: one offer for each credential and setting.

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::ids::CredentialId;
use crate::domain::rejection::Reason;
use crate::web::rows::rejection_row::settings_address;

/// From how many requests on a setting is offered above the list; beside each of them it is offered anyway.
const WORTH_A_NOTICE: u64 = 3;
/// How many offers a page has, those for the most requests first.
const MAX_OFFERS: usize = 3;

/// The refusals that [`offers`] is about.
pub(crate) const OFFERED: [Reason; 3] =
    [Reason::UnsupportedMediaType, Reason::UnsupportedEncoding, Reason::MethodNotAllowed];

/// How often, and what would accept it.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// `37 requests had another Content-Type than JSON.`
    pub(crate) text: String,
    pub(crate) credential: String,
    pub(crate) address: String,
    pub(crate) label: &'static str,
}

/// The offers for what was refused, as counted; none for a setting that is on by now, or for a credential that is revoked.
pub(crate) fn offers(counted: &[(CredentialId, Reason, u64)], credentials: &[Credential]) -> Vec<Offer> {
    let mut counted: Vec<_> = counted.iter().filter(|(.., count)| *count >= WORTH_A_NOTICE).collect();
    counted.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
    let offer = |(id, reason, count): &(CredentialId, Reason, u64)| {
        let credential = credentials.iter().find(|credential| credential.id == *id)?;
        let settings = &credential.settings;
        let (is_on, what, label) = match reason {
            Reason::UnsupportedMediaType => {
                (settings.any_content_type, "weren’t labelled as JSON", "Accept any content type")
            }
            Reason::UnsupportedEncoding => (settings.compressed_bodies, "were compressed", "Accept compressed bodies"),
            Reason::MethodNotAllowed => (settings.put_as_post, "were PUT", "Accept PUT"),
            _ => return None,
        };
        (credential.revoked_at.is_none() && !is_on).then(|| Offer {
            text: format!("{} requests {what}", grouped(*count)),
            credential: escape_invisible(&credential.name).into_owned(),
            address: settings_address(*id, *reason),
            label,
        })
    };
    counted.into_iter().filter_map(offer).take(MAX_OFFERS).collect()
}
