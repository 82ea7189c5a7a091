#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test may block")]

use std::{fs, future::poll_fn, io::Write, path::PathBuf, time::Instant};

use actix_web::rt::pin;
use chrono::{DateTime, TimeDelta};
use futures_util::FutureExt;
use rustix::fs::{Advice, fadvise};
use uuid::Uuid;

use shared::file_store::StorageKey;

use super::*;
use crate::{caller::Caller, metrics::Metrics, streams::Streams};

/// A file of `len` bytes that is gone when dropped.
pub(super) struct Sample(PathBuf);

impl Sample {
    /// Beside this program: on a disk, where the folder for temporary files may be memory.
    pub(super) fn of(len: usize) -> Self {
        let folder = std::env::current_exe().unwrap().with_file_name("");
        let path = folder.join(format!("claimcheck-{}", Uuid::new_v4()));
        let bytes: Vec<u8> = (0..=250_u8).cycle().take(len).collect();
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        Self(path)
    }

    pub(super) fn open(&self) -> File {
        File::open(&self.0).unwrap()
    }

    /// Leaves nothing of it in memory, and nothing to be read ahead.
    pub(super) fn forget(&self) -> File {
        let file = self.open();
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        fadvise(&file, 0, None, Advice::Random).unwrap();
        file
    }

    fn stream(&self, start: u64, end: u64) -> FileStream {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        self.stream_until(start, end, Deadline::new(clock, 1))
    }

    fn stream_until(&self, start: u64, end: u64, deadline: Deadline) -> FileStream {
        let file = OpenFile::Local(Arc::new(LocalFile::new(self.open())));
        let key = StorageKey::from_digest([0; 32]);
        let jti = Uuid::new_v4();
        let running = Arc::new(Streams::new(1))
            .begin(jti)
            .now_or_never()
            .unwrap()
            .unwrap();
        let terms = Terms {
            connection: None,
            deadline,
            claim: None,
            log: DeliveryLog::new(
                &Metrics::new(),
                Caller::default(),
                (jti, key),
                200,
                end - start,
                Instant::now(),
            ),
            _running: running,
        };
        FileStream::new(
            file,
            VecDeque::from([Piece::File(ByteRange { start, end })]),
            terms,
        )
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

async fn collect(stream: FileStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pin!(stream);
    while let Some(chunk) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

#[actix_web::test]
async fn a_part_arrives_as_it_is_in_the_file() {
    let sample = Sample::of(3 * CHUNK_BYTES + 17);
    let whole = fs::read(&sample.0).unwrap();
    for (start, end) in [
        (0, whole.len()),
        (5, 6),
        (CHUNK_BYTES - 1, 2 * CHUNK_BYTES + 1),
        (7, 7),
    ] {
        let stream = sample.stream(start as u64, end as u64);
        assert_eq!(
            collect(stream).await.unwrap(),
            whole.get(start..end).unwrap()
        );
    }
}

#[actix_web::test]
async fn a_file_that_shrinks_ends_the_delivery_with_an_error() {
    let sample = Sample::of(10);
    let stream = sample.stream(0, 11);
    assert_eq!(
        collect(stream).await.unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
}

#[actix_web::test]
async fn what_is_not_in_memory_is_read_by_another_thread() {
    let sample = Sample::of(100);
    let file = sample.open();
    assert_eq!(read_blocking(&file, 90, 50).unwrap().len(), 10);
    assert_eq!(read_blocking(&file, 100, 50).unwrap().len(), 0);
}

#[actix_web::test]
async fn a_delivery_ends_with_its_lease() {
    let sample = Sample::of(3 * CHUNK_BYTES);
    let clock = Clock::manual(DateTime::UNIX_EPOCH);
    let deadline = Deadline::new(clock.clone(), 100);
    let stream = sample.stream_until(0, 3 * CHUNK_BYTES as u64, deadline);
    pin!(stream);
    let mut next = async || poll_fn(|cx| stream.as_mut().poll_next(cx)).await.unwrap();

    assert!(next().await.is_ok());
    clock.advance(TimeDelta::seconds(99));
    assert!(next().await.is_ok(), "the lease still holds");
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(next().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[actix_web::test]
async fn a_delivery_that_is_whole_at_its_deadline_ends_well() {
    let sample = Sample::of(10);
    let clock = Clock::manual(DateTime::UNIX_EPOCH);
    let stream = sample.stream_until(0, 10, Deadline::new(clock.clone(), 1));
    pin!(stream);
    assert!(
        poll_fn(|cx| stream.as_mut().poll_next(cx))
            .await
            .is_some_and(|read| read.is_ok())
    );
    clock.advance(TimeDelta::seconds(1));
    assert!(poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_none());
}

#[actix_web::test]
async fn only_for_what_is_not_in_memory_a_thread_waits() {
    let len = 3 * 1024 * 1024 + 17;
    let sample = Sample::of(len);
    let asks_a_thread = async |file: File| {
        let (file, mut cache) = (Arc::new(LocalFile::new(file)), PageCache::new());
        let (mut position, mut n_waits) = (0, 0);
        while position < len as u64 {
            let mut waits = false;
            let ahead = poll_fn(|cx| {
                let ahead = cache.poll_ahead(cx, &file, position, len as u64);
                waits |= ahead.is_pending();
                ahead
            });
            position += ahead.await.unwrap();
            n_waits += u32::from(waits);
        }
        assert_eq!(position, len as u64);
        n_waits > 0
    };
    let hot = sample.open();
    // Before Linux 6.5 the kernel does not tell, and a thread always looks.
    if resident::is_resident(&hot, 0, 1) {
        assert!(!asks_a_thread(hot).await);
    }
    let cold = sample.forget();
    if resident::is_resident(&cold, 0, 1) {
        return eprintln!("NOT TESTED: this file is nowhere but in memory");
    }
    assert!(asks_a_thread(cold).await);
}
