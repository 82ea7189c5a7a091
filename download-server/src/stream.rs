//! The body of a delivery: bytes of a file, sent as the socket takes them.
//!
//! There are three ways. On a plain connection the kernel moves the file's pages to the socket
//! (`sendfile`), past actix and its buffers, once the head is out: fast, and a stalled reader holds
//! nothing of ours. What is small and in memory already goes out with the head, by the same call.
//! Everything else, TLS, HTTP/2, files that are elsewhere, goes through actix in chunks.

mod lately;
mod page_cache;
pub(crate) mod read;
mod remote;
#[cfg(target_os = "linux")]
mod resident;

use std::{
    collections::VecDeque,
    fs::File,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::{
    body::{BodySize, MessageBody},
    rt::{
        net::TcpStream,
        task::{JoinHandle, spawn_blocking},
    },
};
use bytes::{Buf, Bytes};
use shared::clock::Clock;

pub(crate) use self::lately::Lately;
use self::{
    page_cache::PageCache,
    read::{CHUNK_BYTES, Cached, read_blocking, read_cached},
    remote::RemoteReader,
};
use crate::{
    connection::{Connection, DeliveryGuard},
    delivery_log::DeliveryLog,
    files::{LocalFile, OpenFile},
    ledger::Claim,
    multipart::{Piece, total_len},
    ranges::ByteRange,
    streams::RunningDelivery,
};

/// The kernel is asked to move at most this much at once.
const SEND_BYTES: u64 = 128 * 1024;

/// After so much other connections have their turn.
const TURN_BYTES: u64 = 1024 * 1024;

/// Pieces of a file on their way to a client.
pub(crate) struct FileStream {
    pieces: VecDeque<Piece>,
    n_bytes: u64,
    way: Way,
    terms: Terms,
    _guard: Option<DeliveryGuard>,
}

/// How bytes reach the client.
enum Way {
    /// By `sendfile`, once the head is out.
    Past {
        file: Arc<LocalFile>,
        head: Head,
        cache: PageCache,
    },
    /// In memory, along with the head.
    Along,
    /// In chunks handed to actix.
    Through(Source),
}

/// Where chunks come from.
enum Source {
    Local {
        file: Arc<LocalFile>,
        /// A read that had to wait for the disk.
        reading: Option<JoinHandle<io::Result<Bytes>>>,
    },
    Remote(RemoteReader),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Unsent,
    Sent,
}

/// Under which a delivery runs.
pub(crate) struct Terms {
    /// None in a test without a socket.
    pub(crate) connection: Option<Arc<Connection>>,
    pub(crate) deadline: Deadline,
    pub(crate) log: DeliveryLog,
    /// On HTTP/2, where other answers share the connection: final when the body is asked for, and
    /// given back when its head could not be sent.
    pub(crate) claim: Option<Claim>,
    /// Until this is dropped the server waits for the delivery.
    pub(crate) _running: RunningDelivery,
}

/// When a delivery ends, finished or not: with its lease.
pub(crate) struct Deadline {
    clock: Clock,
    /// Whole seconds since 1970.
    at: i64,
}

impl Deadline {
    pub(crate) fn new(clock: Clock, at: i64) -> Self {
        Self { clock, at }
    }

    fn is_over(&self) -> bool {
        self.clock.unix_secs() >= self.at
    }
}

impl FileStream {
    pub(crate) fn new(file: OpenFile, mut pieces: VecDeque<Piece>, mut terms: Terms) -> Self {
        pieces.retain(|piece| piece.len() > 0);
        if pieces.is_empty()
            && let Some(claim) = &mut terms.claim
        {
            // Nobody asks for an empty body.
            claim.begin();
        }
        let reads_file = pieces.iter().any(|piece| matches!(piece, Piece::File(_)));
        let connection = terms.connection.as_ref();
        let plain = connection.is_some_and(|connection| connection.is_plain());
        let takes_tail = connection.is_some_and(|connection| connection.takes_tail());
        let is_one_text = matches!(pieces.make_contiguous(), [Piece::Text(_)]);
        let way = match file {
            _ if is_one_text && takes_tail => Way::Along,
            OpenFile::Local(file) if reads_file && plain => Way::Past {
                file,
                head: Head::Unsent,
                cache: PageCache::new(),
            },
            OpenFile::Local(file) => Way::Through(Source::local(file)),
            OpenFile::Remote(file) => Way::Through(Source::Remote(RemoteReader::new(file))),
        };
        Self {
            n_bytes: total_len(&pieces),
            pieces,
            way,
            _guard: connection.map(|connection| connection.begin_delivery(terms.deadline.at)),
            terms,
        }
    }

    /// Takes `n_bytes` off what is to be sent.
    fn advance(&mut self, n_bytes: u64) {
        self.n_bytes -= n_bytes;
        self.terms.log.sent(n_bytes);
        let done = match self.pieces.front_mut() {
            None => return,
            Some(Piece::Text(text)) => {
                text.advance(
                    usize::try_from(n_bytes)
                        .unwrap_or(usize::MAX)
                        .min(text.len()),
                );
                text.is_empty()
            }
            Some(Piece::File(range)) => {
                range.start += n_bytes;
                range.len() == 0
            }
        };
        if done {
            self.pieces.pop_front();
            if let Way::Past { cache, .. } = &mut self.way {
                // The next piece may lie before this one.
                *cache = PageCache::new();
            }
        }
    }

    /// Sends past actix until the socket takes no more; `Unsupported` where the file cannot be.
    fn poll_past(&mut self, cx: &mut Context<'_>, connection: &Connection) -> Poll<io::Result<()>> {
        let mut n_sent = 0;
        loop {
            let Some(piece) = self.pieces.front() else {
                return Poll::Ready(Ok(()));
            };
            if self.terms.deadline.is_over() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if n_sent >= TURN_BYTES {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let sent = match (piece, &mut self.way) {
                (Piece::Text(text), _) => {
                    let write = |stream: &TcpStream| Ok(rustix::io::write(stream, text)?);
                    ready!(connection.poll_send(cx, write)).map_err(of_socket)?
                }
                (Piece::File(range), Way::Past { file, cache, .. }) => {
                    let ahead = ready!(cache.poll_ahead(cx, file, range.start, range.end))?;
                    let (file, start, wanted) = (&**file, range.start, ahead.min(SEND_BYTES));
                    let send = |stream: &TcpStream| send_file(stream, file, start, wanted);
                    match ready!(connection.poll_send(cx, send)) {
                        Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                            return Poll::Ready(Err(error));
                        }
                        // Asked again at once: a fast reader has made room meanwhile.
                        taken => taken.map_err(of_socket)?,
                    }
                }
                (Piece::File(_), Way::Through(_) | Way::Along) => {
                    return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
                }
            };
            self.advance(sent as u64);
            n_sent += sent as u64;
        }
    }

    /// The next chunk for actix: at once when it is in memory, else from a thread that may wait.
    fn poll_through(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let chunk = match (self.pieces.front(), &mut self.way) {
            (None, _) => return Poll::Ready(None),
            (Some(_), _) if self.terms.deadline.is_over() => Err(io::ErrorKind::TimedOut.into()),
            (Some(Piece::Text(text)), _) => Ok(text.clone()),
            (Some(Piece::File(range)), Way::Through(source)) => {
                match ready!(source.poll_read(cx, *range)) {
                    Ok(bytes) if bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
                    read => read,
                }
            }
            (Some(Piece::File(_)), Way::Past { .. } | Way::Along) => {
                Err(io::ErrorKind::Unsupported.into())
            }
        };
        if let Ok(chunk) = &chunk {
            self.advance(chunk.len() as u64);
            if let Some(connection) = &self.terms.connection {
                connection.expect_flush();
                connection.note_body();
            }
        }
        Poll::Ready(Some(chunk))
    }

    /// Ends what cannot go on: on HTTP/1 nothing but the end of the connection says so.
    fn break_off(&mut self, error: io::Error) -> Poll<Option<Result<Bytes, io::Error>>> {
        self.terms.log.break_off(&error);
        match &self.terms.connection {
            Some(connection) if !connection.is_multiplexed() => {
                // actix notices by itself, and would log a body's error as its own.
                connection.end();
                Poll::Pending
            }
            _ => Poll::Ready(Some(Err(error))),
        }
    }
}

impl MessageBody for FileStream {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        match self.way {
            // actix counts nothing that goes past it; the answer says its length itself.
            Way::Past { .. } | Way::Along => BodySize::Stream,
            Way::Through(_) => BodySize::Sized(self.n_bytes),
        }
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = &mut *self;
        if let Some(mut claim) = this.terms.claim.take() {
            claim.begin();
        }
        if let (Some(connection), Way::Past { file, head, .. }) =
            (&this.terms.connection, &mut this.way)
        {
            let (connection, file) = (Arc::clone(connection), Arc::clone(file));
            if *head == Head::Unsent {
                *head = Head::Sent;
                connection.expect_flush();
            }
            ready!(connection.poll_flushed(cx));
            match ready!(this.poll_past(cx, &connection)) {
                Ok(()) => return Poll::Ready(None),
                // The head has said the length, so actix may add up what is missing.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    this.way = Way::Through(Source::local(file));
                }
                Err(error) => return this.break_off(error),
            }
        }
        if let (Some(connection), Way::Along) = (&this.terms.connection, &this.way) {
            if let Some(Piece::Text(text)) = this.pieces.front() {
                connection.send_along(text.clone());
                connection.note_body();
                this.advance(this.n_bytes);
            }
            return Poll::Ready(None);
        }
        match ready!(this.poll_through(cx)) {
            Some(Err(error)) => this.break_off(error),
            chunk => Poll::Ready(chunk),
        }
    }
}

impl Source {
    fn local(file: Arc<LocalFile>) -> Self {
        Self::Local {
            file,
            reading: None,
        }
    }

    /// The next bytes of `range`; none where the file ends too soon.
    fn poll_read(&mut self, cx: &mut Context<'_>, range: ByteRange) -> Poll<io::Result<Bytes>> {
        match self {
            Self::Local { file, reading } => poll_local(cx, file, range, reading),
            Self::Remote(reader) => reader.poll_read(cx, range),
        }
    }
}

/// Reads the next chunk of `range`: at once when it is in memory, else by a thread that may wait.
fn poll_local(
    cx: &mut Context<'_>,
    file: &Arc<LocalFile>,
    range: ByteRange,
    reading: &mut Option<JoinHandle<io::Result<Bytes>>>,
) -> Poll<io::Result<Bytes>> {
    let wanted = usize::try_from(range.len())
        .unwrap_or(usize::MAX)
        .min(CHUNK_BYTES);
    let waiting = match reading {
        Some(reading) => reading,
        None => match read_cached(file, range.start, wanted) {
            Ok(Cached::Bytes(bytes)) => return Poll::Ready(Ok(bytes)),
            Err(error) => return Poll::Ready(Err(error)),
            Ok(Cached::WouldBlock) => {
                let file = Arc::clone(file);
                reading.insert(spawn_blocking(move || {
                    read_blocking(&file, range.start, wanted)
                }))
            }
        },
    };
    let read = ready!(Pin::new(waiting).poll(cx));
    *reading = None;
    Poll::Ready(read.unwrap_or_else(|ended| Err(io::Error::other(ended))))
}

/// Moves up to `wanted` bytes from `start` on to the socket.
#[cfg(target_os = "linux")]
fn send_file(stream: &TcpStream, file: &File, mut start: u64, wanted: u64) -> io::Result<usize> {
    use rustix::{fs::sendfile, io::Errno};

    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    sendfile(stream, file, Some(&mut start), wanted).map_err(|error| match error {
        Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => io::ErrorKind::Unsupported.into(),
        error => error.into(),
    })
}

#[cfg(not(target_os = "linux"))]
fn send_file(_: &TcpStream, _: &File, _: u64, _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What a socket says when nobody is there, in one kind; a file's errors keep their own.
fn of_socket(error: io::Error) -> io::Error {
    use io::ErrorKind as K;
    match error.kind() {
        K::BrokenPipe | K::ConnectionReset | K::NotConnected | K::TimedOut => {
            io::Error::new(K::ConnectionAborted, error)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests;
