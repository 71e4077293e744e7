//! Assembly: reads the configuration, builds everything, hands out values, and takes it all down again in order.

pub(crate) mod addresses;
pub mod application;
pub mod background;
pub(crate) mod card;
pub(crate) mod chunks;
pub(crate) mod connection;
pub(crate) mod descriptors;
pub(crate) mod exposition;
pub(crate) mod heads;
pub(crate) mod http;
pub(crate) mod idle;
pub(crate) mod listeners;
pub(crate) mod metrics;
pub mod process;
pub mod serve;
pub(crate) mod sockets;
pub(crate) mod taking;
pub(crate) mod unwritten;
