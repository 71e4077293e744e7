//! Assembly: reads the configuration, builds everything, hands out values, and takes it all down again in order.

pub mod application;
pub mod card;
pub mod metrics;
pub mod serve;
