//! What the listeners of one program have seen: connections and answers.

use std::sync::Arc;

use actix_web::http::StatusCode;

use crate::metrics::{Counter, Gauge};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// One listener.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    pub(crate) max_connections: usize,
    pub(crate) connections: Arc<Gauge>,
    answers: [Counter; CLASSES.len()],
}

/// All of them, in the order of their flags.
pub(crate) type Listeners = Vec<Arc<Listener>>;

impl Listener {
    pub(crate) fn new(name: &'static str, max_connections: usize) -> Arc<Self> {
        Arc::new(Self { name, max_connections, connections: Arc::default(), answers: Default::default() })
    }

    pub(crate) fn note_answer(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.answers.get(class) {
            count.add(1);
        }
    }

    /// How many answers it gave, by the class of their status.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.answers.iter().map(Counter::get))
    }
}
