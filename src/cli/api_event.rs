//! An event as the API says it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::app::export_events::EventRecord;
use crate::cli::failure::CommandError;

/// What is read of it.
#[derive(Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    received_at: String,
    credential: Credential,
    remote_ip: String,
    pub(crate) content_type: String,
    pub(crate) size_bytes: u64,
    #[serde(default)]
    pub(crate) headers: Vec<Header>,
    /// Spelled as it was sent; `None` where it is too large to stand in a list.
    pub(crate) body: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Credential {
    username: String,
}

/// A request header of an event.
#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Event {
    pub(crate) fn read(text: &RawValue) -> Result<Self, CommandError> {
        serde_json::from_str(text.get())
            .map_err(|error| CommandError::Refused(format!("an event cannot be read: {error}")))
    }

    pub(crate) fn record(&self) -> EventRecord<'_> {
        EventRecord {
            id: self.id.clone(),
            received_at: self.received_at.clone(),
            credential: &self.credential.username,
            remote_ip: self.remote_ip.clone(),
            content_type: &self.content_type,
            size_bytes: self.size_bytes,
        }
    }
}
