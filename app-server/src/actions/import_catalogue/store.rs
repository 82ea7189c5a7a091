//! Contents, into the file store.

use std::{fs::File, io::Read, path::Path};

use anyhow::Context;
use aws_lc_rs::digest;
use shared::{
    file_name::FileName,
    file_store::{FileStore, StorageKey},
};

use super::folder::Folder;
use crate::domain::product::{Cover, NewProduct};

/// A product whose contents are stored.
pub(super) struct StoredProduct {
    /// What is said about it.
    pub(super) product: NewProduct,
    /// What is sold.
    pub(super) files: Vec<StoredFile>,
}

/// One file of it.
pub(super) struct StoredFile {
    /// Its name.
    pub(super) name: FileName,
    /// Where its bytes are.
    pub(super) key: StorageKey,
    /// How many they are.
    pub(super) size_bytes: i64,
    /// What they are, by the name's ending.
    pub(super) media_type: String,
}

/// Stores what is not there yet.
pub(super) fn store(files: &FileStore, folder: Folder) -> anyhow::Result<StoredProduct> {
    let Folder {
        mut product,
        cover,
        files: contents,
    } = folder;
    if let Some((path, media_type)) = cover {
        let (key, _) = store_file(files, &path)?;
        product.cover = Some(Cover { key, media_type });
    }
    let store = |(name, path): (FileName, _)| {
        let (key, size_bytes) = store_file(files, path)?;
        let media_type = mime_guess::from_path(name.as_str())
            .first_or_octet_stream()
            .to_string();
        Ok(StoredFile {
            name,
            key,
            size_bytes,
            media_type,
        })
    };
    let contents = contents
        .iter()
        .map(|(name, path)| store((name.clone(), path)));
    Ok(StoredProduct {
        product,
        files: contents.collect::<anyhow::Result<_>>()?,
    })
}

/// Importing again is the usual case, so the bytes are looked up before any is written.
fn store_file(files: &FileStore, path: &Path) -> anyhow::Result<(StorageKey, i64)> {
    let failed = || format!("storing {}", path.display());
    let mut hash = digest::Context::new(&digest::SHA256);
    let size_bytes = read(path, |bytes| {
        hash.update(bytes);
        Ok(())
    })
    .with_context(failed)?;
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(hash.finish().as_ref());
    let key = StorageKey::from_digest(sha256);
    let stored = files.read(key).and_then(|file| Ok(file.metadata()?.len()));
    if stored.is_ok_and(|stored| stored == size_bytes) {
        return Ok((key, i64::try_from(size_bytes)?));
    }
    let mut new = files.write().with_context(failed)?;
    read(path, |bytes| new.write_all(bytes)).with_context(failed)?;
    let (key, size_bytes) = new.finish().with_context(failed)?;
    Ok((key, i64::try_from(size_bytes)?))
}

fn read(path: &Path, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 256 * 1_024];
    let mut size_bytes = 0;
    loop {
        let n_read = file.read(&mut buffer)?;
        let Some(bytes @ [_, ..]) = buffer.get(..n_read) else {
            return Ok(size_bytes);
        };
        take(bytes)?;
        size_bytes += bytes.len() as u64;
    }
}
