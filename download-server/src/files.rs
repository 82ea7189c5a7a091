//! The files that are open: opened once, and again only when they have changed.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::File,
    io,
    ops::Deref,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::{
    fs::{Stat, fstat},
    process::{Resource, getrlimit},
};
use shared::file_store::{FileStore, Opened, StorageKey, bucket::RemoteFile};

use crate::{ranges::ByteRange, stream::Lately};

/// Open files that each worker keeps at most.
const MOST_FILES: u64 = 1_024;

/// Of a file of this length and less the content is kept, too: 16 MiB for each worker.
const KEPT_BYTES: u64 = 16 * 1024;

/// Files that were deleted are let go after so long, if anything is asked for.
const LOOK: Duration = Duration::from_secs(10);

/// One in so many of the files that this process may have open is kept by all workers, each of
/// which has a core.
const SHARE: u64 = 4;

thread_local! {
    static FILES: RefCell<OpenFiles> = RefCell::default();
}

/// The files this thread has opened; when there are too many, all that are not being read go.
struct OpenFiles {
    files: HashMap<StorageKey, Arc<LocalFile>>,
    /// So many at most.
    most: usize,
    /// When it was last looked for files that have gone from the store.
    looked_at: Instant,
}

impl Default for OpenFiles {
    fn default() -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let n_workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let most = (limit / SHARE / n_workers).min(MOST_FILES);
        Self {
            files: HashMap::new(),
            most: usize::try_from(most).unwrap_or(usize::MAX),
            looked_at: Instant::now(),
        }
    }
}

impl OpenFiles {
    /// The open file, if it is still the one in the store and has `size` bytes.
    fn find(&mut self, key: StorageKey, size: u64) -> Option<Arc<LocalFile>> {
        if self.looked_at.elapsed() >= LOOK {
            self.looked_at = Instant::now();
            self.files.retain(|_, file| is_stored(file));
        }
        let file = self.files.get(&key)?;
        if is_current(file, size) {
            return Some(Arc::clone(file));
        }
        self.files.remove(&key);
        None
    }

    fn keep(&mut self, key: StorageKey, file: &Arc<LocalFile>) {
        if self.files.len() >= self.most {
            self.files.retain(|_, file| Arc::strong_count(file) > 1);
        }
        if self.files.len() < self.most {
            self.files.insert(key, Arc::clone(file));
        }
    }
}

/// False for a file that was deleted; while it is open here, its disk space is not free.
fn is_stored(file: &File) -> bool {
    fstat(file).is_ok_and(|stat| stat.st_nlink > 0)
}

/// True for a file of `size` bytes that has not been deleted, replaced or written to.
fn is_current(file: &LocalFile, size: u64) -> bool {
    fstat(&**file).is_ok_and(|stat| {
        stat.st_nlink > 0
            && u64::try_from(stat.st_size) == Ok(size)
            && file.written_at == Some(written_at(&stat))
    })
}

/// When it was last written to: seconds since 1970, and nanoseconds.
#[expect(
    clippy::useless_conversion,
    reason = "their types are each system's own"
)]
fn written_at(stat: &Stat) -> (i64, i64) {
    (
        stat.st_mtime.into(),
        stat.st_mtime_nsec.try_into().unwrap_or_default(),
    )
}

/// The file stored under `key`, if it is open already, is still in the store and has `size` bytes.
pub(crate) fn find(key: StorageKey, size: u64) -> Option<Arc<LocalFile>> {
    FILES.with_borrow_mut(|files| files.find(key, size))
}

/// A file of the store's folder, open.
#[derive(Debug)]
pub(crate) struct LocalFile {
    file: File,
    written_at: Option<(i64, i64)>,
    /// All of it, once it was read and if it is small.
    content: OnceLock<Bytes>,
    /// What of it need not be looked for on the disk.
    pub(crate) lately: Lately,
}

impl LocalFile {
    pub(crate) fn new(file: File) -> Self {
        Self {
            written_at: fstat(&file).ok().map(|stat| written_at(&stat)),
            file,
            content: OnceLock::new(),
            lately: Lately::new(),
        }
    }

    /// These bytes of it, where its content is kept.
    pub(crate) fn kept(&self, range: ByteRange) -> Option<Bytes> {
        let content = self.content.get()?;
        let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
        let (start, end) = (start.ok()?, end.ok()?);
        (start <= end && end <= content.len()).then(|| content.slice(start..end))
    }

    /// Keeps `bytes`, which are all of a file of `size`, if that is not much.
    pub(crate) fn keep(&self, bytes: &Bytes, size: u64) {
        if size <= KEPT_BYTES && bytes.len() as u64 == size {
            // A copy: what was read is part of a buffer for all files.
            self.content.get_or_init(|| Bytes::copy_from_slice(bytes));
        }
    }
}

impl Deref for LocalFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

/// A stored file, open.
pub(crate) enum OpenFile {
    Local(Arc<LocalFile>),
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
            let file = Arc::new(LocalFile::new(file));
            FILES.with_borrow_mut(|files| files.keep(key, &file));
            Ok(OpenFile::Local(file))
        }
        Opened::Remote(file) => Ok(OpenFile::Remote(file)),
    }
}
