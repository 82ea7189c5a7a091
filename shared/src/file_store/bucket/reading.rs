//! Reading a file out of a bucket, however often the way to it breaks.

use std::{io, ops::Range, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use object_store::GetResult;
use tokio::time::{sleep, timeout};

use super::{Bucket, StorageKey, said};

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

type Body = BoxStream<'static, object_store::Result<Bytes>>;

/// A file in a bucket, found there at one moment.
pub struct RemoteFile {
    bucket: Bucket,
    key: StorageKey,
    size_bytes: u64,
    /// What the bucket calls these bytes (its ETag); they must not turn into others.
    version: Option<String>,
    /// The answer to the first request, whose body nobody has read yet.
    begun: Option<(Range<u64>, Body)>,
}

impl RemoteFile {
    pub(super) fn found(
        bucket: Bucket,
        key: StorageKey,
        found: GetResult,
        wanted: Option<Range<u64>>,
    ) -> Self {
        Self {
            bucket,
            key,
            size_bytes: found.meta.size,
            version: found.meta.e_tag.clone(),
            begun: wanted.map(|range| (range, found.into_stream())),
        }
    }

    /// How many bytes it has.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The bytes of `range`, as they are taken; nothing is read ahead of that but what network
    /// buffers hold.
    ///
    /// Connections that break or fall silent are replaced, from the byte reached on. Ends with an
    /// error when that leads nowhere, or to another file.
    pub fn stream(&mut self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let begun = self.begun.take().filter(|(begun, _)| *begun == range);
        let reading = Reading {
            bucket: self.bucket.clone(),
            key: self.key,
            size_bytes: self.size_bytes,
            version: self.version.clone(),
            body: begun.map(|(_, body)| body),
            range,
            n_failures: 0,
        };
        stream::try_unfold(reading, Reading::step).boxed()
    }
}

impl std::fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RemoteFile({})", self.key)
    }
}

/// What is left to be read.
struct Reading {
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
            self.body = None;
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
        let body = match &mut self.body {
            Some(body) => body,
            None => {
                let range = Some(self.range.clone());
                let found = self
                    .bucket
                    .get(self.key, range, self.version.clone())
                    .await?;
                // Not every server knows If-Match.
                if found.meta.e_tag != self.version || found.meta.size != self.size_bytes {
                    let message = "a stored file was replaced by another";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
                self.body.insert(found.into_stream())
            }
        };
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        loop {
            let Some(read) = body.next().await else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let mut bytes = read.map_err(|error| said(&error))?;
            bytes.truncate(left);
            if !bytes.is_empty() {
                return Ok(bytes);
            }
        }
    }
}

/// Whether asking again may bring another answer.
fn may_heal(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::PermissionDenied
    )
}
