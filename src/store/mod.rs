//! Postgres: the only layer that speaks SQL. Each file holds the queries of one noun, as plain functions over a connection; the
//! caller decides what belongs into one transaction. The account comes first in every query and stands in its `where`.

pub mod connection;
pub mod scan;
pub mod tables;
