//! A file of this machine on its way into the store.

use std::{fs::File, io, io::Read, path::Path};

use aws_lc_rs::digest::{Context, SHA256};

use super::StorageKey;

const CHUNK_BYTES: usize = 256 * 1_024;

/// The key of the bytes at `path`, and how many they are.
pub(super) fn hash(path: &Path) -> io::Result<(StorageKey, u64)> {
    let mut hash = Context::new(&SHA256);
    let size_bytes = read(path, |bytes| {
        hash.update(bytes);
        Ok(())
    })?;
    Ok((key(hash), size_bytes))
}

/// The key of what went into `hash`.
pub(super) fn key(hash: Context) -> StorageKey {
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    StorageKey::from_digest(digest)
}

/// Hands all bytes at `path` to `take`; how many they were.
pub(super) fn read(path: &Path, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut size_bytes = 0;
    loop {
        let n_read = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(bytes @ [_, ..]) = buffer.get(..n_read) else {
            return Ok(size_bytes);
        };
        take(bytes)?;
        size_bytes += bytes.len() as u64;
    }
}

/// `InvalidData` unless a stored file has the size it should have.
pub(super) fn check_size(size_bytes: u64, expected: u64) -> io::Result<()> {
    if size_bytes == expected {
        return Ok(());
    }
    let message = format!("a stored file has the wrong size: {size_bytes} bytes, not {expected}");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}
