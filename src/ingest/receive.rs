//! The ingest pipeline.
//!
//! A request on its way to an event: parse → verify → read → check → write → tell, in the order of the contract's table. What
//! HTTP looks like is the caller's business; this file gets texts and bytes and gives back an id or a refusal.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::body_pace::{BodyPace, Progress};
use crate::domain::confidential::{MASK, looks_confidential, without_secrets};
use crate::domain::event::NewEvent;
use crate::domain::payload::Payload;
use crate::domain::request_headers::scrub;
use crate::ingest::batch::{Entry, Written};
use crate::ingest::head::{Head, clipped};
use crate::ingest::holding::{Holding, Owner};
use crate::ingest::limiter::Limiter;
use crate::ingest::memory_budget::Reservation;
use crate::ingest::notifier::Notifier;
use crate::ingest::outcomes::Outcomes;
use crate::ingest::receipt::Receipt;
use crate::ingest::refusal::Refusal;
use crate::ingest::stopped::Stopped;
use crate::ingest::usage::Usage;
use crate::ingest::verifier::{Verified, Verifier};
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
        let sender = match self.authenticate(head).await {
            Ok(sender) => sender,
            Err((refusal, None)) => return Err(refusal),
            Err((refusal, Some(owner))) => {
                Box::pin(self.hold(writer, head, owner, body)).await;
                return Err(refusal);
            }
        };
        match self.take_in(writer, head, &sender, body).await {
            Ok(receipt) => Ok(receipt),
            // What happens rarely is kept out of the future that every request carries through the layers.
            Err(stopped) => Err(Box::pin(self.refuse(head, &sender, stopped)).await),
        }
    }

    /// Reads what came with an expired password and keeps it, if it would have been stored. Whatever is wrong with it, its sender
    /// is told the same.
    async fn hold(
        &self,
        writer: &Writer,
        head: &Head<'_>,
        owner: Owner,
        body: impl AsyncFnOnce(usize, BodyPace, &mut Reservation) -> Result<Vec<u8>, BodyError>,
    ) {
        let Ok(content_type) = head.media_type() else { return };
        let most = self.max_body_bytes as u64;
        let announced = head.announced_size().unwrap_or(most);
        if announced > most {
            return;
        }
        let Some(mut reserve) = self.holding.reserve(announced).await else { return };
        let mut reservation = writer.reserve();
        let pace = BodyPace::within(REFUSED_BODY_DEADLINE);
        let Ok(bytes) = body(self.max_body_bytes, pace, &mut reservation).await else { return };
        reserve.shrink_to(bytes.len() as u64);
        if let Ok(event) = self.new_event(head, content_type, bytes, self.clock.now()) {
            self.holding.keep(owner, event, reservation, reserve);
        }
    }

    /// From a verified sender to the disk.
    async fn take_in(
        &self,
        writer: &Writer,
        head: &Head<'_>,
        sender: &Verified,
        body: impl AsyncFnOnce(usize, BodyPace, &mut Reservation) -> Result<Vec<u8>, BodyError>,
    ) -> Result<Receipt, Stopped> {
        let content_type = head.media_type().map_err(Stopped::NotJson)?;
        if head.announced_size().is_some_and(|size| size > self.max_body_bytes as u64) {
            return Err(Stopped::TooLarge);
        }
        if head.lacks_length() {
            return Err(Stopped::LengthRequired);
        }
        let mut reservation = writer.reserve();
        let bytes = body(self.max_body_bytes, self.body_pace, &mut reservation).await.map_err(|error| match error {
            BodyError::TooLarge => Stopped::TooLarge,
            BodyError::NoMemory => Stopped::Store(no_memory_left()),
            BodyError::TooSlow(progress) => Stopped::TooSlow(progress),
            BodyError::HungUp(progress) => Stopped::HungUp(progress),
            BodyError::Ending => Stopped::Store(StoreError::Unavailable("the program is about to end".to_owned())),
        })?;
        let size = bytes.len();
        let now = self.clock.now();
        let event = self.new_event(head, content_type, bytes, now)?;
        let entry = Entry { sender: sender.clone(), event, at: now, request_id: head.request_id };
        match writer.write(entry, reservation).await.map_err(Stopped::Store)? {
            Written::Stored(id) => {
                self.outcomes.stored_bytes.add(size as u64);
                Ok(Receipt { id, replayed: false })
            }
            Written::Replayed(id) => Ok(Receipt { id, replayed: true }),
            Written::KeyConflict => Err(Stopped::Conflict("this idempotency key was used for another body")),
            Written::Refused(reason) => Err(Stopped::NoLongerUsable(reason)),
        }
    }

    /// The event that a request is, if its body is JSON and its key is one.
    fn new_event(
        &self,
        head: &Head<'_>,
        content_type: String,
        bytes: Vec<u8>,
        now: Timestamp,
    ) -> Result<NewEvent, Stopped> {
        let size = bytes.len();
        let body = Payload::check(bytes).map_err(|problem| Stopped::InvalidJson(problem, size as u64))?.into_string();
        let idempotency = head.idempotency_key(body.as_bytes()).map_err(Stopped::Conflict)?;
        Ok(NewEvent {
            id: self.ids.next(now),
            remote_ip: head.sender.ip,
            user_agent: head
                .text("user-agent")
                .map(|agent| if looks_confidential(&agent) { MASK.to_owned() } else { agent }),
            content_type,
            query: head.query.filter(|query| !query.is_empty()).map(|query| clipped(&without_secrets(query))),
            headers: scrub(head.headers.iter().copied()),
            body,
            idempotency,
        })
    }
}
