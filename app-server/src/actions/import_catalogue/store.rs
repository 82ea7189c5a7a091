//! Contents, into the file store.

use std::path::Path;

use anyhow::Context;
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
pub(super) async fn store(files: &FileStore, folder: Folder) -> anyhow::Result<StoredProduct> {
    let Folder {
        mut product,
        cover,
        files: contents,
    } = folder;
    if let Some((path, media_type)) = cover {
        let (key, _) = store_file(files, &path).await?;
        product.cover = Some(Cover { key, media_type });
    }
    let mut stored = Vec::new();
    for (name, path) in contents {
        let (key, size_bytes) = store_file(files, &path).await?;
        let media_type = mime_guess::from_path(name.as_str())
            .first_or_octet_stream()
            .to_string();
        stored.push(StoredFile {
            name,
            key,
            size_bytes,
            media_type,
        });
    }
    Ok(StoredProduct {
        product,
        files: stored,
    })
}

async fn store_file(files: &FileStore, path: &Path) -> anyhow::Result<(StorageKey, i64)> {
    let kept = files.keep(path).await;
    let (key, size_bytes) = kept.with_context(|| format!("storing {}", path.display()))?;
    Ok((key, i64::try_from(size_bytes)?))
}
