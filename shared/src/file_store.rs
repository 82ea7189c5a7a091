//! The folder or bucket that holds what is sold, each file under the SHA-256 of its bytes.

pub mod access;
mod beneath;
#[cfg(feature = "s3")]
pub mod bucket;
#[cfg(not(feature = "s3"))]
#[path = "file_store/no_bucket.rs"]
pub mod bucket;
pub mod folder;
pub mod new_file;
mod source;

use std::{fmt, fs::File, io, ops::Range, path::Path};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use crate::text::Parsed;

use self::{
    access::{BucketAccess, BucketUrl},
    bucket::{Bucket, RemoteFile},
    folder::Folder,
};

/// Where a file's bytes are stored: their SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageKey([u8; 32]);

impl StorageKey {
    /// The key written as 64 lower-case hexadecimal digits, the one form it has.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return None,
                };
                *byte = *byte << 4 | value;
            }
        }
        Some(Self(digest))
    }

    /// The key of the bytes whose SHA-256 is `digest`.
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The SHA-256.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0
    }

    /// `sha256/ab/cd/<64 hex>`: no text from outside is ever part of a path.
    fn path(self) -> String {
        let hex = self.to_string();
        let [first, second, ..] = self.0;
        format!("sha256/{first:02x}/{second:02x}/{hex}")
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| {
            DIGITS
                .get(usize::from(value))
                .map_or('0', |digit| char::from(*digit))
        };
        let mut text = String::with_capacity(2 * self.0.len());
        for byte in self.0 {
            text.extend([digit(byte >> 4), digit(byte & 15)]);
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorageKey({self})")
    }
}

impl Serialize for StorageKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StorageKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed(Self::parse, "64 lower-case hex digits"))
    }
}

/// Files by the SHA-256 of their bytes: written once, never changed.
///
/// Cloning is cheap. A folder or bucket that was away is found again without a restart.
#[derive(Clone, Debug)]
pub enum FileStore {
    /// `file:///absolute/folder`
    Folder(Folder),
    /// `s3://bucket/prefix`
    Bucket(Bucket),
}

/// A stored file of the size that was expected, ready to be read.
#[derive(Debug)]
pub enum Opened {
    /// At its first byte.
    Local(File),
    /// Across the network, reached and found to be the right one.
    Remote(RemoteFile),
}

impl Opened {
    /// How many bytes it has; of a local file, how many it has now.
    pub fn size_bytes(&self) -> io::Result<u64> {
        match self {
            Self::Local(file) => Ok(file.metadata()?.len()),
            Self::Remote(file) => Ok(file.size_bytes()),
        }
    }
}

impl FileStore {
    /// The store at `url`; nothing is touched yet. `access` matters to buckets only.
    pub fn open(url: &str, access: &BucketAccess) -> Result<Self, FileStoreError> {
        let url = Url::parse(url).map_err(|_| FileStoreError::Malformed)?;
        match url.scheme() {
            "file" => Folder::open(&url).map(Self::Folder),
            "s3" => Bucket::open(&BucketUrl::parse(&url)?, access).map(Self::Bucket),
            _ => Err(FileStoreError::Malformed),
        }
    }

    /// Opens the file that is stored under `key`, of `size_bytes` if anybody knows how many.
    ///
    /// A bucket is asked for `wanted` at once, so that all it could refuse is known before the
    /// first byte is promised to anybody; for nothing but its head when that is `None` or empty.
    ///
    /// # Errors
    /// `NotFound` when it is not there, `InvalidData` when it has another size or is no plain
    /// file, `PermissionDenied` when the bucket refuses, and whatever else disk or network say.
    pub async fn open_file(
        &self,
        key: StorageKey,
        size_bytes: Option<u64>,
        wanted: Option<Range<u64>>,
    ) -> io::Result<Opened> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                let read = move || match size_bytes {
                    Some(size_bytes) => folder.read_whole(key, size_bytes),
                    None => folder.read(key),
                };
                blocking(read).await.map(Opened::Local)
            }
            Self::Bucket(bucket) => {
                let wanted = wanted.filter(|wanted| !wanted.is_empty());
                bucket
                    .open_file(key, size_bytes, wanted)
                    .await
                    .map(Opened::Remote)
            }
        }
    }

    /// Stores the bytes of the file at `path`, unless they are there: their key, and how many.
    ///
    /// What is under that key already is never replaced, and what breaks off leaves nothing under
    /// it.
    ///
    /// # Errors
    /// `InvalidData` when what is stored there has another size: the store is damaged.
    pub async fn keep(&self, path: &Path) -> io::Result<(StorageKey, u64)> {
        let source = path.to_owned();
        let (key, size_bytes) = blocking(move || source::hash(&source)).await?;
        match self {
            Self::Folder(folder) => {
                let (folder, source) = (folder.clone(), path.to_owned());
                blocking(move || folder.keep(&source, key, size_bytes)).await
            }
            Self::Bucket(bucket) => {
                bucket.keep(path, key, size_bytes).await?;
                Ok((key, size_bytes))
            }
        }
    }

    /// Whether the store can be reached and read now.
    pub async fn probe(&self) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folder.probe()).await
            }
            Self::Bucket(bucket) => bucket.probe().await,
        }
    }

    /// Whether nothing was ever stored in a folder: a new one, or the place where a disk should be
    /// mounted. A bucket that answers is never the wrong one.
    pub async fn is_empty(&self) -> io::Result<bool> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folder.is_empty()).await
            }
            Self::Bucket(bucket) => bucket.probe().await.map(|()| false),
        }
    }
}

/// Does `work` where a thread may wait for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// Why an address is not a file store's.
#[derive(Debug, thiserror::Error)]
pub enum FileStoreError {
    /// Neither `file:///…` nor `s3://…`.
    #[error("expected file:///absolute/folder or s3://bucket/prefix")]
    Malformed,
    /// A bucket, and no way to one.
    #[error("needs the s3 feature, not in this build")]
    S3,
    /// A bucket without what its requests are signed with.
    #[error("s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    Unsigned,
    /// The client cannot be made.
    #[error("no way to the bucket: {0}")]
    Client(String),
}

#[cfg(test)]
mod tests;
