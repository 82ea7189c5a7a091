//! A store in a bucket of Amazon S3, or of a server that speaks the same protocol.
//!
//! Keys are `prefix/sha256/ab/cd/<64 hex>`, as in a folder. Nothing is cached.

mod client;
mod keeping;
mod reading;

use std::{fmt, io, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, aws::AmazonS3, path::Path};

use self::reading::{Body, Reading};
use super::{
    FileStoreError, StorageKey,
    access::{BucketAccess, BucketUrl},
    source::check_size,
};

/// A bucket, and how to ask it.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Arc<AmazonS3>,
    prefix: Path,
    /// For the next byte of a body.
    patience: Duration,
}

impl Bucket {
    pub(super) fn open(url: &BucketUrl, access: &BucketAccess) -> Result<Self, FileStoreError> {
        let prefix = Path::parse(&url.prefix).map_err(|_| FileStoreError::Malformed)?;
        Ok(Self {
            client: Arc::new(client::build(&url.bucket, access)?),
            prefix,
            patience: access.patience,
        })
    }

    /// Finds the file: by the head of a GET of `wanted`, or by HEAD.
    pub(super) async fn open_file(
        &self,
        key: StorageKey,
        size_bytes: Option<u64>,
        wanted: Option<Range<u64>>,
    ) -> io::Result<RemoteFile> {
        let found = self.get(key, wanted.clone(), None).await?;
        check_size(found.meta.size, size_bytes.unwrap_or(found.meta.size))?;
        Ok(RemoteFile::found(self.clone(), key, found, wanted))
    }

    /// A bucket that answers, knows us and has no such file is one that can be read.
    ///
    /// One GET: the cheapest request that tells a missing bucket from a missing file.
    pub(super) async fn probe(&self) -> io::Result<()> {
        let nothing = self.path("sha256/probe");
        match self.client.get_opts(&nothing, GetOptions::default()).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::NotFound { source, .. })
                if !source.to_string().contains("NoSuchBucket") =>
            {
                Ok(())
            }
            Err(error) => Err(said(&error)),
        }
    }

    /// Asks for the bytes of `range`, or for the head alone; of one `version`, if there was another.
    async fn get(
        &self,
        key: StorageKey,
        range: Option<Range<u64>>,
        version: Option<String>,
    ) -> io::Result<GetResult> {
        let options = GetOptions {
            head: range.is_none(),
            range: range.map(GetRange::Bounded),
            if_match: version,
            ..GetOptions::default()
        };
        let got = self.client.get_opts(&self.path(&key.path()), options).await;
        got.map_err(|error| said(&error))
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.as_ref().is_empty() {
            Path::from(name)
        } else {
            Path::from(format!("{}/{name}", self.prefix))
        }
    }
}

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
    fn found(
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
        Reading::new(self, range, begun.map(|(_, body)| body)).stream()
    }
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteFile({})", self.key)
    }
}

/// The bucket's error as a reader of files knows errors, with what it said in one line.
fn said(error: &object_store::Error) -> io::Error {
    use io::ErrorKind as K;
    use object_store::Error as E;
    let kind = match error {
        E::NotFound { .. } => K::NotFound,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => K::PermissionDenied,
        E::Precondition { .. } => K::InvalidData,
        _ => K::Other,
    };
    let text = error.to_string();
    let code = text
        .split_once("<Code>")
        .and_then(|(_, after)| after.split_once("</Code>"));
    let message = match (code, kind) {
        (Some((code, _)), _) => format!("the bucket says {code}"),
        (None, K::NotFound) => "there is no such file in the bucket".to_owned(),
        (None, K::PermissionDenied) => "the bucket refuses its key".to_owned(),
        (None, K::InvalidData) => "a stored file was replaced by another".to_owned(),
        (None, _) => text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(500)
            .collect(),
    };
    io::Error::new(kind, message)
}
