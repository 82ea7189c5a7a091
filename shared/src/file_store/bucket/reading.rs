//! Reading on, however often the way to a bucket breaks.

use std::{io, ops::Range, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::time::{sleep, timeout};

use super::{Bucket, RemoteFile, said};
use crate::file_store::StorageKey;

/// Before each new request for what is missing; a request that brought something begins anew.
///
/// Long enough in all for a server to be restarted, and no longer than clients wait silently.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_millis(700),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// The body of an answer.
pub(super) type Body = BoxStream<'static, object_store::Result<Bytes>>;

/// What is left to be read.
pub(super) struct Reading {
    bucket: Bucket,
    key: StorageKey,
    size_bytes: u64,
    version: Option<String>,
    range: Range<u64>,
    body: Option<Body>,
    /// Since the last byte.
    n_failures: usize,
}

impl Reading {
    /// `range` of `file`, of which `body` is the answer when it was asked for already.
    pub(super) fn new(file: &RemoteFile, range: Range<u64>, body: Option<Body>) -> Self {
        Self {
            bucket: file.bucket.clone(),
            key: file.key,
            size_bytes: file.size_bytes,
            version: file.version.clone(),
            range,
            body,
            n_failures: 0,
        }
    }

    /// All of it, as it is taken.
    pub(super) fn stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        stream::try_unfold(self, Self::step).boxed()
    }

    /// The next bytes, never none; `None` at the end.
    async fn step(mut self) -> io::Result<Option<(Bytes, Self)>> {
        while !self.range.is_empty() {
            let tried = timeout(self.bucket.patience, self.next()).await;
            let error = match tried.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(bytes) => {
                    self.n_failures = 0;
                    self.range.start += bytes.len() as u64;
                    return Ok(Some((bytes, self)));
                }
                Err(error) => error,
            };
            let Some(pause) = PAUSES.get(self.n_failures).filter(|_| may_heal(&error)) else {
                return Err(error);
            };
            self.n_failures += 1;
            let (key, position, n_failures) = (self.key, self.range.start, self.n_failures);
            tracing::warn!(%key, position, n_failures, %error, "the way to the bucket broke: asking again");
            sleep(*pause).await;
        }
        Ok(None)
    }

    /// The next bytes of the answer there is, or of a new one.
    async fn next(&mut self) -> io::Result<Bytes> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.ask().await?,
        };
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        loop {
            let Some(read) = body.next().await else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let mut bytes = read.map_err(|error| said(&error))?;
            bytes.truncate(left);
            if !bytes.is_empty() {
                self.body = Some(body);
                return Ok(bytes);
            }
        }
    }

    /// Asks for what is left. Exclusively, since a body may change threads and not be shared.
    async fn ask(&mut self) -> io::Result<Body> {
        let range = Some(self.range.clone());
        let version = self.version.clone();
        let found = self.bucket.get(self.key, range, version).await?;
        // Not every server knows If-Match.
        if found.meta.e_tag != self.version || found.meta.size != self.size_bytes {
            let message = "a stored file was replaced by another";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(found.into_stream())
    }
}

/// Whether asking again may bring another answer.
fn may_heal(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::PermissionDenied
    )
}
