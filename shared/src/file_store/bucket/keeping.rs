//! Writing a file into a bucket: under its key when it is whole, and not before.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path as LocalPath, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path};

use super::{Bucket, said};
use crate::file_store::{StorageKey, blocking, source};

/// What is in memory of a file, at least; larger files go up in parts of this size.
const PART_BYTES: u64 = 8 * 1_024 * 1_024;

/// S3 takes no more parts than this.
const MAX_PARTS: u64 = 10_000;

impl Bucket {
    /// Puts the file at `from`, whose bytes were `key` a moment ago, under that key.
    ///
    /// # Errors
    /// `InvalidData` when it has changed since, and then nothing is stored; or when what is stored
    /// there already has another size.
    pub(in crate::file_store) async fn keep(
        &self,
        from: &LocalPath,
        key: StorageKey,
        size_bytes: u64,
    ) -> io::Result<()> {
        if self.holds(key, size_bytes).await? {
            return Ok(());
        }
        let from = from.to_owned();
        let file = Arc::new(blocking(move || File::open(from)).await?);
        let to = self.path(&key.path());
        let put = if size_bytes <= PART_BYTES {
            self.put_whole(file, &to, key, size_bytes).await
        } else {
            self.put_parts(file, &to, key, size_bytes).await
        };
        // The bucket knows best: an answer may be lost on the way, or come before it is true.
        let held = self.holds(key, size_bytes).await;
        if matches!(held, Ok(true)) {
            return Ok(());
        }
        put.and(held)?;
        Err(io::Error::other(
            "the bucket took a file and does not have it",
        ))
    }

    /// True when there is a file under `key`.
    async fn holds(&self, key: StorageKey, size_bytes: u64) -> io::Result<bool> {
        match self.get(key, None, None).await {
            Ok(found) => source::check_size(found.meta.size, size_bytes).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn put_whole(
        &self,
        file: Arc<File>,
        to: &Path,
        key: StorageKey,
        size_bytes: u64,
    ) -> io::Result<()> {
        let mut hash = Context::new(&SHA256);
        let bytes = read_part(file, 0, size_bytes).await?;
        hash.update(&bytes);
        check_key(hash, key)?;
        let payload = PutPayload::from_bytes(bytes);
        let created = self
            .client
            .put_opts(to, payload.clone(), PutMode::Create.into())
            .await;
        match created {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            // An older server that cannot be told not to replace. It was asked for the key before;
            // in a race, like replaces like.
            Err(error) if error.to_string().contains("NotImplemented") => {
                let put = self.client.put(to, payload).await;
                put.map(drop).map_err(|error| said(&error))
            }
            Err(error) => Err(said(&error)),
        }
    }

    /// In parts of which nothing is seen until the last is there and the whole is what it should be.
    async fn put_parts(
        &self,
        file: Arc<File>,
        to: &Path,
        key: StorageKey,
        size_bytes: u64,
    ) -> io::Result<()> {
        let upload = self.client.put_multipart(to).await;
        let mut upload = upload.map_err(|error| said(&error))?;
        let sent = match send_parts(upload.as_mut(), file, key, size_bytes).await {
            Ok(()) => upload.complete().await.map_err(|error| said(&error)),
            Err(error) => Err(error),
        };
        // Parts that nobody puts together are paid for until the bucket's own rules remove them.
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%key, error = %said(&error), "parts of a file may stay in the bucket");
        }
        sent.map(drop)
    }
}

async fn send_parts(
    upload: &mut dyn MultipartUpload,
    file: Arc<File>,
    key: StorageKey,
    size_bytes: u64,
) -> io::Result<()> {
    let part_bytes = PART_BYTES.max(size_bytes.div_ceil(MAX_PARTS));
    let mut hash = Context::new(&SHA256);
    let mut position = 0;
    while position < size_bytes {
        let wanted = part_bytes.min(size_bytes - position);
        let bytes = read_part(Arc::clone(&file), position, wanted).await?;
        hash.update(&bytes);
        position += wanted;
        let sent = upload.put_part(PutPayload::from_bytes(bytes)).await;
        sent.map_err(|error| said(&error))?;
    }
    check_key(hash, key)
}

/// Exactly `wanted` bytes at `position`.
async fn read_part(file: Arc<File>, position: u64, wanted: u64) -> io::Result<Bytes> {
    let wanted = usize::try_from(wanted).map_err(io::Error::other)?;
    blocking(move || {
        let mut bytes = vec![0; wanted];
        file.read_exact_at(&mut bytes, position)?;
        Ok(bytes.into())
    })
    .await
}

fn check_key(hash: Context, key: StorageKey) -> io::Result<()> {
    if source::key(hash) == key {
        return Ok(());
    }
    let message = "the file changed while it was being stored";
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}
