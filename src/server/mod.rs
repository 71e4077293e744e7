//! Assembly: reads the configuration, builds everything, hands out values, and takes it all down again in order.

pub mod application;
pub mod card;
pub mod connection;
pub mod descriptors;
pub mod http;
pub mod metrics;
pub mod serve;
