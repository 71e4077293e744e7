//! An account with events of any body and age, put into the tables as the program puts them.

use std::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::domain::event::{EventId, NewEvent};
use reasoner_webhooks::domain::ids::{AccountId, CredentialId};
use reasoner_webhooks::domain::listing::EventFilter;
use reasoner_webhooks::domain::query::ast::Query;
use reasoner_webhooks::store::connection::pool::Store;
use reasoner_webhooks::store::tables::{events, partitions};
use uuid::Uuid;

use crate::support::postgres::new_database;

/// A database with partitions for the days around a moment.
pub struct Filled {
    pub address: String,
    pub store: Store,
    pub account: AccountId,
    pub credential: CredentialId,
    pub now: Timestamp,
    made: u64,
}

impl Filled {
    pub async fn new() -> Self {
        let address = new_database().await;
        let store = Store::open(&address).await.unwrap();
        let now = Timestamp::now();
        for weeks in 0..4 {
            let then = now - SignedDuration::from_hours(24 * 7 * weeks);
            partitions::make_ahead(&store, Timestamp::UNIX_EPOCH, then).await.unwrap();
        }
        let account = AccountId(Uuid::from_u128(1));
        let credential = CredentialId(Uuid::from_u128(1));
        Self { address, store, account, credential, now, made: 0 }
    }

    /// Stores an event that arrived so long ago.
    pub async fn put(&mut self, body: &str, age: SignedDuration) -> EventId {
        let (account, credential) = (self.account, self.credential);
        self.put_for(account, credential, body, age).await
    }

    /// The same for another account or credential.
    pub async fn put_for(
        &mut self,
        account: AccountId,
        credential: CredentialId,
        body: &str,
        age: SignedDuration,
    ) -> EventId {
        self.made += 1;
        let first = EventId::first_of(self.now - age).0.as_u128();
        let event = NewEvent {
            id: EventId(Uuid::from_u128(first | 0x7000_8000_0000_0000_0000 | u128::from(self.made))),
            remote_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: None,
            content_type: "application/json".to_owned(),
            query: None,
            headers: "[]".to_owned(),
            body: body.to_owned(),
            idempotency: None,
        };
        let mut conn = self.store.connection().await.unwrap();
        events::insert(&mut conn, account, credential, &event).await.unwrap();
        event.id
    }
}

/// A filter with a search alone.
pub fn searching(text: &str) -> EventFilter {
    EventFilter { query: Query::parse(text).unwrap(), ..EventFilter::default() }
}
