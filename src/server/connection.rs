//! Connection timeouts, backpressure on writes, and the connection limit.
//!
//! A connection that does not wait for ever. The HTTP library bounds the first head of a connection and the pause between two
//! requests, but a byte ends the pause, and nothing bounds a later head, nor the rest of a body that was already answered.
//! This wrapper of the socket does: whatever comes in while no request is in progress has to become one in time. When a request
//! begins and when its answer ends it hears from the service (`server/http.rs`), by [`Progress`]; what the heads say is the
//! business of `server/heads.rs`, which everything passes that is read. Answers may take as long as they like, but not if they are
//! taken more slowly than `server/taking.rs` allows, or there is no room left for them (`server/unwritten.rs`). An idle connection ends
//! early where new ones need its place.
//!
//! It knows one thing more: what is written while no request is in progress is the bare answer of the library's parser. It
//! is replaced by an answer like all others, with a request id and our headers. Only where it follows an answer of ours in one
//! write, because a request and what is none arrived together, it stays bare: telling the two apart would take a parser.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::checked::ConnectionLimits;
use crate::metrics::Present;
use crate::server::addresses::AddressPermit;
use crate::server::heads::{ArrivedHeads, Heads};
use crate::server::idle::Place;
use crate::server::listeners::{LetGo, Listener};
use crate::server::taking::Taking;
use crate::server::unwritten::Share;
use crate::web::app_state::AppState;
use crate::web::middleware::client_disconnect::Droppable;
use crate::web::middleware::malformed_request;
use crate::web::middleware::turn::Turn;

/// How much longer a connection stays open than its sender is told: what is sent in the last moment is still on its way.
pub(crate) const KEEP_ALIVE_GRACE: Duration = Duration::from_secs(1);

/// How far the exchange on a connection is. Shared by the socket and the service, which live on one thread.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Rc<Cell<Phase>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A head is waited for, or arriving.
    Head,
    /// A request has begun.
    Request,
    /// Its answer has begun, and is not all made.
    Answer,
    /// The answer is all made, and perhaps not all written.
    Answered,
}

impl Progress {
    /// A head was complete. The request is in progress until what is given back is dropped.
    pub(crate) fn begin(&self) -> InProgress {
        self.0.set(Phase::Request);
        InProgress(self.clone())
    }
}

/// A request in progress: held by the handler and then by the body of the answer.
#[derive(Debug)]
pub(crate) struct InProgress(Progress);

impl InProgress {
    /// The handler gave its answer; the body may take longer.
    pub(crate) fn begin_answer(&self) {
        self.0.0.set(Phase::Answer);
    }
}

impl Drop for InProgress {
    /// A request that is dropped without an answer stays what it is: its connection is dropped with it.
    fn drop(&mut self) {
        if self.0.0.get() == Phase::Answer {
            self.0.0.set(Phase::Answered);
        }
    }
}

/// The socket of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    progress: Progress,
    droppable: Droppable,
    state: Data<AppState>,
    limits: ConnectionLimits,
    /// Something came after the last answer.
    head_began: bool,
    /// There was an answer.
    is_between: bool,
    /// When a request has to have begun. Only counts while a head is waited for.
    due: Instant,
    taking: Taking,
    /// Of what is made and not taken yet, on all connections.
    share: Share,
    turn: Turn,
    /// Never later than what is waited for. It is left alone while it is early, so that a request costs no timer: it goes off,
    /// sees that it is early, and is set again.
    timer: Pin<Box<Sleep>>,
    /// The last read filled all the room it was given, so there is likely more.
    has_more: bool,
    /// What is left of an answer of our own in the place of the parser's.
    unwritten: Option<Vec<u8>>,
    given_up: bool,
    /// What is said to who has no place. It is short, and a new connection has room for it.
    refusal: Option<Vec<u8>>,
    heads: Heads,
    place: Place,
    listener: Arc<Listener>,
    of_address: Option<AddressPermit>,
    /// Counts this connection among those that are open, as long as it is.
    _present: Present,
}

impl Connection {
    pub(crate) fn new(
        stream: TcpStream,
        state: Data<AppState>,
        limits: ConnectionLimits,
        listener: Arc<Listener>,
        place: Place,
    ) -> Self {
        let due = Instant::now() + limits.head_deadline;
        Self {
            stream,
            progress: Progress(Rc::new(Cell::new(Phase::Head))),
            droppable: Droppable::default(),
            state,
            limits,
            head_began: false,
            is_between: false,
            due,
            taking: Taking::default(),
            share: listener.unwritten.open(),
            turn: Turn::default(),
            timer: Box::pin(sleep_until(due)),
            has_more: false,
            unwritten: None,
            given_up: false,
            refusal: None,
            heads: Heads::default(),
            place,
            of_address: None,
            _present: listener.connections.enter(),
            listener,
        }
    }

    /// Keeps the place that it has among those of its address.
    pub(crate) fn hold(&mut self, place: Option<AddressPermit>) {
        self.of_address = place;
    }

    /// Its address has no place left: it is told so, and ends.
    pub(crate) fn refuse(&mut self) {
        self.given_up = true;
        self.listener.note_let_go(LetGo::Address);
        self.refusal = malformed_request::answer(&self.state, StatusCode::SERVICE_UNAVAILABLE);
    }

    /// What the service tells its progress to.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// What the pages tell whether they may be dropped.
    pub(crate) fn droppable(&self) -> Droppable {
        self.droppable.clone()
    }

    /// The heads that have arrived, for the service.
    pub(crate) fn arrived(&self) -> ArrivedHeads {
        self.heads.arrived()
    }

    /// What tells requests when their turn comes.
    pub(crate) fn turn(&self) -> Turn {
        self.turn.clone()
    }

    fn phase(&self) -> Phase {
        self.progress.0.get()
    }

    /// Bytes came in while a head was waited for. The first ones start the clock.
    fn note_head(&mut self) {
        let now = Instant::now();
        if !self.head_began {
            self.head_began = true;
            self.place.is_used();
            self.due = now + self.limits.head_deadline;
        } else if now >= self.due {
            self.give_up();
        }
    }

    /// Whether what should have happened by `due` has not. Before that, the task is woken then.
    fn is_past(&mut self, due: Instant, cx: &mut Context<'_>) -> bool {
        if self.timer.deadline() > due {
            self.timer.as_mut().reset(due);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return true;
            }
            self.timer.as_mut().reset(due);
        }
        false
    }

    /// Whether a connection on which nothing comes has waited long enough for its head, or somebody else needs its place.
    fn may_end(&mut self, cx: &mut Context<'_>) -> bool {
        let makes_room = self.is_between && !self.head_began && self.place.is_idle(cx.waker());
        makes_room || self.is_past(self.due, cx)
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.share.has_to_end() {
            return self.let_go(LetGo::Room);
        }
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(taken)) => {
                self.taking.takes(taken, Instant::now);
                if taken == bytes.len() {
                    self.share.is_written();
                }
                Poll::Ready(Ok(taken))
            }
            Poll::Pending => {
                let due = self.taking.waits(Instant::now(), self.limits.write_deadline);
                if self.is_past(due, cx) {
                    return self.let_go(LetGo::Slow);
                }
                let waits = bytes.len() + self.turn.left();
                if self.share.waits(waits, due, cx.waker()) { Poll::Pending } else { self.let_go(LetGo::Room) }
            }
            failed => failed,
        }
    }

    /// Ends the connection in the middle of an answer. What the system has of it is dropped: it would go on offering that for minutes.
    fn let_go(&mut self, why: LetGo) -> Poll<io::Result<usize>> {
        self.listener.note_let_go(why);
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// From now on the other side counts as gone. It is told why if it had begun to say something.
    fn give_up(&mut self) {
        self.given_up = true;
        if self.head_began && self.phase() == Phase::Head {
            let answer = malformed_request::answer(&self.state, StatusCode::REQUEST_TIMEOUT).unwrap_or_default();
            // Everything before was written, so there is room; and nobody waits for who made us wait.
            let _ = self.stream.try_write(&answer);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given_up {
            if let Some(answer) = this.refusal.take()
                && Pin::new(&mut this.stream).poll_write(cx, &answer).is_pending()
            {
                this.refusal = Some(answer);
                return Poll::Pending;
            }
            // Nothing read is the end of the stream.
            return Poll::Ready(Ok(()));
        }
        if this.heads.waiting() > 1 || this.turn.is_waited_for() {
            // Whoever sends without waiting for answers is read on when some of that has been answered.
            this.turn.withhold(cx.waker());
            return Poll::Pending;
        }
        // What has been read is taken first, and the rest in the next turn. The library would read on, into a buffer that grows
        // to the size of the body, and keep it as long as the connection lives.
        if std::mem::take(&mut this.has_more) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.has_more = buf.remaining() == 0;
        let is_under_way = matches!(this.phase(), Phase::Request | Phase::Answer);
        if has_ended(&outcome, before, buf) {
            // It may come with the head, before the request begins.
            this.droppable.note_end();
            // The library goes on at the end of what comes in, and drops the request at an error.
            if is_under_way && this.droppable.get() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        let has_come = buf.filled().len() > before;
        let kept = this.heads.pass(&mut buf.filled_mut()[before..]);
        buf.set_filled(before + kept);
        match outcome {
            Poll::Ready(Ok(())) if has_come => {
                if this.phase() == Phase::Head {
                    this.note_head();
                }
                if kept > 0 {
                    return outcome;
                }
                // All of it was cut off a target. Nothing read would be the end of the stream.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending if this.phase() == Phase::Head && this.may_end(cx) => {
                this.give_up();
                Poll::Ready(Ok(()))
            }
            _ => outcome,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.phase() != Phase::Head {
            return this.write(cx, buf);
        }
        let answer = this.unwritten.take().or_else(|| {
            let lacks_length = this.heads.arrived().lacks_length();
            let status = status_of(buf)?;
            let is_that = status == StatusCode::BAD_REQUEST && lacks_length;
            malformed_request::answer(&this.state, if is_that { StatusCode::LENGTH_REQUIRED } else { status })
        });
        let Some(mut answer) = answer else {
            return this.write(cx, buf);
        };
        while !answer.is_empty() {
            match this.write(cx, &answer)? {
                Poll::Ready(0) => return Poll::Ready(Ok(0)),
                Poll::Ready(written) => drop(answer.drain(..written)),
                Poll::Pending => {
                    this.unwritten = Some(answer);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        this.turn.note_written();
        if this.phase() == Phase::Answered {
            this.progress.0.set(Phase::Head);
            (this.head_began, this.is_between) = (false, true);
            this.due = Instant::now() + this.limits.keep_alive + this.limits.head_deadline + KEEP_ALIVE_GRACE;
            // Only to be woken: that time is not yet.
            this.is_past(this.due, cx);
            this.place.is_idle(cx.waker());
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Drop for Connection {
    /// The library drops a connection in the middle of a request when the other side is gone, and also when the chunks of a
    /// body are none. Whoever is still there hears of it; at the end of the program, which is not the sender's fault, nobody.
    fn drop(&mut self) {
        if self.phase() == Phase::Request && !self.state.is_ending() {
            let answer = malformed_request::answer(&self.state, StatusCode::BAD_REQUEST).unwrap_or_default();
            let _ = self.stream.try_write(&answer);
        }
    }
}

/// Whether a read that found so much in the buffer before was the end of the stream.
fn has_ended(outcome: &Poll<io::Result<()>>, before: usize, buf: &ReadBuf<'_>) -> bool {
    matches!(outcome, Poll::Ready(Ok(()))) && buf.filled().len() == before && buf.capacity() > before
}

/// The status of an answer in the spelling of HTTP/1: `HTTP/1.1 400 Bad Request`.
fn status_of(answer: &[u8]) -> Option<StatusCode> {
    StatusCode::from_bytes(answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()
}

#[cfg(test)]
mod tests {
    use super::status_of;

    #[test]
    fn the_status_of_an_answer_is_read_and_nothing_else_is() {
        assert_eq!(status_of(b"HTTP/1.1 431 Request Header Fields Too Large\r\n").unwrap(), 431);
        for other in [b"".as_slice(), b"HTTP/1.1 4", b"HTTP/1.1 abc", b"data: 431\n\n"] {
            assert!(status_of(other).is_none());
        }
    }
}
