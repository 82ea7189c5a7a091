//! The files of a node, in a folder.

use std::path::{Path, PathBuf};

use shared::file_store::{StorageKey, access::BucketAccess};

/// Clients that claim one token at once.
pub(crate) const N_CLAIMS: usize = 1_000;

/// A folder of files, and what can happen to it.
pub(crate) struct Store(PathBuf);

impl Store {
    /// An empty store beneath `folder`, which removes it.
    pub(crate) fn start(folder: &Path) -> Self {
        let files = folder.join("files");
        std::fs::create_dir(&files).unwrap();
        Self(files)
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }

    #[expect(clippy::unused_self, reason = "a bucket has one of its own")]
    pub(crate) fn access(&self) -> BucketAccess {
        BucketAccess::default()
    }

    /// Stores `bytes` under their key.
    pub(crate) fn put(&self, bytes: &[u8]) -> StorageKey {
        let key = key_of(bytes);
        if !self.path(key).exists() {
            self.write(key, bytes);
        }
        key
    }

    /// Lets the file under `key` have `bytes`, right or wrong.
    pub(crate) fn write(&self, key: StorageKey, bytes: &[u8]) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn remove(&self, key: StorageKey) {
        std::fs::remove_file(self.path(key)).unwrap();
    }

    /// Nothing of it can be found.
    pub(crate) fn take_away(&self) {
        std::fs::rename(&self.0, self.0.with_extension("moved")).unwrap();
    }

    pub(crate) fn bring_back(&self) {
        std::fs::rename(self.0.with_extension("moved"), &self.0).unwrap();
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// Where the file under `key` is.
    pub(crate) fn path(&self, key: StorageKey) -> PathBuf {
        let hex = key.to_string();
        let folder = format!("sha256/{}/{}", &hex[..2], &hex[2..4]);
        self.0.join(folder).join(&hex)
    }
}

fn key_of(bytes: &[u8]) -> StorageKey {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    StorageKey::from_digest(digest.as_ref().try_into().unwrap())
}
