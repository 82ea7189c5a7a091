//! A store on a disk of this machine.

use std::{fs::File, io, path::Path, sync::Arc};

use url::Url;

use super::{FileStoreError, StorageKey, beneath, new_file::NewFile, source};

/// A folder of files by their SHA-256.
///
/// Everything blocks: call it where a thread may wait for a disk. The folder is looked up anew for
/// each file, so a disk that was away is found again.
#[derive(Clone, Debug)]
pub struct Folder {
    root: Arc<Path>,
}

impl Folder {
    /// The folder at `url`, `file:///absolute/folder`; nothing is touched yet.
    pub fn open(url: &Url) -> Result<Self, FileStoreError> {
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
        let file = beneath::open_file(&root, Path::new(&key.path()))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a regular file",
            ));
        }
        Ok(file)
    }

    /// The same, when it has the size it should have.
    ///
    /// # Errors
    /// `InvalidData` when it has another.
    pub fn read_whole(&self, key: StorageKey, size_bytes: u64) -> io::Result<File> {
        let file = self.read(key)?;
        source::check_size(file.metadata()?.len(), size_bytes)?;
        Ok(file)
    }

    /// Begins a new file; the folder itself is made when missing, its parents are not.
    pub fn write(&self) -> io::Result<NewFile> {
        NewFile::create(&self.root)
    }

    /// Stores the file at `path`, which had these bytes a moment ago, unless it is there.
    ///
    /// What it has by now is what is stored and returned.
    pub(super) fn keep(
        &self,
        path: &Path,
        key: StorageKey,
        size_bytes: u64,
    ) -> io::Result<(StorageKey, u64)> {
        // Importing again is the usual case, so nothing is written before it was looked up.
        if self.read_whole(key, size_bytes).is_ok() {
            return Ok((key, size_bytes));
        }
        let mut new = self.write()?;
        source::read(path, |bytes| new.write_all(bytes))?;
        new.finish()
    }

    /// Whether nothing was ever stored in it.
    pub fn is_empty(&self) -> io::Result<bool> {
        let root = beneath::open_root(&self.root)?;
        beneath::has_entry(&root, "sha256").map(|there| !there)
    }

    /// Whether the folder can be reached now.
    pub fn probe(&self) -> io::Result<()> {
        beneath::open_root(&self.root).map(drop)
    }
}
