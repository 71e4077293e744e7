//! Refusing: what the sender of a request is told that stopped, and what its owner reads.

use jiff::Timestamp;

use crate::domain::body_pace::{BodyPace, Progress};
use crate::domain::ids::CredentialId;
use crate::domain::network::throttle_key;
use crate::domain::rejection::{NewRejection, Reason};
use crate::domain::size::precise_size;
use crate::ingest::content::Unsupported;
use crate::ingest::head::Head;
use crate::ingest::receive::Engine;
use crate::ingest::refusal::Refusal;
use crate::ingest::secret_cache::Verified;
use crate::ingest::split::MAX_EVENTS;
use crate::ingest::stopped::{Stopped, Why};
use crate::ingest::usage::Subject;

impl Engine {
    /// Notes why a verified sender is refused, for the owner, and says it to the sender: unless its password has ended
    /// meanwhile, which comes first.
    pub(super) async fn refuse(&self, head: &Head<'_>, sender: &Verified, stopped: Stopped) -> Refusal {
        let now = self.clock.now();
        let stopped = match stopped {
            Stopped::Store(error) => {
                // The writer has logged it, once for all whom it concerns.
                tracing::debug!(%error, "an event could not be stored");
                return Refusal::UNAVAILABLE;
            }
            // What the settings refuse was asked for a moment ago.
            Stopped::NoLongerUsable(_) | Stopped::Unsupported(_) | Stopped::Put => stopped,
            other => match self.verifier.confirm(sender, now).await {
                Ok(Ok(_)) => other,
                Ok(Err(reason)) => Stopped::NoLongerUsable(reason),
                Err(error) => {
                    tracing::warn!(%error, "a refused sender could not be confirmed");
                    return Refusal::UNAVAILABLE;
                }
            },
        };
        if matches!(stopped, Stopped::NoLongerUsable(_)) {
            self.verifier.forget(sender.secret_id);
        }
        if matches!(stopped, Stopped::NoLongerUsable(reason) if reason != Reason::ProRequired) {
            self.limiter.note_failure(&throttle_key(head.sender.ip), now);
        }
        let Some((reason, detail, size_bytes, refusal)) = self.told(stopped, head.announced_size()) else {
            return Refusal::UNAVAILABLE;
        };
        let subject = Subject::Known(sender.account_id, sender.credential_id);
        let why = Why { reason, hint: Some(sender.hint.clone()), detail, size_bytes };
        self.note_rejection(head, subject, why, now);
        refusal
    }

    /// Why, what exactly, how large it was, and what the sender is told; nothing where the reason is ours.
    fn told(&self, stopped: Stopped, announced: Option<u64>) -> Option<(Reason, Option<String>, Option<u64>, Refusal)> {
        Some(match stopped {
            Stopped::Store(_) => return None,
            Stopped::NoLongerUsable(Reason::ProRequired) => {
                (Reason::ProRequired, None, announced, Refusal::ProRequired)
            }
            Stopped::NoLongerUsable(reason) => (reason, None, announced, Refusal::Unauthorized),
            Stopped::Unsupported(Unsupported::Type(problem)) => {
                let refusal = Refusal::UnsupportedMediaType { problem: problem.clone() };
                (Reason::UnsupportedMediaType, Some(problem), announced, refusal)
            }
            Stopped::Unsupported(Unsupported::Coding(problem)) => {
                let refusal = Refusal::UnsupportedMediaType { problem: problem.clone() };
                (Reason::UnsupportedEncoding, Some(problem), announced, refusal)
            }
            Stopped::Put => {
                let detail = "the request is a PUT".to_owned();
                (Reason::MethodNotAllowed, Some(detail), announced, Refusal::MethodNotAllowed)
            }
            Stopped::StorageFull => (Reason::StorageFull, None, announced, Refusal::StorageFull),
            Stopped::TooManyEvents => {
                let detail = format!("the limit is {MAX_EVENTS} events in one request");
                (Reason::BodyTooLarge, Some(detail), announced, Refusal::TooManyEvents { most: MAX_EVENTS })
            }
            Stopped::TooLarge => {
                let max_bytes = self.max_body_bytes;
                let detail = format!("the limit is {}", precise_size(max_bytes as u64));
                (Reason::BodyTooLarge, Some(detail), announced, Refusal::BodyTooLarge { max_bytes })
            }
            Stopped::TooSlow(progress) => {
                let detail = late_words(&progress, &self.body_pace);
                (Reason::BodyTimeout, Some(detail.clone()), announced, Refusal::BodyTimeout { detail })
            }
            Stopped::HungUp(progress) => {
                let detail = format!("{}, and then the sender hung up", progress.words());
                (Reason::BodyTimeout, Some(detail.clone()), announced, Refusal::BodyTimeout { detail })
            }
            Stopped::LengthRequired => {
                let detail = "neither Content-Length nor Transfer-Encoding: chunked was there".to_owned();
                (Reason::LengthRequired, Some(detail), None, Refusal::LengthRequired)
            }
            Stopped::InvalidJson(problem, size) => {
                let detail = Some(problem.to_string());
                (Reason::InvalidJson, detail, Some(size), Refusal::InvalidJson(problem))
            }
            Stopped::Conflict(problem) => {
                let refusal = Refusal::IdempotencyConflict { problem };
                (Reason::IdempotencyConflict, Some(problem.to_owned()), announced, refusal)
            }
        })
    }

    /// Notes it for its owner, and answers with the moment that it is listed at.
    pub(super) fn note_rejection(&self, head: &Head<'_>, subject: Subject, why: Why, at: Timestamp) -> Timestamp {
        let Why { reason, hint, detail, size_bytes } = why;
        self.outcomes.note_rejection(reason);
        let credential_id = match &subject {
            Subject::Known(_, credential) => *credential,
            Subject::Named(_) => CredentialId(uuid::Uuid::nil()),
        };
        let remote_ip = head.sender.ip;
        let user_agent = head.text("user-agent");
        let rejection =
            NewRejection { credential_id, at, reason, hint, detail, remote_ip, user_agent, size_bytes, count: 1 };
        self.usage.note_rejection(subject, rejection, head.request_id)
    }
}

/// What is wrong with a body that comes too slowly, for both ends.
fn late_words(progress: &Progress, pace: &BodyPace) -> String {
    format!("{}; {}", progress.words(), pace.words())
}
