//! The body of a delivery: bytes of a file, read as the socket takes them.

pub(crate) mod read;

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
    rt::task::{JoinHandle, spawn_blocking},
};
use bytes::Bytes;
use shared::{clock::Clock, file_store::StorageKey};

use self::read::{CHUNK_BYTES, Cached, read_blocking, read_cached};
use crate::{
    ledger::Claim,
    multipart::{Piece, total_len},
    streams::RunningDelivery,
};

/// A file, or parts of it, on the way to a client.
///
/// The first poll answers that nothing is there yet, so that the head is sent alone; only the
/// second tells that the head went out and the connection still stands. Until then the claim is
/// given back when this is dropped: a client that never saw an answer may ask again.
pub(crate) struct FileStream {
    file: Arc<File>,
    key: StorageKey,
    /// What comes after the bytes up to `end`.
    pieces: VecDeque<Piece>,
    len: u64,
    position: u64,
    end: u64,
    claim: Option<Claim>,
    deadline: Deadline,
    head: Head,
    /// A read that had to wait for the disk.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    _running: RunningDelivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Unsent,
    Sent,
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
    pub(crate) fn new(
        file: File,
        key: StorageKey,
        pieces: VecDeque<Piece>,
        mut claim: Option<Claim>,
        deadline: Deadline,
        running: RunningDelivery,
    ) -> Self {
        let len = total_len(&pieces);
        if len == 0
            && let Some(claim) = &mut claim
        {
            // An empty body is never polled: it has begun, and ended, with its head.
            claim.begin();
        }
        Self {
            file: Arc::new(file),
            key,
            pieces,
            len,
            position: 0,
            end: 0,
            claim,
            deadline,
            head: Head::Unsent,
            reading: None,
            _running: running,
        }
    }

    /// The next bytes: at once when they are in memory, else from a thread that may wait.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let wanted = usize::try_from(self.end - self.position)
            .unwrap_or(usize::MAX)
            .min(CHUNK_BYTES);
        let reading = match &mut self.reading {
            Some(reading) => reading,
            None => match read_cached(&self.file, self.position, wanted) {
                Ok(Cached::Bytes(bytes)) => return Poll::Ready(Ok(bytes)),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Cached::WouldBlock) => {
                    let (file, position) = (Arc::clone(&self.file), self.position);
                    self.reading.insert(spawn_blocking(move || {
                        read_blocking(&file, position, wanted)
                    }))
                }
            },
        };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        Poll::Ready(read.unwrap_or_else(|ended| Err(io::Error::other(ended))))
    }
}

impl MessageBody for FileStream {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.len)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        if self.head == Head::Unsent {
            self.head = Head::Sent;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(mut claim) = self.claim.take() {
            claim.begin();
        }
        while self.position == self.end {
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Text(text)) => return Poll::Ready(Some(Ok(text))),
                Some(Piece::File(range)) => {
                    (self.position, self.end) = (range.start, range.end);
                }
            }
        }
        if self.deadline.is_over() {
            let (key, position) = (self.key, self.position);
            tracing::warn!(%key, position, "a delivery was cut: its lease is over");
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let read = match ready!(self.poll_read(cx)) {
            Ok(bytes) if bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        match &read {
            Ok(bytes) => self.position += bytes.len() as u64,
            Err(error) => {
                let (key, position) = (self.key, self.position);
                tracing::error!(%key, position, %error, "a delivery broke off: the file cannot be read on");
            }
        }
        Poll::Ready(Some(read))
    }
}

#[cfg(test)]
mod tests;
