//! Assembly: reads the configuration, builds everything, hands out values, and takes it all down again in order.

pub mod application;
pub mod background;
pub mod card;
pub mod connection;
pub mod descriptors;
pub mod exposition;
pub mod http;
pub mod listeners;
pub mod metrics;
pub mod process;
pub mod serve;
