//! The turn of a request among those of its connection: it begins when the answer before it is as good as taken.
//!
//! Requests may come one after the other without waiting for answers. The HTTP library begins the next one as soon as the answer before
//! is made, so that who reads slowly has two pages made and kept, and a dozen heads. Here a request waits until nearly all that was
//! made has been written; meanwhile nothing more is read. The answers of ingest are small enough that none of them waits.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use actix_web::dev::ServiceRequest;

/// So much may be made and not written when the next request begins, in bytes: a score of ingest's answers.
const MAX_AHEAD_BYTES: usize = 16 * 1024;

/// Shared by the socket, which knows what is written, and the requests, which wait. All live on one thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Rc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Bytes of answers since all was written.
    made: Cell<usize>,
    /// Bytes of the last answer that are made and have not been handed on to be written.
    left: Cell<usize>,
    /// Of the request that waits.
    next: RefCell<Option<Waker>>,
    /// Of who would read on.
    reader: RefCell<Option<Waker>>,
}

impl Turn {
    /// So many more bytes are to be written, and so many wait behind them.
    pub(crate) fn note_made(&self, bytes: usize, left: usize) {
        self.0.made.set(self.0.made.get() + bytes);
        self.0.left.set(left);
    }

    /// How many bytes wait behind those that are being written.
    pub(crate) fn left(&self) -> usize {
        self.0.left.get()
    }

    pub(crate) fn note_written(&self) {
        self.0.made.set(0);
        if let Some(waker) = &*self.0.next.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Whether a request waits.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.0.next.borrow().is_some()
    }

    /// Nothing is read now; it goes on when a request begins.
    pub(crate) fn withhold(&self, waker: &Waker) {
        *self.0.reader.borrow_mut() = Some(waker.clone());
    }

    /// A request begins.
    pub(crate) fn begins(&self) {
        if let Some(waker) = self.0.reader.take() {
            waker.wake();
        }
    }
}

/// Waits until the request may begin.
pub(crate) async fn comes(request: &ServiceRequest) {
    let Some(turn) = request.conn_data::<Turn>() else { return };
    poll_fn(|cx| {
        if turn.0.made.get() > MAX_AHEAD_BYTES {
            *turn.0.next.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        turn.0.next.take();
        turn.begins();
        Poll::Ready(())
    })
    .await;
}
