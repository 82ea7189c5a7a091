//! The body of a delivery: bytes of a file, read as the socket takes them.

pub(crate) mod read;
mod remote;

use std::{
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
use shared::{
    clock::Clock,
    file_store::{Opened, StorageKey},
};

use self::{
    read::{CHUNK_BYTES, Cached, read_blocking, read_cached},
    remote::RemoteReader,
};
use crate::{ledger::Claim, ranges::ByteRange, streams::RunningDelivery};

/// A part of a file on its way to a client.
///
/// The first poll answers that nothing is there yet, so that the head is sent alone; only the
/// second tells that the head went out and the connection still stands. Until then the claim is
/// given back when this is dropped: a client that never saw an answer may ask again.
pub(crate) struct FileStream {
    source: Source,
    key: StorageKey,
    position: u64,
    end: u64,
    claim: Option<Claim>,
    deadline: Deadline,
    head: Head,
    _running: RunningDelivery,
}

/// Where the bytes come from.
enum Source {
    Local(LocalReader),
    Remote(RemoteReader),
}

/// A file on a disk.
struct LocalReader {
    file: Arc<File>,
    /// A read that had to wait for the disk.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
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
        file: Opened,
        key: StorageKey,
        range: ByteRange,
        mut claim: Option<Claim>,
        deadline: Deadline,
        running: RunningDelivery,
    ) -> Self {
        if range.len() == 0
            && let Some(claim) = &mut claim
        {
            // An empty body is never polled: it has begun, and ended, with its head.
            claim.begin();
        }
        Self {
            source: match file {
                Opened::Local(file) => Source::Local(LocalReader {
                    file: Arc::new(file),
                    reading: None,
                }),
                Opened::Remote(file) => Source::Remote(RemoteReader::new(file, range)),
            },
            key,
            position: range.start,
            end: range.end,
            claim,
            deadline,
            head: Head::Unsent,
            _running: running,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let left = self.end - self.position;
        match &mut self.source {
            Source::Local(file) => file.poll_read(cx, self.position, left),
            Source::Remote(file) => file.poll_read(cx),
        }
    }
}

impl LocalReader {
    /// The next bytes: at once when they are in memory, else from a thread that may wait.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        position: u64,
        left: u64,
    ) -> Poll<io::Result<Bytes>> {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let reading = match &mut self.reading {
            Some(reading) => reading,
            None => match read_cached(&self.file, position, wanted) {
                Ok(Cached::Bytes(bytes)) => return Poll::Ready(Ok(bytes)),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Cached::WouldBlock) => {
                    let file = Arc::clone(&self.file);
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
        BodySize::Sized(self.end - self.position)
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
        if self.position == self.end {
            return Poll::Ready(None);
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
