//! The body that the benches send: about 350 bytes, as a shop's systems send them.

pub const EVENT_BODY: &str = r#"{"event":"stock.adjusted","timestamp":"2026-11-23T08:41:11.930Z","source":"inventory_system","data":{"product_id":"SKU-12345","quantity":25,"location":"Warehouse B","bin":"C-14-03","name":"Bilge pump 1100, 12 V","reason":"picked","order":{"number":48213,"priority":"express"},"tags":["pumps","fast-moving"],"trace":"b7d1c0e2-4f0a-4c4e-9d61"}}"#;
