//! Whether a part of a file is in memory, asked of the kernel without waiting: cachestat(2).

use std::{fs::File, io::IoSliceMut, os::fd::AsRawFd};

use rustix::{
    io::{ReadWriteFlags, preadv2},
    param::page_size,
};

/// One byte of each so many is read. A disk fills the cache in pieces that are hardly ever smaller.
const PROBE_BYTES: u64 = 128 * 1024;

/// True when sending the `n_bytes` from `start` on, at least one, waits for no disk.
///
/// False, too, where the kernel does not say: before Linux 6.5, of a file that this process neither
/// owns nor may write, and of one on an overlay filesystem.
pub(super) fn is_resident(file: &File, start: u64, n_bytes: u64) -> bool {
    let page = page_size() as u64;
    let n_pages = (start + n_bytes).div_ceil(page) - start / page;
    n_cached(file, start, n_bytes) == Some(n_pages) && has_been_read(file, start, n_bytes)
}

/// False when the disk still owes some of it: a page is in the cache from when it is asked for.
fn has_been_read(file: &File, start: u64, n_bytes: u64) -> bool {
    let end = start + n_bytes;
    let mut at = start;
    while at < end {
        at = (at + PROBE_BYTES).min(end);
        let mut byte = [0];
        let byte = &mut [IoSliceMut::new(&mut byte)];
        if preadv2(file, byte, at - 1, ReadWriteFlags::NOWAIT) != Ok(1) {
            return false;
        }
    }
    true
}

/// How many pages are in the cache of those that the `n_bytes` from `start` on lie in.
fn n_cached(file: &File, start: u64, n_bytes: u64) -> Option<u64> {
    /// Its number on all machines but Alpha: include/uapi/asm-generic/unistd.h.
    const CACHESTAT: libc::c_long = 451;

    let range = [start, n_bytes];
    // `struct cachestat`: pages in the cache; dirty; being written; evicted; lately evicted.
    let mut pages = [0_u64; 5];
    #[expect(unsafe_code, reason = "neither rustix nor libc has this call")]
    // SAFETY: it reads two and writes five 64-bit integers, at addresses that are valid for them.
    let status = unsafe {
        let file = file.as_raw_fd();
        libc::syscall(CACHESTAT, file, &raw const range, &raw mut pages, 0)
    };
    (status == 0).then_some(pages[0])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{super::tests::Sample, *};

    #[test]
    fn a_part_is_resident_when_all_its_pages_are() {
        const LEN: u64 = 512 * 1024;
        let sample = Sample::of(512 * 1024);
        let file = sample.open();
        if n_cached(&file, 0, 1) != Some(1) {
            return eprintln!("NOT TESTED: the kernel does not say what of this file is in memory");
        }
        assert!(is_resident(&file, 0, LEN), "just written");
        assert!(is_resident(&file, 4_095, 2), "over a page's end");
        assert!(!is_resident(&file, 0, LEN + 1), "behind its end is nothing");
        assert!(!is_resident(&file, LEN, 1));

        let file = sample.forget();
        if n_cached(&file, 0, LEN) != Some(0) {
            return eprintln!("NOT TESTED: this file is nowhere but in memory");
        }
        assert!(!is_resident(&file, 0, LEN));

        std::os::unix::fs::FileExt::read_at(&file, &mut [0], LEN / 2).unwrap();
        assert!(is_resident(&file, LEN / 2 + 1, 10));
        assert!(!is_resident(&file, 0, LEN), "the rest is not");
        assert!(!has_been_read(&file, 0, LEN));
    }
}
