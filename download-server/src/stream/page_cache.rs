//! Which part of a file is in memory, so that sending it waits for no disk.
//!
//! `sendfile` reads what is missing from the disk while it holds up the whole worker, and there is
//! no asking it not to. So the kernel is asked before ([`super::resident`]), but not about what
//! another delivery has just found ([`super::lately`]). What it does not say is there, a thread
//! that may wait first sends to `/dev/null`: that moves no bytes, and afterwards they are in the
//! page cache. It runs ahead of the delivery, in steps that grow with its speed.

use std::{
    fs::File,
    io,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Instant,
};

use actix_web::rt::task::{JoinHandle, spawn_blocking};

use super::lately::{BLOCK_BYTES, FRESH};
#[cfg(target_os = "linux")]
use super::resident::is_resident;
use crate::files::LocalFile;

/// The first step, and all steps of a slow reader.
const LEAST_BYTES: u64 = BLOCK_BYTES;

/// The longest step: a thread is asked once for so much of a fast delivery.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// The kernel is asked about so much at once: some microseconds.
const ASKED_BYTES: u64 = 4 * BLOCK_BYTES;

/// What of a file is known to be in memory, as a delivery goes through it.
#[derive(Debug)]
pub(super) struct PageCache {
    /// In memory up to here, as of `at`.
    until: u64,
    at: Instant,
    step: u64,
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    start: u64,
    began_at: Instant,
    read: JoinHandle<io::Result<u64>>,
}

impl PageCache {
    pub(super) fn new() -> Self {
        Self {
            until: 0,
            at: Instant::now(),
            step: LEAST_BYTES,
            reading: None,
        }
    }

    /// How many bytes of `file` are in memory from `position` on, at least one; none behind `end`
    /// is ever asked for.
    ///
    /// # Errors
    /// The disk's; `UnexpectedEof` where the file ends before `end`; `Unsupported` where a file
    /// cannot be sent to `/dev/null`.
    pub(super) fn poll_ahead(
        &mut self,
        cx: &mut Context<'_>,
        file: &Arc<LocalFile>,
        position: u64,
        end: u64,
    ) -> Poll<io::Result<u64>> {
        loop {
            let known = if self.at.elapsed() < FRESH {
                self.until.saturating_sub(position)
            } else {
                self.step = LEAST_BYTES;
                0
            };
            let ahead = known.min(end - position);
            if self.reading.is_none() && position + ahead < end && ahead <= self.step / 2 {
                if self.is_known_to_others(file, position, ahead)
                    || self.is_in_memory(file, position, ahead, end)
                {
                    continue;
                }
                self.read_on(file, position + ahead, end);
            }
            if ahead > 0 {
                return Poll::Ready(Ok(ahead));
            }
            let Some(Reading {
                start,
                began_at,
                read,
            }) = &mut self.reading
            else {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            };
            let (start, began_at) = (*start, *began_at);
            let read = ready!(std::pin::Pin::new(read).poll(cx));
            self.reading = None;
            let n_bytes = read.unwrap_or_else(|ended| Err(io::Error::other(ended)))?;
            if n_bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            file.lately.note(start, start + n_bytes, began_at);
            if start <= position {
                self.until = start + n_bytes;
                self.at = Instant::now();
            }
        }
    }

    /// Goes on with what other deliveries found in memory behind the first `ahead` bytes.
    fn is_known_to_others(&mut self, file: &LocalFile, position: u64, ahead: u64) -> bool {
        let start = position + ahead;
        let known = file.lately.known_from(start, MOST_BYTES, Instant::now());
        // Looked at once more: what has grown old meanwhile would be asked for in a circle.
        let Some((until, at)) = known.filter(|(_, at)| at.elapsed() < FRESH) else {
            return false;
        };
        self.at = if ahead == 0 { at } else { self.at.min(at) };
        self.until = until;
        true
    }

    /// Goes on with what the kernel has in memory behind the first `ahead` bytes.
    fn is_in_memory(&mut self, file: &LocalFile, position: u64, ahead: u64, end: u64) -> bool {
        let (start, now) = (position + ahead, Instant::now());
        let until = to_block(start + ASKED_BYTES).min(end);
        if !is_resident(file, start, until - start) {
            return false;
        }
        file.lately.note(start, until, now);
        if ahead == 0 {
            self.at = now;
        }
        self.until = until;
        true
    }

    fn read_on(&mut self, file: &Arc<LocalFile>, start: u64, end: u64) {
        let n_bytes = to_block(start + self.step).min(end) - start;
        self.step = (self.step * 2).min(MOST_BYTES);
        let file = Arc::clone(file);
        let read = spawn_blocking(move || read_into_memory(&file, start, n_bytes));
        self.reading = Some(Reading {
            start,
            began_at: Instant::now(),
            read,
        });
    }
}

/// Elsewhere there is no such question to ask.
#[cfg(not(target_os = "linux"))]
fn is_resident(_: &File, _: u64, _: u64) -> bool {
    false
}

/// The last end of a block up to `position`, so that what is known is known to others, too.
fn to_block(position: u64) -> u64 {
    position / BLOCK_BYTES * BLOCK_BYTES
}

/// Reads `n_bytes` from `start` on into the page cache, and says how many there were.
#[cfg(target_os = "linux")]
fn read_into_memory(file: &File, start: u64, n_bytes: u64) -> io::Result<u64> {
    use rustix::{fs::sendfile, io::Errno};

    let nowhere = nowhere()?;
    let mut position = start;
    while position < start + n_bytes {
        let wanted = usize::try_from(start + n_bytes - position).unwrap_or(usize::MAX);
        match sendfile(nowhere, file, Some(&mut position), wanted) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(position - start)
}

#[cfg(not(target_os = "linux"))]
fn read_into_memory(_: &File, _: u64, _: u64) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `/dev/null`, opened once.
#[cfg(target_os = "linux")]
fn nowhere() -> io::Result<&'static File> {
    static NOWHERE: OnceLock<Option<File>> = OnceLock::new();
    let open = || File::options().write(true).open("/dev/null").ok();
    NOWHERE
        .get_or_init(open)
        .as_ref()
        .ok_or_else(|| io::ErrorKind::Unsupported.into())
}
