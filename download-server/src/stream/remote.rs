//! Reading a part of a file across the network, as its client takes it.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use shared::file_store::bucket::RemoteFile;

use crate::ranges::ByteRange;

/// A part of a file in a bucket.
///
/// What is not polled is not fetched: a client that reads slowly slows the bucket down, through
/// the buffers of one connection.
pub(crate) struct RemoteReader {
    bytes: BoxStream<'static, io::Result<Bytes>>,
}

impl RemoteReader {
    pub(crate) fn new(mut file: RemoteFile, range: ByteRange) -> Self {
        Self {
            bytes: file.stream(range.start..range.end),
        }
    }

    /// The next bytes, as many as there are; none at the end of the part.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let read = ready!(self.bytes.poll_next_unpin(cx));
        Poll::Ready(read.unwrap_or_else(|| Ok(Bytes::new())))
    }
}
