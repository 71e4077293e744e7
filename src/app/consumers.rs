//! Consumers: made, moved and deleted by people and programs, and moved on by what they acknowledge.

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::consumer::{Acknowledged, Consumer, MAX_CONSUMERS, Start, Subject};
use crate::domain::credential::CredentialName;
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, ConsumerId};
use crate::domain::position::Position;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::scan::arrivals::snapshot;
use crate::store::tables::{account_limits, audit, consumers};

/// Why a consumer stayed as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsumerError {
    #[error("there is no such consumer")]
    NotFound,
    /// The same form was sent before.
    #[error("this consumer has been created already")]
    AlreadyCreated,
    #[error("another consumer of this account has this name already; choose another")]
    NameTaken,
    #[error("this account has {MAX_CONSUMERS} consumers, which is its limit; delete one that is no longer needed")]
    TooMany,
    /// What is acknowledged was not handed out.
    #[error("this is no cursor of what the consumer was handed out since it was created or moved")]
    Beyond,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(ConsumerError);

/// An act on one consumer: in which database, whose, which one, and who acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsumerAct<'a> {
    pub(crate) store: &'a Store,
    pub(crate) account: AccountId,
    pub(crate) id: ConsumerId,
    pub(crate) act: &'a Act,
}

impl ConsumerAct<'_> {
    /// Locks the consumer and lets `decide` do what it decides, in one transaction.
    async fn decide<T>(
        &self,
        decide: impl AsyncFnOnce(&mut Connection, Consumer) -> Result<T, ConsumerError>,
    ) -> Result<T, ConsumerError> {
        self.store
            .transaction_under(&consumers::lock(self.account, self.id), async |conn| {
                let consumer = consumers::find(conn, self.account, self.id).await?;
                decide(conn, consumer.ok_or(ConsumerError::NotFound)?).await
            })
            .await
    }

    async fn note(&self, conn: &mut Connection, line: AuditLine<'_>) -> Result<(), ConsumerError> {
        Ok(audit::append(conn, self.account, self.act, line).await?)
    }

    async fn position(&self, conn: &mut Connection, start: &Start) -> Result<Position, StoreError> {
        let now = EventId::first_of(self.act.at);
        Ok(match start {
            Start::Now => Position::shown(now, snapshot(conn).await?),
            Start::Oldest => Position::oldest(),
            Start::Since(time) => Position::up_to(EventId::first_of(*time).min(now)),
            Start::Cursor(position) => position.clone(),
        })
    }
}

/// Makes a consumer under an id that a form carries, so that sending the form twice makes one.
pub(crate) async fn create_consumer(
    on: ConsumerAct<'_>,
    name: &CredentialName,
    subject: Subject,
    start: &Start,
) -> Result<Consumer, ConsumerError> {
    on.store
        .transaction_under(&account_limits::lock(on.account), async |conn| {
            let new = Consumer {
                id: on.id,
                name: name.to_string(),
                subject,
                position: on.position(conn, start).await?,
                step: 0,
                handed_out: None,
                truncated: None,
                created_at: on.act.at,
                last_pulled_at: None,
                last_acked_at: None,
            };
            consumers::insert(conn, on.account, &new).await.map_err(|error| match error {
                error if error.is_duplicate_of(consumers::IS_UNIQUE) => ConsumerError::AlreadyCreated,
                error if error.is_duplicate_of(consumers::NAME_IS_UNIQUE) => ConsumerError::NameTaken,
                error => error.into(),
            })?;
            if consumers::count(conn, on.account).await? > u64::from(MAX_CONSUMERS) {
                return Err(ConsumerError::TooMany);
            }
            let detail = AuditDetail::ReadsFrom { from: start.into() };
            on.note(conn, AuditLine::new(Action::ConsumerCreated, &new.name).with(detail)).await?;
            Ok(new)
        })
        .await
}

/// Moves it on to a cursor that it was handed out. One step, under its lock: of several at once the furthest counts.
pub(crate) async fn acknowledge(on: ConsumerAct<'_>, cursor: &Position) -> Result<Consumer, ConsumerError> {
    on.decide(async |conn, consumer| match consumer.acknowledge(cursor) {
        Acknowledged::Forward(position, rest) => {
            let handed_out = rest.map(|rest| *rest);
            consumers::acknowledge(conn, on.id, (&position, handed_out.as_ref()), on.act.at).await?;
            Ok(Consumer { position, handed_out, last_acked_at: Some(on.act.at), ..consumer })
        }
        Acknowledged::Before => Ok(consumer),
        Acknowledged::Beyond => Err(ConsumerError::Beyond),
    })
    .await
}

/// Moves it anywhere; what it was handed out is forgotten.
pub(crate) async fn seek_consumer(on: ConsumerAct<'_>, start: &Start) -> Result<Consumer, ConsumerError> {
    on.decide(async |conn, consumer| {
        let position = on.position(conn, start).await?;
        consumers::seek(conn, on.id, &position).await?;
        let detail = AuditDetail::ReadsFrom { from: start.into() };
        on.note(conn, AuditLine::new(Action::ConsumerMoved, &consumer.name).with(detail)).await?;
        Ok(Consumer { position, handed_out: None, truncated: None, ..consumer })
    })
    .await
}

/// Deletes it with its position; events stay.
pub(crate) async fn delete_consumer(on: ConsumerAct<'_>) -> Result<(), ConsumerError> {
    on.decide(async |conn, consumer| {
        consumers::delete(conn, on.id).await?;
        on.note(conn, AuditLine::new(Action::ConsumerDeleted, &consumer.name)).await
    })
    .await
}
