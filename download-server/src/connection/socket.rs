//! What actix reads from and writes to.

use std::{
    io::{self, IoSlice},
    ops::Deref,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use actix_web::rt::net::TcpStream;
use bytes::Buf;
use memchr::memchr_iter;
use rustix::{
    fd::AsFd,
    net::{Shutdown, shutdown},
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use super::{Connection, lock, registry::Place};

/// The most that is read before a request has begun to be answered: several heads, sent in a row.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Read at once, unless there is more.
const READ_BYTES: usize = 4 * 1024;

/// A connection as actix sees it; dropped, it is closed and its place is free.
#[derive(Debug)]
pub(crate) struct Socket(Place);

impl Socket {
    pub(super) fn new(place: Place) -> Self {
        Self(place)
    }

    /// The connection, for those who look at it beside actix.
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        self.0.connection()
    }
}

impl Deref for Socket {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0.connection()
    }
}

impl Connection {
    /// Counts what is read while waiting for a request: a head must come to an end.
    fn note_read(&self, bytes: &[u8]) -> io::Result<()> {
        if self.is_multiplexed() {
            return Ok(());
        }
        let n_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let before = self.n_read.fetch_add(n_bytes, Ordering::Relaxed);
        let is_one = before == 0 && is_one_head(bytes);
        self.has_one_request.store(is_one, Ordering::Relaxed);
        if before.saturating_add(n_bytes) as usize > MAX_HEAD_BYTES {
            tracing::debug!(peer = %self.peer, "a request's head is too long");
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }
}

/// True when `bytes` end with the first empty line in them; lines may end with LF alone, as they
/// may for actix.
fn is_one_head(bytes: &[u8]) -> bool {
    memchr_iter(b'\n', bytes).find_map(|at| match bytes.get(at + 1..) {
        Some(rest @ ([b'\n', ..] | [b'\r', b'\n', ..])) => Some(matches!(rest, b"\n" | b"\r\n")),
        _ => None,
    }) == Some(true)
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_ended() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if self.is_busy() && !self.is_multiplexed() {
            self.wait(cx);
            return Poll::Pending;
        }
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            // Most requests fit, and what is not asked for need not be cleared.
            let part = buffer.initialize_unfilled_to(buffer.remaining().min(READ_BYTES));
            let wanted = part.len();
            match self.stream.try_read(part) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(n_bytes) => {
                    let noted = self.note_read(part.get(..n_bytes).unwrap_or_default());
                    buffer.advance(n_bytes);
                    if 0 < n_bytes && n_bytes < wanted {
                        // That was all there is; asking again to be told so is not needed.
                        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                        let _ = self.stream.try_io(Interest::READABLE, nothing);
                    }
                    return Poll::Ready(noted);
                }
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let tail = lock(&self.tail).clone();
        let sent = self.poll_send(cx, |stream| {
            if tail.is_empty() {
                return Ok(rustix::io::write(stream, bytes)?);
            }
            let both = [IoSlice::new(bytes), IoSlice::new(&tail)];
            Ok(rustix::io::writev(stream, &both)?)
        });
        match sent {
            Poll::Pending => {
                self.expect_flush();
                Poll::Pending
            }
            Poll::Ready(Ok(n_bytes)) if n_bytes > bytes.len() => {
                lock(&self.tail).advance(n_bytes - bytes.len());
                Poll::Ready(Ok(bytes.len()))
            }
            Poll::Ready(sent) => Poll::Ready(sent),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_ended() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        loop {
            let tail = lock(&self.tail).clone();
            if tail.is_empty() {
                break;
            }
            let send = |stream: &TcpStream| Ok(rustix::io::write(stream, &tail)?);
            let n_bytes = ready!(self.poll_send(cx, send))?;
            lock(&self.tail).advance(n_bytes);
        }
        self.note_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Not connected any more: it has been.
        let _ = shutdown(self.stream.as_fd(), Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}
