//! The files that are open: opened once, and again only when they have changed.

use std::{cell::RefCell, collections::HashMap, fs::File, io, sync::Arc};

use rustix::process::{Resource, getrlimit};
use shared::file_store::{FileStore, Opened, StorageKey, bucket::RemoteFile};

use crate::ranges::ByteRange;

/// Open files that each worker keeps at most.
const MOST_FILES: u64 = 1_024;

/// One in so many of the files that this process may have open is kept by a worker.
const SHARE: u64 = 16;

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
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let most = usize::try_from((limit / SHARE).min(MOST_FILES)).unwrap_or(usize::MAX);
        if self.0.len() >= most {
            self.0.retain(|_, file| Arc::strong_count(file) > 1);
        }
        if self.0.len() < most {
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

/// A stored file, open.
pub(crate) enum OpenFile {
    Local(Arc<File>),
    /// Each request opens its own.
    Remote(RemoteFile),
}

/// Opens the file stored under `key`, which has `size` bytes and of which `wanted` is read first.
///
/// # Errors
/// The store's; `InvalidData` for another size.
pub(crate) async fn open(
    store: &FileStore,
    key: StorageKey,
    size: u64,
    wanted: Option<ByteRange>,
) -> io::Result<OpenFile> {
    let wanted = wanted.map(|ByteRange { start, end }| start..end);
    match store.open_file(key, Some(size), wanted).await? {
        Opened::Local(file) => {
            let file = Arc::new(file);
            FILES.with_borrow_mut(|files| files.keep(key, &file));
            Ok(OpenFile::Local(file))
        }
        Opened::Remote(file) => Ok(OpenFile::Remote(file)),
    }
}
