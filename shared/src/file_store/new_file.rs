//! Writing into the store.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use super::{StorageKey, source};

/// A file on its way into the store: under a temporary name until its content is known and safe.
///
/// Dropped unfinished, it leaves nothing behind.
pub struct NewFile {
    root: PathBuf,
    temporary: PathBuf,
    file: File,
    hash: Context,
    size_bytes: u64,
}

impl NewFile {
    pub(super) fn create(root: &Path) -> io::Result<Self> {
        make_folder(root)?;
        let incoming = root.join("incoming");
        make_folder(&incoming)?;
        let temporary = incoming.join(Uuid::new_v4().to_string());
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        let hash = Context::new(&SHA256);
        Ok(Self {
            root: root.to_owned(),
            temporary,
            file,
            hash,
            size_bytes: 0,
        })
    }

    /// Appends `bytes`.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes the file durable under its key, which it returns with the size in bytes.
    ///
    /// What is already stored under that key stays, and nothing is written.
    ///
    /// # Errors
    /// `InvalidData` when what is stored there has another size: the store is damaged.
    #[expect(clippy::disallowed_methods, reason = "the caller may block")]
    pub fn finish(self) -> io::Result<(StorageKey, u64)> {
        let key = source::key(self.hash.clone());
        let path = self.root.join(key.path());
        self.file.sync_all()?;
        let folders = self.make_parents(&path)?;
        // A link, unlike a rename, never replaces; `drop` removes the temporary name.
        match fs::hard_link(&self.temporary, &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.check_same(&path)?,
            // Filesystems without links. The key is checked first; a race replaces like by like.
            Err(_) if !fs::exists(&path)? => fs::rename(&self.temporary, &path)?,
            Err(_) => self.check_same(&path)?,
        }
        for folder in folders.iter().rev() {
            File::open(folder)?.sync_all()?;
        }
        Ok((key, self.size_bytes))
    }

    /// The folders above `path`, made where missing, from the store's own downwards.
    fn make_parents(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut folders: Vec<PathBuf> = path
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(&self.root))
            .map(Path::to_owned)
            .collect();
        folders.reverse();
        folders.iter().try_for_each(|folder| make_folder(folder))?;
        Ok(folders)
    }

    #[expect(clippy::disallowed_methods, reason = "the caller may block")]
    fn check_same(&self, path: &Path) -> io::Result<()> {
        let stored = fs::metadata(path)?;
        if stored.is_file() && stored.len() == self.size_bytes {
            return Ok(());
        }
        let message = format!(
            "{} is damaged: it holds {} bytes",
            path.display(),
            stored.len()
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }
}

impl Drop for NewFile {
    #[expect(clippy::disallowed_methods, reason = "the caller may block")]
    fn drop(&mut self) {
        // Gone already when it was renamed; nothing else can be done about a failure here.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[expect(clippy::disallowed_methods, reason = "the caller may block")]
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}
