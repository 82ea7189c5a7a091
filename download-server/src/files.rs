//! The files that are open: opened once, and again only when they have changed.

use std::{cell::RefCell, collections::HashMap, fs::File, io, sync::Arc};

use actix_web::rt::task::spawn_blocking;
use shared::file_store::{FileStore, StorageKey};

/// Open files that each worker keeps.
const MOST_FILES: usize = 1_024;

thread_local! {
    static FILES: RefCell<OpenFiles> = RefCell::default();
}

/// The files this thread has opened; when there are too many, all that are not being read go.
#[derive(Default)]
struct OpenFiles(HashMap<StorageKey, Arc<File>>);

impl OpenFiles {
    /// The open file, if it is still the one in the store and has `size` bytes.
    fn find(&mut self, key: StorageKey, size: u64) -> Option<Arc<File>> {
        let file = self.0.get(&key)?;
        if is_current(file, size) {
            return Some(Arc::clone(file));
        }
        self.0.remove(&key);
        None
    }

    fn keep(&mut self, key: StorageKey, file: &Arc<File>) {
        if self.0.len() >= MOST_FILES {
            self.0.retain(|_, file| Arc::strong_count(file) > 1);
        }
        if self.0.len() < MOST_FILES {
            self.0.insert(key, Arc::clone(file));
        }
    }
}

/// True for a file of `size` bytes that has not been deleted or replaced.
fn is_current(file: &File, size: u64) -> bool {
    rustix::fs::fstat(file)
        .is_ok_and(|stat| stat.st_nlink > 0 && u64::try_from(stat.st_size) == Ok(size))
}

/// The file stored under `key`, if it is open already, is still in the store and has `size` bytes.
pub(crate) fn find(key: StorageKey, size: u64) -> Option<Arc<File>> {
    FILES.with_borrow_mut(|files| files.find(key, size))
}

/// Opens the file stored under `key`, which has `size` bytes.
///
/// # Errors
/// The store's; `InvalidData` for another size.
pub(crate) async fn open(store: &FileStore, key: StorageKey, size: u64) -> io::Result<Arc<File>> {
    let store = store.clone();
    let opened = spawn_blocking(move || {
        let file = store.read(key)?;
        let n_bytes = file.metadata()?.len();
        Ok((file, n_bytes))
    });
    let (file, n_bytes) = opened.await.map_err(io::Error::other).flatten()?;
    if n_bytes != size {
        let wrong = format!("the stored file has {n_bytes} bytes, not {size}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
    }
    let file = Arc::new(file);
    FILES.with_borrow_mut(|files| files.keep(key, &file));
    Ok(file)
}
