//! The files of a node, in a bucket of its own on the one S3 server of these tests.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use shared::file_store::{StorageKey, access::BucketAccess};
use tests::s3rver::{PREFIX, S3rver, object};
use uuid::Uuid;

/// Clients that claim one token at once: the S3 server is asked for the file by each of them.
pub(crate) const N_CLAIMS: usize = 100;

/// A bucket, and what can happen to it.
///
/// Objects are put where the server keeps them; what is read goes over the socket.
pub(crate) struct Store {
    name: String,
    bucket: PathBuf,
    access: BucketAccess,
}

/// The server; it ends with this process.
fn server() -> &'static S3rver {
    static SERVER: OnceLock<S3rver> = OnceLock::new();
    SERVER.get_or_init(|| S3rver::start().unwrap_or_else(|| not_run()))
}

/// No test here can do without, and the code they share with another suite cannot return early.
pub(crate) fn not_run() -> ! {
    let _ = writeln!(io::stderr(), "NOT RUN: everything in tests/s3");
    std::process::exit(0)
}

impl Store {
    /// An empty bucket.
    pub(crate) fn start(_folder: &Path) -> Self {
        Self::on(server())
    }

    pub(crate) fn on(server: &S3rver) -> Self {
        let name = format!("b{}", Uuid::new_v4().simple());
        let bucket = server.bucket(&name);
        std::fs::create_dir(&bucket).unwrap();
        Self {
            name,
            bucket,
            access: server.access(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("s3://{}/{PREFIX}", self.name)
    }

    pub(crate) fn access(&self) -> BucketAccess {
        self.access.clone()
    }

    /// Stores `bytes` under their key.
    pub(crate) fn put(&self, bytes: &[u8]) -> StorageKey {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let key = StorageKey::from_digest(digest.as_ref().try_into().unwrap());
        if !object(&self.bucket, key).exists() {
            self.write(key, bytes);
        }
        key
    }

    /// Lets the object under `key` have `bytes`, right or wrong.
    pub(crate) fn write(&self, key: StorageKey, bytes: &[u8]) {
        let path = object(&self.bucket, key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Where the server remembers its ETag.
        let _ = std::fs::remove_file(format!("{}.md5", path.display()));
        // As in life, an answer that is under way goes on with what was there.
        let new = path.with_extension("new");
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    pub(crate) fn remove(&self, key: StorageKey) {
        std::fs::remove_file(object(&self.bucket, key)).unwrap();
    }

    /// Where the server keeps the object.
    pub(crate) fn object(&self, key: StorageKey) -> PathBuf {
        object(&self.bucket, key)
    }

    /// There is no such bucket.
    pub(crate) fn take_away(&self) {
        std::fs::rename(&self.bucket, self.aside()).unwrap();
    }

    pub(crate) fn bring_back(&self) {
        std::fs::rename(self.aside(), &self.bucket).unwrap();
    }

    /// Out of the server's sight.
    fn aside(&self) -> PathBuf {
        let buckets = self.bucket.parent().unwrap();
        buckets.with_extension(&self.name)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.bucket);
    }
}
