//! The folder of a run and the files that all servers serve from it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use shared::file_store::{FileStore, StorageKey, access::BucketAccess, folder::Folder};

pub(crate) const LARGE_BYTES: u64 = 1 << 30;
pub(crate) const SMALL_BYTES: u64 = 10 * 1024;
pub(crate) const N_SMALL: usize = 1_000;

/// Bytes written at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Begins the name of each run's folder; the number of its process ends it.
const FOLDER_PREFIX: &str = "bench-download-";

/// A folder that is gone when this is dropped, or when the next run finds its process gone.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) large: StoredFile,
    pub(crate) small: Vec<StoredFile>,
}

/// A file of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredFile {
    pub(crate) key: StorageKey,
    pub(crate) size: u64,
}

impl Stage {
    /// One large file and a thousand small ones, of bytes that do not repeat.
    pub(crate) fn build() -> anyhow::Result<Self> {
        let folder = own_folder()?;
        fs::create_dir_all(folder.join("files")).context("no folder for the files")?;
        let url = format!("file://{}/files", folder.display());
        let FileStore::Folder(store) = FileStore::open(&url, &BucketAccess::default())? else {
            bail!("{url} is no folder");
        };
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let large = write(&store, LARGE_BYTES, &mut numbers)?;
        let mut small = Vec::new();
        for _ in 0..N_SMALL {
            small.push(write(&store, SMALL_BYTES, &mut numbers)?);
        }
        Ok(Self {
            folder,
            large,
            small,
        })
    }

    pub(crate) fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Where the large file lies.
    pub(crate) fn large_path(&self) -> PathBuf {
        self.files().join(self.large.path())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl StoredFile {
    /// Its path in the store's folder.
    pub(crate) fn path(&self) -> String {
        let hex = self.key.to_string();
        format!("sha256/{}/{}/{hex}", &hex[..2], &hex[2..4])
    }
}

/// The name of this run's folder, once those that killed runs have left are removed.
fn own_folder() -> anyhow::Result<PathBuf> {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in fs::read_dir(parent)?.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|it| it.strip_prefix(FOLDER_PREFIX));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(parent.join(format!("{FOLDER_PREFIX}{}", std::process::id())))
}

fn write(store: &Folder, size: u64, numbers: &mut Numbers) -> anyhow::Result<StoredFile> {
    let mut file = store.write()?;
    let mut left = usize::try_from(size)?;
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    while left > 0 {
        block.clear();
        let wanted = left.min(BLOCK_BYTES);
        while block.len() < wanted {
            block.extend_from_slice(&numbers.next().to_le_bytes());
        }
        file.write_all(&block[..wanted])?;
        left -= wanted;
    }
    let (key, size) = file.finish()?;
    Ok(StoredFile { key, size })
}

/// xorshift64: neither a filesystem nor a cache can shorten what comes of it.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
