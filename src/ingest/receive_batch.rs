//! Batches: the events of one request, written in one transaction and answered one by one.

use crate::domain::event::NewEvent;
use crate::domain::payload::InvalidJson;
use crate::domain::rejection::Reason;
use crate::ingest::batch::Entry;
use crate::ingest::head::Head;
use crate::ingest::memory_budget::{Reservation, beside_body};
use crate::ingest::receipt::{Receipt, Refused, Stored};
use crate::ingest::receive::Engine;
use crate::ingest::secret_cache::Verified;
use crate::ingest::split::{Part, key_of_part};
use crate::ingest::stopped::{Stopped, Why};
use crate::ingest::usage::Subject;
use crate::ingest::writer::{Writer, no_memory_left};

/// How many of the refused events of a batch its owner reads the details of.
const TOLD: usize = 3;

impl Engine {
    /// Stores the events of a batch. Where none can be stored, the request is refused for the reason of the first.
    pub(super) async fn take_in_batch(
        &self,
        writer: &Writer,
        (head, sender): (&Head<'_>, &Verified),
        (content_type, parts): (String, Vec<Part>),
        mut reservation: Reservation,
    ) -> Result<Receipt, Stopped> {
        let now = self.clock.now();
        let common = self.event(head, content_type, String::new(), now);
        if !reservation.take_bytes(parts.len() * beside_body(&common)) {
            return Err(Stopped::Store(no_memory_left()));
        }
        let mut entries = Vec::with_capacity(parts.len());
        let mut refused = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            match part {
                Ok(body) => {
                    let key = self.key(head, sender, &body)?.map(|key| key_of_part(&key, index));
                    let event = NewEvent { id: self.ids.next(now), body, idempotency: key, ..common.clone() };
                    entries.push(Entry { sender: sender.clone(), event, at: now, request_id: head.request_id });
                }
                Err(problem) => refused.push((index, Stopped::InvalidJson(problem, 0))),
            }
        }
        if entries.is_empty() {
            return Err(refused.into_iter().next().map_or_else(no_events, |(_, first)| first));
        }
        let sizes: Vec<u64> = entries.iter().map(|entry| entry.event.body.len() as u64).collect();
        let written = writer.write_all(entries, reservation).await;
        let mut outcomes = written.into_iter().zip(sizes).map(|(outcome, size)| self.outcome(outcome, size));
        let total = refused.len() + outcomes.len();
        let mut refused = refused.into_iter().peekable();
        let mut results = Vec::with_capacity(total);
        for index in 0..total {
            let early = refused.next_if(|(place, _)| *place == index).map(|(_, stopped)| Err(stopped));
            // As many as there are parts.
            let Some(outcome) = early.or_else(|| outcomes.next()) else { break };
            results.push(outcome);
        }
        self.tell(head, sender, results)
    }

    /// What the sender is told, and its owner. An event that could not be stored for reasons of ours has the whole request sent again:
    /// nothing that a sender was told of is lost, and what has a key is stored once.
    fn tell(
        &self,
        head: &Head<'_>,
        sender: &Verified,
        results: Vec<Result<Stored, Stopped>>,
    ) -> Result<Receipt, Stopped> {
        let ours = |result: &Result<Stored, Stopped>| matches!(result, Err(Stopped::Store(_)));
        let none = results.iter().all(Result::is_err);
        let total = results.len();
        let mut told = Vec::with_capacity(total);
        let mut details = Vec::new();
        let is_ours = results.iter().any(ours);
        for (index, result) in results.into_iter().enumerate() {
            match result {
                Err(stopped) if none || (is_ours && matches!(stopped, Stopped::Store(_))) => return Err(stopped),
                Err(stopped) => {
                    let (reason, detail) = stopped.of_part();
                    details.push((reason, format!("event {}: {detail}", index + 1)));
                    told.push(Err(Refused { reason, detail }));
                }
                Ok(stored) => told.push(Ok(stored)),
            }
        }
        if let Some((reason, _)) = details.first() {
            let shown: Vec<&str> = details.iter().take(TOLD).map(|(_, detail)| detail.as_str()).collect();
            let detail = format!("{} of {total} events of a batch: {}", details.len(), shown.join("; "));
            let why = Why {
                reason: *reason,
                hint: Some(sender.hint.clone()),
                detail: Some(detail),
                size_bytes: head.announced_size(),
            };
            self.note_rejection(head, Subject::Known(sender.account_id, sender.credential_id), why, self.clock.now());
        }
        Ok(Receipt::Batch(told))
    }
}

/// A batch that is empty.
fn no_events() -> Stopped {
    Stopped::InvalidJson(InvalidJson { line: 1, column: 1, problem: "there is no event in the batch".to_owned() }, 0)
}

impl Stopped {
    /// Why an event of a batch was not stored.
    fn of_part(self) -> (Reason, String) {
        match self {
            Self::InvalidJson(problem, _) => (Reason::InvalidJson, problem.to_string()),
            Self::Conflict(problem) => (Reason::IdempotencyConflict, problem.to_owned()),
            // Which reason it is stays with the owner.
            Self::NoLongerUsable(reason) => (reason, "the password may no longer be used".to_owned()),
            // Nothing else is found out after a batch was split.
            _ => (Reason::InvalidJson, String::new()),
        }
    }
}
