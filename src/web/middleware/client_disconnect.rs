//! Client disconnect middleware: cancels the handler when its connection is gone.
//!
//! Pages end with their readers. The HTTP library goes on with a request whose sender has closed the connection, since it may have
//! closed one direction alone, as senders of events may, and scripts that ask for a page. A browser never does that: it leaves. So
//! while a search is going on, which is all that is dear, the socket (`server/connection.rs`) takes the end of what comes in for the
//! end of it all. The page is dropped then, and with it the search that it waits for. So is a live stream, whose place is another's.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};

/// Whether the request in progress on a connection may be dropped when the other side has said its last. Shared by the socket and this
/// layer, which live on one thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Droppable(Rc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many guards say so.
    guards: Cell<u32>,
    /// The other side had said its last before there was one.
    has_ended: Cell<bool>,
}

impl Droppable {
    pub(crate) fn get(&self) -> bool {
        self.0.guards.get() > 0
    }

    pub(crate) fn note_end(&self) {
        self.0.has_ended.set(true);
    }
}

/// While it is held, a request ends with its connection.
#[derive(Debug)]
pub(crate) struct EndsWithConnection(Option<Droppable>);

impl EndsWithConnection {
    pub(crate) fn new(request: &HttpRequest) -> Self {
        let droppable = request.conn_data::<Droppable>().cloned();
        if let Some(Droppable(shared)) = &droppable {
            shared.guards.set(shared.guards.get() + 1);
        }
        Self(droppable)
    }

    /// Whether the connection was gone before this was held.
    pub(crate) fn is_over(&self) -> bool {
        self.0.as_ref().is_some_and(|Droppable(shared)| shared.has_ended.get())
    }
}

impl Drop for EndsWithConnection {
    fn drop(&mut self) {
        if let Some(Droppable(shared)) = &self.0 {
            shared.guards.set(shared.guards.get() - 1);
        }
    }
}

/// The layer. What changes something is carried out, whoever waits.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let only_reads = [Method::GET, Method::HEAD].contains(request.method());
    let is_search = only_reads && has_search_text(request.query_string());
    let _guard = is_search.then(|| EndsWithConnection::new(request.request()));
    next.call(request).await
}

fn has_search_text(query: &str) -> bool {
    query.split('&').any(|pair| pair.strip_prefix("q=").is_some_and(|text| !text.is_empty()))
}
