//! Authentication of a sender, with rate limiting of failures.
//!
//! Who a request comes from. A sender that was verified a moment ago is let in whatever its neighbours do; of all others an address
//! may only fail so often; a request that brings no credentials at all is no failure. What the owner hears of a refusal, and what its sender does, is decided here as well.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::basic_auth::BasicCredentials;
use crate::domain::credential::Username;
use crate::domain::credential_password::CredentialPassword;
use crate::domain::malformed_credentials::MalformedCredentials;
use crate::domain::network::throttle_key;
use crate::domain::rejection::Reason;
use crate::ingest::head::Head;
use crate::ingest::receive::Engine;
use crate::ingest::refusal::Refusal;
use crate::ingest::secret_cache::Verified;
use crate::ingest::stopped::Why;
use crate::ingest::usage::Subject;
use crate::ingest::verifier::{Verdict, VerifyError};
use crate::store::tables::credential_secrets::SecretRow;

/// What the owner reads of a request whose sender was answered with 429.
const TOLD_TO_WAIT: &str = "its sender was told to wait (429), after too many failures from its address";

/// What came with an expired password and is held: whose it is, and when its refusal is listed.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) sender: Verified,
    pub(super) rejected_at: Timestamp,
}

impl Engine {
    /// Who is sending; or why not, and with which password a late event came, where it is one that is held.
    pub(super) async fn authenticate(&self, head: &Head<'_>) -> Result<Verified, (Refusal, Option<Late>)> {
        if let Some(token) = head.token {
            return Box::pin(self.authenticate_address(head, token)).await;
        }
        // No guess: some clients send their password only when a 401 has asked for it, and they ask before every event.
        if !head.has_authorization() {
            return Err((Refusal::Unauthorized, None));
        }
        let now = self.clock.now();
        let address = throttle_key(head.sender.ip);
        let recognised = head.authorization().ok_or(Verdict::Unknown).and_then(|input| self.verifier.recognise(input));
        if let Ok((username, password)) = &recognised
            && let Some(verified) = self.verifier.verify_cached(username, password, now)
        {
            return Ok(verified);
        }
        let throttled = self.limiter.wait(&address, now);
        let refusal = throttled.map_or(Refusal::Unauthorized, |retry_after| Refusal::TooManyFailures { retry_after });
        let verdict = match recognised {
            Ok((username, password)) => {
                let verifying =
                    Box::pin(self.verify_if_allowed(&username, &password, throttled.and(Some(&address)), now));
                let verdict = verifying.await.map_err(|error| {
                    tracing::warn!(%error, "a sender could not be verified");
                    (Refusal::UNAVAILABLE, None)
                })?;
                let Some(verdict) = verdict else { return Err((refusal, None)) };
                verdict
            }
            Err(_) if throttled.is_some() => return Err((refusal, None)),
            Err(verdict) => verdict,
        };
        self.refuse_verdict(head, verdict, throttled)
    }

    /// The same for a sender that has its secret in the address.
    async fn authenticate_address(&self, head: &Head<'_>, token: &str) -> Result<Verified, (Refusal, Option<Late>)> {
        let now = self.clock.now();
        let throttled = self.limiter.wait(&throttle_key(head.sender.ip), now);
        // A right token is no guess: 131 random bits and a checksum tell it from all that were guessed.
        let verdict = self.verifier.verify_address(token, now).await.map_err(|error| {
            tracing::warn!(%error, "a sender could not be verified");
            (Refusal::UNAVAILABLE, None)
        })?;
        self.refuse_verdict(head, verdict, throttled)
    }

    /// Lets in whom the verdict lets in, and notes why not.
    fn refuse_verdict(
        &self,
        head: &Head<'_>,
        verdict: Verdict,
        throttled: Option<Duration>,
    ) -> Result<Verified, (Refusal, Option<Late>)> {
        let (now, address) = (self.clock.now(), throttle_key(head.sender.ip));
        let refusal = throttled.map_or(Refusal::Unauthorized, |retry_after| Refusal::TooManyFailures { retry_after });
        let mut detail = throttled.map(|_| TOLD_TO_WAIT.to_owned());
        let (subject, reason, hint, late) = match verdict {
            Verdict::Verified(verified) => return Ok(verified),
            Verdict::Refused { account_id, credential_id, reason, hint, late } => {
                (Subject::Known(account_id, credential_id), reason, hint, late)
            }
            Verdict::Forged(username) => match self.malformed(head) {
                Some((username, hint @ Some(_), problem)) => {
                    detail = Some(problem.to_owned());
                    (Subject::Named(username), Reason::MalformedCredentials, hint, None)
                }
                _ => (Subject::Named(username), Reason::WrongPassword, None, None),
            },
            Verdict::Unknown => match self.malformed(head) {
                Some((username, hint, problem)) => {
                    detail = Some(problem.to_owned());
                    (Subject::Named(username), Reason::MalformedCredentials, hint, None)
                }
                None => {
                    self.limiter.note_failure(&address, now);
                    return Err((refusal, None));
                }
            },
        };
        let why = Why { reason, hint, detail, size_bytes: head.announced_size() };
        let rejected_at = self.note_rejection(head, subject, why, now);
        if reason == Reason::ProRequired {
            return Err((Refusal::ProRequired, None));
        }
        // A late event that is held takes a token like any failure: a sender could otherwise tell it from a wrong password.
        self.limiter.note_failure(&address, now);
        Err((refusal, late.map(|sender| Late { sender, rejected_at })))
    }

    /// Whether the sender of a request that is no event may send.
    pub(crate) async fn admit(&self, head: &Head<'_>) -> Result<(), Refusal> {
        self.identify(head).await.map(drop)
    }

    /// The same, and with which password. It counts as no use of that.
    pub(crate) async fn identify(&self, head: &Head<'_>) -> Result<SecretRow, Refusal> {
        if self.https_required && head.sender.https == Some(false) {
            return Err(Refusal::HttpsRequired);
        }
        let sender = self.authenticate(head).await.map_err(|(refusal, _)| refusal)?;
        match self.verifier.confirm(&sender, self.clock.now()).await {
            Ok(Ok(row)) if row.settings.allows(head.sender.ip) => Ok(row),
            Ok(Ok(_)) => Err(Refusal::Unauthorized),
            Ok(Err(Reason::ProRequired)) => Err(Refusal::ProRequired),
            Ok(Err(_)) => Err(Refusal::Unauthorized),
            Err(_) => Err(Refusal::UNAVAILABLE),
        }
    }

    /// Whose credentials are malformed, what is wrong with them, and the hint of the password, if it is right but for that. It takes
    /// neither the database nor argon2, and its sender is told the same whatever comes of it.
    fn malformed(&self, head: &Head<'_>) -> Option<(Username, Option<String>, &'static str)> {
        let MalformedCredentials { username, password, problem } = head.malformed_credentials()?;
        let input = BasicCredentials { username: username.as_str().to_owned(), password };
        let hint = self.verifier.recognise(input).ok().map(|(_, password)| password.hint().to_owned());
        Some((username, hint, problem))
    }

    /// Notes, for its owner, what came with right credentials and can be no event: to another address, or with too long a one. The
    /// checksum tells whether they are right, so that it costs nothing. What its sender is told does not depend on it.
    pub(crate) fn note_misdirected(&self, head: &Head<'_>, reason: Reason, detail: String) {
        let Some(Ok((username, password))) = head.authorization().map(|input| self.verifier.recognise(input)) else {
            return;
        };
        let hint = Some(password.hint().to_owned());
        let why = Why { reason, hint, detail: Some(detail), size_bytes: head.announced_size() };
        self.note_rejection(head, Subject::Named(username), why, self.clock.now());
    }

    /// The verdict on a password with a right checksum, which nobody but this installation makes. So it is looked at also where its
    /// `throttled` address has failed too often: a sender that is known to nobody yet must not be kept out by its neighbour, nor the
    /// late events of a whole night be lost. `None` when too many of these were looked at as well.
    async fn verify_if_allowed(
        &self,
        username: &Username,
        password: &CredentialPassword,
        throttled: Option<&IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Verdict>, VerifyError> {
        if let Some(address) = throttled {
            if let Some(verdict) = self.verifier.late_cached(username, password, now) {
                return Ok(Some(verdict));
            }
            if self.second_looks.wait(address, now).is_some() {
                return Ok(None);
            }
            self.second_looks.note_failure(address, now);
        }
        self.verifier.verify(username, password, now).await.map(Some)
    }
}
