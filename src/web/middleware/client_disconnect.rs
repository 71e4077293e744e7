//! Client disconnect middleware: cancels the handler when its connection is gone.
//!
//! Pages end with their readers. The HTTP library goes on with a request whose sender has closed the connection, since it may have
//! closed one direction alone, as senders of events may, and scripts that ask for a page. A browser never does that: it leaves. So
//! while a search is going on, which is all that is dear, the socket (`server/connection.rs`) takes the end of what comes in for the
//! end of it all. The page is dropped then, and with it the search that it waits for. So is a live stream, whose place is another's.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;

/// Whether the request in progress on a connection may be dropped when the other side has said its last. Shared by the socket and
/// this layer, which live on one thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Droppable(Rc<Cell<bool>>);

impl Droppable {
    pub(crate) fn get(&self) -> bool {
        self.0.get()
    }

    pub(crate) fn set(&self, droppable: bool) {
        self.0.set(droppable);
    }
}

/// The layer. What changes something is carried out, whoever waits.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let only_reads = [Method::GET, Method::HEAD].contains(request.method());
    let is_search = only_reads && has_search_text(request.query_string());
    let droppable = request.request().conn_data::<Droppable>().filter(|_| is_search).cloned();
    if let Some(droppable) = &droppable {
        droppable.0.set(true);
    }
    let answer = next.call(request).await;
    if let Some(droppable) = droppable {
        droppable.0.set(false);
    }
    answer
}

fn has_search_text(query: &str) -> bool {
    query.split('&').any(|pair| pair.strip_prefix("q=").is_some_and(|text| !text.is_empty()))
}
