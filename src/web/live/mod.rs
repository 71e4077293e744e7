//! Live updates by server-sent events (SSE).
//!
//! The live pages: server-sent events that carry rows as the server renders them. Readers of one account with the same filters share a
//! feed, which looks into the database once for all of them; a reader who has nothing to read costs nothing but its connection.

pub mod feed;
pub mod feeds;
pub mod message;
pub mod poll_limiter;
pub mod reading;
pub mod stream;
pub mod subscriber;
