//! Reading a chunk of a file: inline from memory, or blocking from the disk.

use std::{cell::Cell, fs::File, io, os::unix::fs::FileExt};

use bytes::{Bytes, BytesMut};

/// The most that is read at once. 128 KiB was the fastest of 32 to 256 KiB.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;

thread_local! {
    /// One buffer for all deliveries of a thread: a chunk is copied to its socket's buffer before
    /// the next is read.
    static BUFFER: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// What could be had without waiting.
pub(crate) enum Cached {
    /// Empty at the file's end.
    Bytes(Bytes),
    /// The disk would have to be asked.
    WouldBlock,
}

/// Reads up to `wanted` bytes at `position` if they are in memory.
#[cfg(target_os = "linux")]
pub(crate) fn read_cached(file: &File, position: u64, wanted: usize) -> io::Result<Cached> {
    use std::io::IoSliceMut;

    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    let mut buffer = take_buffer();
    let part = buffer.get_mut(..wanted).unwrap_or_default();
    let read = loop {
        let read = preadv2(
            file,
            &mut [IoSliceMut::new(part)],
            position,
            ReadWriteFlags::NOWAIT,
        );
        if read != Err(Errno::INTR) {
            break read;
        }
    };
    let buffer = buffer.freeze();
    let read = match read {
        Ok(n_bytes) => Ok(Cached::Bytes(buffer.slice(..n_bytes))),
        // Filesystems without NOWAIT say that it is not supported.
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            Ok(Cached::WouldBlock)
        }
        Err(error) => Err(error.into()),
    };
    BUFFER.set(Some(buffer));
    read
}

/// Elsewhere there is no such question to ask.
#[cfg(not(target_os = "linux"))]
pub(crate) fn read_cached(_file: &File, _position: u64, _wanted: usize) -> io::Result<Cached> {
    Ok(Cached::WouldBlock)
}

/// The thread's buffer, or a new one when the last chunk is still in use.
#[cfg(target_os = "linux")]
fn take_buffer() -> BytesMut {
    let last = BUFFER.take().and_then(|bytes| bytes.try_into_mut().ok());
    last.filter(|buffer| buffer.len() == CHUNK_BYTES)
        .unwrap_or_else(|| BytesMut::zeroed(CHUNK_BYTES))
}

/// Reads up to `wanted` bytes at `position`, waiting for the disk; empty at the file's end.
pub(crate) fn read_blocking(file: &File, position: u64, wanted: usize) -> io::Result<Bytes> {
    let mut buffer = BytesMut::zeroed(wanted);
    let n_bytes = loop {
        match file.read_at(&mut buffer, position) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    buffer.truncate(n_bytes);
    Ok(buffer.freeze())
}
