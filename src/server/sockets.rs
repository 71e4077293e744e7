//! The listening sockets: bound here, or inherited from whoever started the program (socket activation, `sd_listen_fds(3)`), and how
//! they stop taking connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use listenfd::ListenFd;
use socket2::{SockFilter, SockRef};
use tokio::net::TcpSocket;

/// New connections that the system keeps until they are taken in; the next ones have to ask again.
const MAX_WAITING: u32 = 1_024;
/// What the system keeps of an answer that is on its way. Left to itself it keeps megabytes for a reader that is slow, and says that
/// something was taken when a third of that was: too rarely to see at what pace.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// In which the threads take in those connections that the system has kept for them.
const TAKEN_WITHIN: Duration = Duration::from_millis(200);
/// The byte of a TCP header with the flags, and the flag of a connection's first packet (RFC 9293, 3.1).
const FLAGS_AT: u32 = 13;
const SYN: u32 = 0x02;

/// The listening sockets of one program.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// Those that whoever started the program has opened for it, as far as no address was listened on yet.
    inherited: Vec<TcpListener>,
    /// Those that were opened here.
    own: Vec<TcpListener>,
}

impl Sockets {
    /// With those that the environment names (`LISTEN_FDS`, `LISTEN_PID`).
    pub(crate) fn from_environment() -> io::Result<Self> {
        let mut given = ListenFd::from_env();
        let inherited = (0..given.len()).filter_map(|number| given.take_tcp_listener(number).transpose());
        Ok(Self { inherited: inherited.collect::<io::Result<_>>()?, own: Vec::new() })
    }

    /// Listens on an address: with the inherited socket that does already, or with a new one.
    pub(crate) fn listen(&mut self, address: SocketAddr) -> io::Result<TcpListener> {
        let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|its| its == address);
        if let Some(place) = self.inherited.iter().position(is_it) {
            return adopt(self.inherited.swap_remove(place));
        }
        let listener = bind(address)?;
        self.own.push(listener.try_clone()?);
        Ok(listener)
    }

    /// Where an inherited one listens that nothing was asked to listen on: connections to it would wait for ever.
    pub(crate) fn left_over(&self) -> Option<SocketAddr> {
        self.inherited.first().and_then(|socket| socket.local_addr().ok())
    }

    /// No new connection begins, and those that have begun are taken in. Closing the sockets would reset these, whose other sides may
    /// have sent requests already; who begins now is not answered, asks again within a second, and hears that nobody listens.
    ///
    /// Connections to an inherited socket wait for the next program.
    pub(crate) async fn take_the_last(self) {
        if self.own.is_empty() {
            return;
        }
        for listener in &self.own {
            if let Err(error) = refuse_new(listener) {
                tracing::debug!(%error, "connections that begin now may be reset");
            }
        }
        tokio::time::sleep(TAKEN_WITHIN).await;
    }
}

/// A listener that the system keeps new connections for while the program is busy or full.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // So that a program that ended a moment ago does not keep its successor out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    adopt(socket.listen(MAX_WAITING)?.into_std()?)
}

/// Connections inherit what is set.
fn adopt(listener: TcpListener) -> io::Result<TcpListener> {
    SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER_BYTES)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Drops what begins a connection before the system answers it (Linux, BPF).
fn refuse_new(listener: &TcpListener) -> io::Result<()> {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_AT),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}
