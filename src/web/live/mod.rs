//! Live updates by server-sent events (SSE).
//!
//! The live pages: server-sent events that carry rows as the server renders them. Readers of one account with the same filters share a
//! feed, which looks into the database once for all of them; a reader who has nothing to read costs nothing but its connection.

pub(crate) mod feed;
pub(crate) mod feeds;
pub(crate) mod message;
pub(crate) mod poll_limiter;
pub(crate) mod reading;
pub(crate) mod stream;
pub(crate) mod subscriber;
