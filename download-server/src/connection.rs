//! A client's connection: its socket, and what the whole server may know of it.
//!
//! actix reads requests from and writes heads and small answers to a [`Socket`]; a large delivery
//! goes to the same socket past actix's buffers ([`crate::stream`]). Both look at one
//! [`Connection`], and so does the [`registry`], which ends it when it has been idle for too long or
//! when its place is needed.

pub(crate) mod registry;
mod socket;
#[cfg(feature = "tls")]
pub(crate) mod tls;
mod transport;

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use actix_http::Request;
use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use rustix::{
    fd::AsFd,
    net::{RecvFlags, Shutdown, recv, shutdown},
};
use tokio::{io::Interest, sync::Notify};

pub(crate) use self::{socket::Socket, transport::Transport};
use crate::ledger::Claim;

/// Requests at once on one connection of HTTP/2; browsers ask for a hundred at most.
const MAX_REQUESTS: u32 = 128;

/// A client's connection.
///
/// # Units
/// Moments are milliseconds since `epoch`.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Its name among all connections of this process.
    number: u64,
    /// The other end of the socket: a client, or a proxy that speaks for many.
    pub(crate) peer: IpAddr,
    epoch: Instant,
    /// Since when it does what it does now: waits for a request, or answers one.
    since: AtomicU64,
    /// When the kernel last took something to send.
    sent_at: AtomicU64,
    n_requests: AtomicU32,
    n_deliveries: AtomicU32,
    /// What is sent must go through TLS.
    encrypted: bool,
    /// HTTP/2: requests side by side, and reading goes on while they are answered.
    multiplexed: AtomicBool,
    /// When the first of its deliveries ends, finished or not: whole seconds since 1970.
    ends_at: AtomicI64,
    /// Bytes read since it began to wait for a request.
    n_read: AtomicU32,
    /// What was read last is one request's head and nothing else.
    has_one_request: AtomicBool,
    /// Everything that actix had to send has been taken by the kernel.
    flushed: AtomicBool,
    /// When a body last had something for actix.
    body_at: AtomicU64,
    /// A body that is sent with what actix sends next, and not copied to its buffer before.
    tail: Mutex<Bytes>,
    ended: AtomicBool,
    /// Tells those who wait on behalf of this connection that it has ended.
    ending: Notify,
    /// Claims that become final with the first byte that is sent; requests in a row can bring
    /// several. On HTTP/2 each claim stays with its own body instead. Std mutexes: never held
    /// across an await.
    claims: Mutex<Vec<Claim>>,
    has_claim: AtomicBool,
    /// Who waits for a flush, or for reading to be allowed again: always the connection's own task.
    waits: Mutex<Option<Waker>>,
}

impl Connection {
    fn new(stream: TcpStream, number: u64, epoch: Instant, encrypted: bool) -> Self {
        let peer = stream.peer_addr().map(|peer| peer.ip().to_canonical());
        let connection = Self {
            stream,
            number,
            encrypted,
            peer: peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            epoch,
            since: AtomicU64::new(0),
            sent_at: AtomicU64::new(0),
            n_requests: AtomicU32::new(0),
            n_deliveries: AtomicU32::new(0),
            multiplexed: AtomicBool::new(false),
            ends_at: AtomicI64::new(i64::MAX),
            n_read: AtomicU32::new(0),
            has_one_request: AtomicBool::new(false),
            flushed: AtomicBool::new(true),
            body_at: AtomicU64::new(0),
            tail: Mutex::default(),
            ended: AtomicBool::new(false),
            ending: Notify::new(),
            claims: Mutex::default(),
            has_claim: AtomicBool::new(false),
            waits: Mutex::default(),
        };
        connection.turn();
        connection
    }

    fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    fn delivers(&self) -> bool {
        self.n_deliveries.load(Ordering::Relaxed) > 0
    }

    /// Something else begins now.
    fn turn(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When the kernel last took something to send, or what is answered was asked for.
    fn moved_at(&self) -> u64 {
        self.sent_at.load(Ordering::Relaxed).max(self.since())
    }

    /// TLS is agreed upon, and so is whether HTTP/2 is spoken: it waits for a request now.
    #[cfg(feature = "tls")]
    pub(crate) fn greeted(&self, multiplexed: bool) {
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        self.quieten();
    }

    /// True when bytes may be sent past actix.
    pub(crate) fn is_plain(&self) -> bool {
        !self.encrypted
    }

    pub(crate) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    /// A request has arrived; the guard lives until it is answered.
    pub(crate) fn begin_request(self: &Arc<Self>) -> RequestGuard {
        let before = self.n_requests.fetch_add(1, Ordering::Relaxed);
        self.turn();
        if self.is_multiplexed() && before >= MAX_REQUESTS {
            tracing::debug!(peer = %self.peer, "too many requests at once");
            self.end();
        }
        RequestGuard(Arc::clone(self))
    }

    /// A delivery begins that ends with its lease; the guard lives as long as it.
    pub(crate) fn begin_delivery(self: &Arc<Self>, ends_at: i64) -> DeliveryGuard {
        self.n_deliveries.fetch_add(1, Ordering::Relaxed);
        self.note_body();
        self.ends_at.fetch_min(ends_at, Ordering::Relaxed);
        DeliveryGuard(Arc::clone(self))
    }

    /// True while actix should not be given what the client sends: it has not been answered yet, or
    /// does not take its answers.
    ///
    /// Requests that wait behind a long delivery would fill buffers, and past 128 KiB actix asks
    /// for more in a circle; answers that nobody reads would fill them too.
    fn is_busy(&self) -> bool {
        self.answers() || self.delivers() || !self.flushed.load(Ordering::Relaxed)
    }

    fn answers(&self) -> bool {
        self.n_requests.load(Ordering::Relaxed) > 0
    }

    /// A body has something for actix, so what it had before was taken.
    pub(crate) fn note_body(&self) {
        self.body_at.store(self.now(), Ordering::Relaxed);
    }

    /// Waits until it has ended, however it does.
    pub(crate) async fn ended(&self) {
        let ending = self.ending.notified();
        tokio::pin!(ending);
        // Listens before it looks: an end between the two would go unheard.
        ending.as_mut().enable();
        if !self.has_ended() {
            ending.await;
        }
    }

    /// It waits again for a request, and may be read from.
    fn quieten(&self) {
        self.n_read.store(0, Ordering::Relaxed);
        self.turn();
        self.wake();
    }

    fn wake(&self) {
        let waker = lock(&self.waits).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wait(&self, cx: &Context<'_>) {
        *lock(&self.waits) = Some(cx.waker().clone());
    }

    /// Makes `claim` final with the first byte that is sent, or gives it back when none is.
    pub(crate) fn keep_claim(&self, claim: Claim) {
        lock(&self.claims).push(claim);
        self.has_claim.store(true, Ordering::Release);
    }

    /// Bytes have been taken by the kernel.
    fn note_sent(&self) {
        self.sent_at.store(self.now(), Ordering::Relaxed);
        if self.has_claim.swap(false, Ordering::AcqRel) {
            lock(&self.claims)
                .drain(..)
                .for_each(|mut claim| claim.begin());
        }
    }

    /// From here on [`Connection::poll_flushed`] waits for the head of an answer to be on its way.
    pub(crate) fn expect_flush(&self) {
        self.flushed.store(false, Ordering::Relaxed);
    }

    /// Ready when everything that went through actix has been taken by the kernel.
    pub(crate) fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.flushed.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        self.wait(cx);
        Poll::Pending
    }

    /// True when a body may go right behind the head that actix sends next: no other answer does,
    /// as nothing but the request that is being answered has been read.
    pub(crate) fn takes_tail(&self) -> bool {
        self.is_plain() && !self.is_multiplexed() && self.has_one_request.load(Ordering::Relaxed)
    }

    /// Sends `body` behind the head that actix sends next, where [`Connection::takes_tail`].
    pub(crate) fn send_along(&self, body: Bytes) {
        *lock(&self.tail) = body;
        self.expect_flush();
    }

    fn note_flush(&self) {
        if self.flushed.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.is_busy() {
            self.wake();
        } else {
            self.quieten();
        }
    }

    /// Sends by `send` once the socket takes something; for those who write past actix.
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        mut send: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.has_ended() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            let taken = self
                .stream
                .try_io(Interest::WRITABLE, || send(&self.stream));
            match taken {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::task::ready!(self.stream.poll_write_ready(cx))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                taken => {
                    if taken.is_ok() {
                        self.note_sent();
                    }
                    return Poll::Ready(taken);
                }
            }
        }
    }

    /// Ends it: nothing more is read or sent, whoever holds it.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Err(error) = shutdown(self.stream.as_fd(), Shutdown::Both) {
            tracing::debug!(%error, "the connection had ended");
        }
        self.ending.notify_waiters();
        self.wake();
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// True when the client has ended its side and everything it sent was read.
    ///
    /// A client that went away looks like one that only says it will send nothing more (`nc -N`):
    /// both have sent the same FIN.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.peek() == Some(0)
    }

    /// True when the client has sent something that was not read.
    fn has_unread(&self) -> bool {
        self.peek().is_some_and(|n_bytes| n_bytes > 0)
    }

    /// How much of one byte could be read now; none while nothing has come.
    fn peek(&self) -> Option<usize> {
        let mut next = [0_u8; 1];
        // "Nothing yet" is an error of its own, and a broken connection is noticed by the next write.
        recv(
            self.stream.as_fd(),
            &mut next,
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        )
        .ok()
        .map(|(_, n_bytes)| n_bytes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request on its way through the server.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Connection>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.n_requests.fetch_sub(1, Ordering::Relaxed);
        if !self.0.is_busy() {
            self.0.quieten();
        }
    }
}

/// A delivery on its way to the client.
#[derive(Debug)]
pub(crate) struct DeliveryGuard(Arc<Connection>);

impl Drop for DeliveryGuard {
    fn drop(&mut self) {
        if self.0.n_deliveries.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.ends_at.store(i64::MAX, Ordering::Relaxed);
        }
        if !self.0.is_busy() {
            self.0.quieten();
        }
    }
}

/// The connection that `request` came by; none in a test without a socket.
pub(crate) fn of(request: &Request) -> Option<&Arc<Connection>> {
    request.conn_data()
}

/// The address at the other end of the socket that `request` came by.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    of(request)
        .map(|connection| connection.peer)
        .or_else(|| request.peer_addr().map(|peer| peer.ip()))
}
