//! The live pages: server-sent events that carry rows as the server renders them. Readers of one account with the same filters share a
//! feed, which looks into the database once for all of them; a reader who has nothing to read costs nothing but its connection.

pub mod feed;
pub mod feeds;
pub mod message;
pub mod reading;
pub mod seat;
pub mod stream;
pub mod turns;
