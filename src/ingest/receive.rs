//! The ingest pipeline.
//!
//! A request on its way to an event: parse → verify → read → check → write → tell, in the order of the contract's table. What
//! HTTP looks like is the caller's business; this file gets texts and bytes and gives back an id or a refusal.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::body_pace::{BodyPace, Progress};
use crate::domain::confidential::{MASK, looks_confidential, without_secrets};
use crate::domain::event::{IdempotencyKey, NewEvent};
use crate::domain::payload::Payload;
use crate::domain::rejection::Reason;
use crate::domain::request_headers::scrub;
use crate::ingest::authenticate::Late;
use crate::ingest::batch::{Entry, Written};
use crate::ingest::body::{Body, decode};
use crate::ingest::content::Content;
use crate::ingest::full_accounts::FullAccounts;
use crate::ingest::head::{Head, clipped};
use crate::ingest::holding::{Holding, Owner};
use crate::ingest::limiter::Limiter;
use crate::ingest::memory_budget::{Reservation, beside_body};
use crate::ingest::notifier::Notifier;
use crate::ingest::outcomes::Outcomes;
use crate::ingest::receipt::{Receipt, Stored};
use crate::ingest::refusal::Refusal;
use crate::ingest::secret_cache::Verified;
use crate::ingest::split::key_of_part;
use crate::ingest::stopped::Stopped;
use crate::ingest::usage::Usage;
use crate::ingest::verifier::Verifier;
use crate::ingest::writer::{Writer, Writers, no_memory_left};
use crate::random::EventIds;
use crate::store::connection::error::StoreError;

/// What comes with an expired password has less time: its answer must not be later than that to a wrong one, whose sender is waited
/// for as long.
pub(crate) const REFUSED_BODY_DEADLINE: Duration = Duration::from_secs(1);

/// Why a body did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow(Progress),
    /// The sender went away. Nobody will read an answer.
    HungUp(Progress),
    /// Too many others are there.
    NoMemory,
    /// The program is about to end.
    Ending,
}

/// The engine of one program.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Engine {
    pub verifier: Verifier,
    /// Failures by address.
    pub(crate) limiter: Limiter<IpAddr>,
    /// Passwords with a right checksum from addresses that have failed too often.
    pub(crate) second_looks: Limiter<IpAddr>,
    pub(crate) writers: Writers,
    pub(crate) usage: Usage,
    pub holding: Holding,
    pub(crate) notifier: Notifier,
    /// Accounts that store nothing more for now.
    pub full_accounts: FullAccounts,
    pub outcomes: Outcomes,
    pub(crate) ids: EventIds,
    pub(crate) clock: Clock,
    pub(crate) max_body_bytes: usize,
    pub(crate) body_pace: BodyPace,
    /// Whether the public address is https, so that a sender that came over plain HTTP is told so.
    pub(crate) https_required: bool,
}

impl Engine {
    /// Receives one request. `writer` belongs to the calling thread; `body` reads at most so many bytes within a time, for which it
    /// takes memory, and is only called when the sender may send, or what it sends may be held.
    pub(crate) async fn receive(
        &self,
        writer: &Writer,
        head: &Head<'_>,
        body: impl AsyncFnOnce(usize, BodyPace, &mut Reservation) -> Result<Vec<u8>, BodyError>,
    ) -> Result<Receipt, Refusal> {
        let began = Instant::now();
        let outcome = self.receive_uncounted(writer, head, body).await;
        self.outcomes.note(&outcome);
        self.outcomes.durations.note_duration(began.elapsed());
        outcome
    }

    async fn receive_uncounted(
        &self,
        writer: &Writer,
        head: &Head<'_>,
        body: impl AsyncFnOnce(usize, BodyPace, &mut Reservation) -> Result<Vec<u8>, BodyError>,
    ) -> Result<Receipt, Refusal> {
        if self.https_required && head.sender.https == Some(false) {
            return Err(Refusal::HttpsRequired);
        }
        let mut sender = match self.authenticate(head).await {
            Ok(sender) => sender,
            // Whether there is a sender that may PUT, nobody learns from this answer.
            Err((Refusal::Unauthorized | Refusal::TooManyFailures { .. }, _)) if head.is_put => {
                return Err(Refusal::MethodNotAllowed);
            }
            Err((refusal, None)) => return Err(refusal),
            Err((refusal, Some(late))) => {
                Box::pin(self.hold(writer, head, &late, body)).await;
                return Err(refusal);
            }
        };
        match self.take_in(writer, head, &mut sender, body).await {
            Ok(receipt) => Ok(receipt),
            // What happens rarely is kept out of the future that every request carries through the layers.
            Err(stopped) => Err(Box::pin(self.refuse(head, &sender, stopped)).await),
        }
    }

    /// How the body is to be read, if the credential's settings let this request in.
    fn content(&self, head: &Head<'_>, sender: &Verified) -> Result<Content, Stopped> {
        if !sender.settings.allows(head.sender.ip) {
            return Err(Stopped::NoLongerUsable(Reason::AddressNotAllowed));
        }
        if head.is_put && !sender.settings.put_as_post {
            return Err(Stopped::Put);
        }
        head.content(&sender.settings).map_err(Stopped::Unsupported)
    }

    /// The same. Where the settings that are remembered refuse the request, they are asked for again: somebody may just have changed them.
    async fn content_now(&self, head: &Head<'_>, sender: &mut Verified) -> Result<Content, Stopped> {
        let stopped = match self.content(head, sender) {
            Ok(content) => return Ok(content),
            Err(stopped) => stopped,
        };
        match self.verifier.confirm(sender, self.clock.now()).await {
            Ok(Ok(row)) if row.settings == sender.settings => Err(stopped),
            Ok(Ok(row)) => {
                self.verifier.forget_credential(row.credential_id);
                *sender = Arc::new(row);
                self.content(head, sender)
            }
            Ok(Err(reason)) => Err(Stopped::NoLongerUsable(reason)),
            Err(error) => Err(Stopped::Store(error)),
        }
    }

    /// Reads what came with an expired password and keeps it, if it would have been stored. Whatever is wrong with it, its sender
    /// is told the same.
    async fn hold(
        &self,
        writer: &Writer,
        head: &Head<'_>,
        late: &Late,
        body: impl AsyncFnOnce(usize, BodyPace, &mut Reservation) -> Result<Vec<u8>, BodyError>,
    ) {
        let Late { sender: late, rejected_at } = late;
        let Ok(content) = self.content(head, late) else { return };
        let most = self.max_body_bytes as u64;
        let announced = head.announced_size().filter(|_| content.coding.is_none()).unwrap_or(most);
        if announced > most {
            return;
        }
        let Some(mut reserve) = self.holding.reserve(late.account_id, announced).await else { return };
        let Some(mut reservation) = writer.reserve(late.account_id) else { return };
        let pace = BodyPace::within(REFUSED_BODY_DEADLINE);
        let Ok(bytes) = body(self.max_body_bytes, pace, &mut reservation).await else { return };
        let decoded = decode(bytes, &content, &late.settings, self.max_body_bytes, &mut reservation).await;
        // The place of each in a batch, which is part of its key: sent again with a password that works, it is the same event.
        let texts: Vec<(Option<usize>, String)> = match decoded {
            Ok(Body::One(bytes)) => Payload::check(bytes).map(|one| (None, one.into_string())).into_iter().collect(),
            Ok(Body::Many(parts)) => {
                let placed = parts.into_iter().enumerate();
                placed.filter_map(|(place, part)| Some((Some(place), part.ok()?))).collect()
            }
            Err(_) => return,
        };
        let common = self.event(head, content.content_type, String::new(), self.clock.now());
        if texts.is_empty() || !reservation.take_bytes(texts.len() * beside_body(&common)) {
            return;
        }
        reserve.shrink_to(texts.iter().map(|(_, text)| text.len() as u64).sum());
        // All of a request arrived at once, by which it is known what it counts as.
        let arrived = self.clock.now();
        let events = texts.into_iter().filter_map(|(place, body)| {
            let key = self.key(head, late, &body).ok()?;
            let idempotency = key.map(|key| place.map_or(key.clone(), |place| key_of_part(&key, place)));
            Some(NewEvent { id: self.ids.next(arrived), body, idempotency, ..common.clone() })
        });
        self.holding.keep(Owner::of(late, Some(*rejected_at)), events.collect(), reservation, reserve);
    }

    /// From a verified sender to the disk.
    async fn take_in(
        &self,
        writer: &Writer,
        head: &Head<'_>,
        sender: &mut Verified,
        body: impl AsyncFnOnce(usize, BodyPace, &mut Reservation) -> Result<Vec<u8>, BodyError>,
    ) -> Result<Receipt, Stopped> {
        let content = self.content_now(head, sender).await?;
        if self.full_accounts.contains(sender.account_id) {
            return Err(Stopped::StorageFull);
        }
        if head.announced_size().is_some_and(|size| size > self.max_body_bytes as u64) {
            return Err(Stopped::TooLarge);
        }
        if head.lacks_length {
            return Err(Stopped::LengthRequired);
        }
        let mut reservation = writer.reserve(sender.account_id).ok_or_else(|| Stopped::Store(no_memory_left()))?;
        let bytes = body(self.max_body_bytes, self.body_pace, &mut reservation).await.map_err(|error| match error {
            BodyError::TooLarge => Stopped::TooLarge,
            BodyError::NoMemory => Stopped::Store(no_memory_left()),
            BodyError::TooSlow(progress) => Stopped::TooSlow(progress),
            BodyError::HungUp(progress) => Stopped::HungUp(progress),
            BodyError::Ending => Stopped::Store(StoreError::Unavailable("the program is about to end".to_owned())),
        })?;
        let decoded = decode(bytes, &content, &sender.settings, self.max_body_bytes, &mut reservation).await;
        let bytes = match decoded.map_err(Stopped::from)? {
            Body::One(bytes) => bytes,
            Body::Many(parts) => {
                let batch = (content.content_type, parts);
                return Box::pin(self.take_in_batch(writer, (head, sender), batch, reservation)).await;
            }
        };
        let size = bytes.len() as u64;
        let body = Payload::check(bytes).map_err(|problem| Stopped::InvalidJson(problem, size))?.into_string();
        let now = self.clock.now();
        let idempotency = self.key(head, sender, &body)?;
        let event = NewEvent { idempotency, ..self.event(head, content.content_type, body, now) };
        let entry = Entry { sender: sender.clone(), event, at: now, request_id: head.request_id };
        self.outcome(writer.write(entry, reservation).await, size).map(Receipt::Event)
    }

    /// What a written event comes to for its sender.
    pub(super) fn outcome(&self, written: Result<Written, StoreError>, size: u64) -> Result<Stored, Stopped> {
        match written.map_err(Stopped::Store)? {
            Written::Stored(id) => {
                self.outcomes.stored_bytes.add(size);
                Ok(Stored { id, replayed: false })
            }
            Written::Replayed(id) => Ok(Stored { id, replayed: true }),
            Written::KeyConflict => Err(Stopped::Conflict("this idempotency key was used for another body")),
            Written::Refused(reason) => Err(Stopped::NoLongerUsable(reason)),
        }
    }

    /// What the request calls its event, if it calls it something.
    pub(super) fn key(
        &self,
        head: &Head<'_>,
        sender: &Verified,
        body: &str,
    ) -> Result<Option<IdempotencyKey>, Stopped> {
        head.idempotency_key(sender.settings.stored_once_by.as_ref(), body.as_bytes()).map_err(Stopped::Conflict)
    }

    /// The event of a request, but for its key.
    pub(super) fn event(&self, head: &Head<'_>, content_type: String, body: String, now: Timestamp) -> NewEvent {
        NewEvent {
            id: self.ids.next(now),
            remote_ip: head.sender.ip,
            user_agent: head
                .text("user-agent")
                .map(|agent| if looks_confidential(&agent) { MASK.to_owned() } else { agent }),
            content_type,
            query: head.query.filter(|query| !query.is_empty()).map(|query| clipped(&without_secrets(query))),
            headers: scrub(head.headers.iter().copied()),
            body,
            idempotency: None,
        }
    }
}
