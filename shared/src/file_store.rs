//! The folder that holds what is sold, each file under the SHA-256 of its bytes.

mod beneath;
pub mod new_file;

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use self::new_file::NewFile;

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
    fn path(self) -> PathBuf {
        let hex = self.to_string();
        let [first, second, ..] = self.0;
        PathBuf::from(format!("sha256/{first:02x}/{second:02x}/{hex}"))
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected 64 lower-case hex digits"))
    }
}

/// Files by the SHA-256 of their bytes: written once, never changed.
///
/// Everything blocks: call it where a thread may wait for a disk. Cloning is cheap. The folder is
/// looked up anew for each file, so a disk that was away is found again without a restart.
#[derive(Clone, Debug)]
pub struct FileStore {
    root: Arc<Path>,
}

impl FileStore {
    /// The store at `url`, `file:///absolute/folder`; nothing is touched yet.
    pub fn open(url: &str) -> Result<Self, FileStoreError> {
        let url = Url::parse(url).map_err(|_| FileStoreError::Malformed)?;
        match url.scheme() {
            "file" => {}
            "s3" => return Err(FileStoreError::S3),
            _ => return Err(FileStoreError::Malformed),
        }
        let root = url.to_file_path().map_err(|()| FileStoreError::Malformed)?;
        let plain = url.query().is_none() && url.fragment().is_none();
        if !plain || root.parent().is_none() {
            return Err(FileStoreError::Malformed);
        }
        Ok(Self { root: root.into() })
    }

    /// Opens the file stored under `key`, at its first byte.
    ///
    /// # Errors
    /// `NotFound` when it is not there; anything that is not a regular file beneath the folder is
    /// refused, whatever links lead to.
    pub fn read(&self, key: StorageKey) -> io::Result<File> {
        let root = beneath::open_root(&self.root)?;
        let file = beneath::open_file(&root, &key.path())?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a regular file",
            ));
        }
        Ok(file)
    }

    /// Begins a new file; the folder itself is made when missing, its parents are not.
    pub fn write(&self) -> io::Result<NewFile> {
        NewFile::create(&self.root)
    }

    /// Whether the folder can be reached now.
    pub fn probe(&self) -> io::Result<()> {
        beneath::open_root(&self.root).map(drop)
    }

    /// Whether nothing was ever stored in the folder: a new one, or the place where a disk should be
    /// mounted.
    pub fn is_empty(&self) -> io::Result<bool> {
        let root = beneath::open_root(&self.root)?;
        beneath::has_entry(&root, "sha256").map(|there| !there)
    }
}

/// Why an address is not a file store's.
#[derive(Debug, thiserror::Error)]
pub enum FileStoreError {
    /// Not `file:///…`.
    #[error("expected file:///absolute/folder")]
    Malformed,
    /// A bucket.
    #[error("needs the s3 feature, not in this build")]
    S3,
}

#[cfg(test)]
mod tests;
