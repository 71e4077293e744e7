//! Stores a test event as if the credential's sender had sent it, so that its owner sees the way to the dashboard work
//! without a terminal. It is a real event, counted and kept like any other.

use std::collections::HashMap;
use std::net::IpAddr;

use uuid::Uuid;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::event::{EventId, NewEvent, TEST_EVENT_AGENT};
use crate::domain::request_headers::scrub;
use crate::domain::time::rfc3339;
use crate::store::tables::event_counts::Counts;
use crate::store::tables::{event_counts, events, senders};

/// Stores it under `event`; `writer` is the program's part of the counts.
pub(crate) async fn send_test_event(
    on: CredentialAct<'_>,
    event: EventId,
    writer: Uuid,
) -> Result<(), CredentialError> {
    let (account, id, act) = (on.account, on.id, on.act);
    on.decide(async |conn, credential| {
        if !credential.accepts_events(act.at) {
            return Err(CredentialError::NotAccepted);
        }
        let body = serde_json::json!({
            "message": "Hello from webhook!",
            "test": true,
            "credential": credential.name,
            "sent_at": rfc3339(act.at),
        });
        let new = NewEvent {
            id: event,
            remote_ip: act.remote_ip.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            user_agent: Some(TEST_EVENT_AGENT.to_owned()),
            content_type: "application/json".to_owned(),
            query: None,
            headers: scrub([("content-type", b"application/json".as_slice())].into_iter()),
            body: body.to_string(),
            idempotency: None,
        };
        events::insert(conn, account, id, &new).await?;
        let counts = Counts { accepted: 1, rejected: 0, bytes: new.body.len() as u64 };
        event_counts::add(conn, (account, id), writer, act.at, (counts, new.headers.len() as u64)).await?;
        senders::note(conn, &HashMap::from([((account, id, new.remote_ip), act.at)])).await?;
        Ok(())
    })
    .await
}
