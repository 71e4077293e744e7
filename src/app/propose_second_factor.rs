//! Makes the secret that somebody may turn two-step sign-in on with. It is kept nowhere: sealed, it goes into the form that its
//! owner sends back with a first code.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::app::failure::Failure;
use crate::domain::ids::UserId;
use crate::domain::installation::InstallationKeys;
use crate::domain::second_factor::{SealedFor, SecretsKey, TotpSecret};
use crate::random;

/// A secret, and the same for the form.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) secret: TotpSecret,
    pub(crate) sealed: String,
}

pub(crate) fn propose_second_factor(keys: &InstallationKeys, user: UserId) -> Result<Proposal, Failure> {
    let secret = TotpSecret::from_random(random::bytes()?);
    let sealed = secret.seal(&SecretsKey::of_forms(keys), SealedFor::Form, user, random::bytes()?)?;
    Ok(Proposal { secret, sealed: BASE64_URL_SAFE_NO_PAD.encode(sealed) })
}

/// The proposal that a form brought back; `None` when it is not one of this user's.
pub(crate) fn recognise_proposal(keys: &InstallationKeys, user: UserId, sealed: &str) -> Option<Proposal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let secret = TotpSecret::open(&SecretsKey::of_forms(keys), SealedFor::Form, user, &bytes)?;
    Some(Proposal { secret, sealed: sealed.to_owned() })
}
