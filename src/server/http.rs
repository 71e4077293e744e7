//! The HTTP listeners.
//!
//! Puts a listener, the connections that do not wait for ever, the HTTP library and an app together. The library's own
//! `HttpServer` does the same over bare sockets, and has no place where a wrapper of them could stand.

use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_http::{ConnectionType, Extensions, HttpMessage, HttpService, Request};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service, map_config};
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{AppConfig, Response, Service, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Bytes, Data};

use crate::config::checked::ConnectionLimits;
use crate::server::addresses::{AddressPermit, Addresses};
use crate::server::connection::{Connection, InProgress, KEEP_ALIVE_GRACE, Progress};
use crate::server::heads::ArrivedHeads;
use crate::server::idle::IdleConnections;
use crate::server::listeners::Listener;
use crate::web::app_state::AppState;
use crate::web::middleware::turn::Turn;

/// How long requests in flight may take when no others are taken, in seconds.
const LAST_ANSWERS_SECONDS: u64 = 25;
/// The most threads that answer on one listener. Each has a connection to the database for what it receives, and a server of the
/// usual configuration grants a hundred in all.
const MAX_WORKERS: usize = 8;
/// How long a connection that is being closed may take, so that its last answer is read before it ends.
const LINGER: Duration = Duration::from_secs(1);
/// How much of an answer is handed to the library at a time, and how much it collects before it writes.
const PIECE_BYTES: usize = 8 * 1024;

/// A server over one listener. `workers`: as many as there are cores, up to a limit, if it is not said.
///
/// Beyond the most connections nobody is refused: the idlest ones end for new ones, which wait in the system's queue where all
/// are in use. Those that never say anything end within seconds.
pub(crate) fn serve<F, I, S, B>(
    listener: TcpListener,
    state: Data<AppState>,
    (limits, seen): (ConnectionLimits, Arc<Listener>),
    app: F,
    workers: Option<usize>,
) -> io::Result<Server>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + Unpin + 'static,
{
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let workers = workers.unwrap_or(cores.min(MAX_WORKERS));
    let places = (limits.max_connections / workers).max(1);
    let builder = Server::build().workers(workers).max_concurrent_connections(places);
    let builder = builder.disable_signals().shutdown_timeout(LAST_ANSWERS_SECONDS);
    let ending = builder.graceful_shutdown_signal();
    let addresses = Addresses::new(limits.max_of_an_address, state.trusted_proxies.clone());
    let builder = builder.listen("http", listener, move || {
        let (state, ending, seen, addresses) = (state.clone(), ending.clone(), seen.clone(), addresses.clone());
        // The host name and address in it are for links that an app makes of its own, and ours makes none.
        let app = map_config(app(), |()| AppConfig::default());
        let http = HttpService::build()
            // Idle connections end at once when the program does.
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            .keep_alive(limits.keep_alive + KEEP_ALIVE_GRACE)
            // Ours counts for every head, the library's for the first alone.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(LINGER)
            .h1_write_buffer_size(PIECE_BYTES)
            .on_connect_ext(hand_over)
            .h1(apply_fn_factory(app, {
                let (state, seen) = (state.clone(), seen.clone());
                let after = AfterAnswer::idle_for(limits.keep_alive);
                move |request, app: &S::Service| {
                    let after = if state.is_draining() { AfterAnswer::Close } else { after.clone() };
                    answer(request, app, seen.clone(), after)
                }
            }));
        let idle = IdleConnections::new(places);
        let connect = move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            let of_address = peer.map(|peer| addresses.enter(peer.ip()));
            let place = if let Some(None) = of_address { idle.enter_refused() } else { idle.enter() };
            let connection = Connection::new(stream, state.clone(), limits, seen.clone(), place);
            let connection = admitted(connection, of_address);
            async move { Ok((connection, peer)) }
        };
        fn_service(connect).and_then(http)
    })?;
    Ok(builder.run())
}

/// A connection that holds its place among those of its address, or is refused where there is none (`Some(None)`).
fn admitted(mut connection: Connection, of_address: Option<Option<AddressPermit>>) -> Connection {
    match of_address {
        Some(None) => connection.refuse(),
        of_address => connection.hold(of_address.flatten()),
    }
    connection
}

/// What the requests of a connection share with it.
fn hand_over(connection: &Connection, data: &mut Extensions) {
    data.insert(connection.progress());
    data.insert(connection.droppable());
    data.insert(connection.arrived());
    data.insert(connection.turn());
}

/// What becomes of a connection after an answer.
#[derive(Clone)]
enum AfterAnswer {
    /// It is the last one: the program is about to end, and the next request is for another.
    Close,
    /// The answer says for how long the connection stays open. Clients that heed it never send a request into its end.
    Keep(Option<HeaderValue>),
}

impl AfterAnswer {
    fn idle_for(time: Duration) -> Self {
        let seconds = time.as_secs();
        Self::Keep(HeaderValue::from_str(&format!("timeout={seconds}")).ok().filter(|_| seconds > 0))
    }
}

/// Answers one request, and holds it as in progress until the last of its answer is made.
fn answer<S, B>(
    mut request: Request,
    app: &S,
    seen: Arc<Listener>,
    after: AfterAnswer,
) -> impl Future<Output = Result<Response<Held<EitherBody<B>>>, actix_web::Error>> + use<S, B>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + Unpin + 'static,
{
    let mut has_unread_body = false;
    if let Some(arrived) = request.conn_data::<ArrivedHeads>().and_then(ArrivedHeads::next) {
        has_unread_body = arrived.lacks_length;
        arrived.restore(request.headers_mut());
        request.extensions_mut().insert(arrived);
    }
    let turn = request.conn_data::<Turn>().cloned();
    if let Some(turn) = &turn {
        turn.begins();
    }
    let asked = request.head().connection_type();
    let in_progress = request.conn_data::<Progress>().map(Progress::begin);
    let answering = app.call(request);
    async move {
        let mut response: Response<EitherBody<B>> = match answering.await {
            Ok(response) => Response::from(response).map_body(|_, body| EitherBody::left(body)),
            Err(error) => Response::<BoxBody>::from(error).map_body(|_, body| EitherBody::right(body)),
        };
        if has_unread_body || matches!(after, AfterAnswer::Close) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        if let AfterAnswer::Keep(Some(value)) = after
            && asked == ConnectionType::KeepAlive
            && response.keep_alive()
        {
            response.headers_mut().insert(HeaderName::from_static("keep-alive"), value);
        }
        seen.note_answer(response.status());
        if let Some(in_progress) = &in_progress {
            in_progress.begin_answer();
        }
        Ok(response.map_body(|_, body| Held { body, left: Bytes::new(), turn, _in_progress: in_progress }))
    }
}

/// The body of an answer, whose request is in progress as long as it lives. It is handed on in pieces, so that the library's buffer,
/// which lives as long as the connection, does not grow to the size of a page.
struct Held<B> {
    body: B,
    /// What is made and not handed on.
    left: Bytes,
    turn: Option<Turn>,
    _in_progress: Option<InProgress>,
}

impl<B: MessageBody + Unpin> MessageBody for Held<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.left.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(bytes)) => this.left = bytes,
                ended => return Poll::Ready(ended),
            }
        }
        let piece = this.left.split_to(this.left.len().min(PIECE_BYTES));
        if let Some(turn) = &this.turn {
            turn.note_made(piece.len(), this.left.len());
        }
        Poll::Ready(Some(Ok(piece)))
    }
}
