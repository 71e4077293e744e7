//! What the listeners of one program have seen: connections and answers, and those connections that were let go.

use std::sync::Arc;

use actix_web::http::StatusCode;

use crate::metrics::{Counter, Gauge};
use crate::server::unwritten::Unwritten;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// One listener.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    pub(crate) max_connections: usize,
    pub(crate) connections: Arc<Gauge>,
    /// Shared by all listeners.
    pub(crate) unwritten: Unwritten,
    answers: [Counter; CLASSES.len()],
    let_go: [Counter; LetGo::ALL.len()],
}

/// Why a connection was ended whose other side would have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LetGo {
    /// Its address had as many as one may have.
    Address,
    /// An answer was taken too slowly.
    Slow,
    /// An answer was taken more slowly than others, and all had room for no more.
    Room,
}

impl LetGo {
    const ALL: [LetGo; 3] = [LetGo::Address, LetGo::Slow, LetGo::Room];

    fn as_str(self) -> &'static str {
        match self {
            LetGo::Address => "address",
            LetGo::Slow => "slow",
            LetGo::Room => "room",
        }
    }
}

/// All of them, in the order of their flags.
pub(crate) type Listeners = Vec<Arc<Listener>>;

impl Listener {
    pub(crate) fn new(name: &'static str, max_connections: usize, unwritten: Unwritten) -> Arc<Self> {
        let (connections, answers, let_go) = Default::default();
        Arc::new(Self { name, max_connections, connections, unwritten, answers, let_go })
    }

    pub(crate) fn note_let_go(&self, why: LetGo) {
        self.let_go[why as usize].add(1);
    }

    /// How many connections were let go, and why.
    pub(crate) fn let_go(&self) -> impl Iterator<Item = (&'static str, u64)> {
        LetGo::ALL.into_iter().zip(&self.let_go).map(|(why, count)| (why.as_str(), count.get()))
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
