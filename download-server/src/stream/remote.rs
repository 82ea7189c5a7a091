//! Reading parts of a file across the network, as their client takes them.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use shared::file_store::bucket::RemoteFile;

use crate::ranges::ByteRange;

/// A file in a bucket.
///
/// What is not polled is not fetched: a client that reads slowly slows the bucket down, through
/// the buffers of one connection.
pub(crate) struct RemoteReader {
    file: RemoteFile,
    reading: Option<Reading>,
}

/// A part on its way, read up to `position`.
struct Reading {
    position: u64,
    end: u64,
    bytes: BoxStream<'static, io::Result<Bytes>>,
}

impl RemoteReader {
    pub(crate) fn new(file: RemoteFile) -> Self {
        Self {
            file,
            reading: None,
        }
    }

    /// The next bytes of `range`, as many as there are; it goes on where the last call ended, or
    /// another part begins.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        range: ByteRange,
    ) -> Poll<io::Result<Bytes>> {
        let goes_on =
            |reading: &Reading| (reading.position, reading.end) == (range.start, range.end);
        let reading = match self.reading.take_if(|reading| goes_on(reading)) {
            Some(reading) => reading,
            None => Reading {
                position: range.start,
                end: range.end,
                bytes: self.file.stream(range.start..range.end),
            },
        };
        let reading = self.reading.insert(reading);
        let read = ready!(reading.bytes.poll_next_unpin(cx));
        let read = read.unwrap_or_else(|| Ok(Bytes::new()));
        if let Ok(bytes) = &read {
            reading.position += bytes.len() as u64;
        }
        Poll::Ready(read)
    }
}
