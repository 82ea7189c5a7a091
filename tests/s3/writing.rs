//! Storing files in a bucket.

use std::{io::ErrorKind, path::PathBuf};

use shared::file_store::FileStore;
use tests::{s3rver::S3rver, shop::Folder};

use crate::{
    line::Line,
    store::{Store, not_run},
};

/// More than one part of an upload, and not a whole number of them.
const LARGE_BYTES: usize = 20_000_001;

struct Source {
    _folder: Folder,
    path: PathBuf,
}

fn file(bytes: &[u8]) -> Source {
    let folder = Folder::new();
    let path = folder.path().join("source");
    std::fs::write(&path, bytes).unwrap();
    Source {
        _folder: folder,
        path,
    }
}

fn start() -> (Store, FileStore) {
    let store = Store::start(std::path::Path::new(""));
    let files = FileStore::open(&store.url(), &store.access()).unwrap();
    (store, files)
}

#[tokio::test]
async fn a_file_is_stored_under_its_hash_in_one_piece_or_in_parts() {
    let (store, files) = start();
    let large: Vec<u8> = (0..=250_u8).cycle().take(LARGE_BYTES).collect();
    for bytes in [b"".as_slice(), b"abc", &large] {
        let (key, size_bytes) = files.keep(&file(bytes).path).await.unwrap();

        assert_eq!(key, store.put(bytes));
        assert_eq!(size_bytes, bytes.len() as u64);
        assert!(std::fs::read(store.object(key)).unwrap() == bytes);
    }
}

#[tokio::test]
async fn what_is_there_is_not_written_again() {
    let (store, files) = start();
    let source = file(b"abc");
    let (key, _) = files.keep(&source.path).await.unwrap();
    let written_at = || {
        std::fs::metadata(store.object(key))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = written_at();

    assert_eq!(files.keep(&source.path).await.unwrap(), (key, 3));

    assert_eq!(written_at(), before);
}

#[tokio::test]
async fn a_damaged_object_is_reported_and_not_replaced() {
    let (store, files) = start();
    let source = file(b"abc");
    let (key, _) = files.keep(&source.path).await.unwrap();
    store.write(key, b"ab");

    let error = files.keep(&source.path).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(std::fs::read(store.object(key)).unwrap(), b"ab");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_takes_nothing() {
    let (store, files) = start();
    store.take_away();

    assert!(files.keep(&file(b"abc").path).await.is_err());
    assert_eq!(files.probe().await.unwrap_err().kind(), ErrorKind::NotFound);

    store.bring_back();
    files.keep(&file(b"abc").path).await.unwrap();
    files.probe().await.unwrap();
}

/// A server of its own, a store on it, and the line by which files reach it.
async fn over_a_line() -> (S3rver, Store, Line, FileStore) {
    let server = S3rver::start().unwrap_or_else(|| not_run());
    let store = Store::on(&server);
    let line = Line::to(server.address()).await;
    let mut access = store.access();
    access.endpoint = Some(line.url().parse().unwrap());
    let files = FileStore::open(&store.url(), &access).unwrap();
    (server, store, line, files)
}

#[actix_web::test]
async fn an_upload_goes_on_over_a_line_that_breaks() {
    let (_server, store, line, files) = over_a_line().await;
    let large: Vec<u8> = (0..=250_u8).cycle().take(LARGE_BYTES).collect();
    for n_bytes in [100_000, 9_000_000, 20_000_500] {
        line.cut_asking_after(n_bytes);
        let before = line.n_connections();

        let (key, _) = files.keep(&file(&large).path).await.unwrap();

        assert!(line.n_connections() > before, "the line broke");
        assert!(std::fs::read(store.object(key)).unwrap() == large);
        store.remove(key);
    }
}

#[actix_web::test]
async fn an_upload_that_breaks_off_leaves_nothing_under_its_key() {
    let (mut server, store, line, files) = over_a_line().await;
    let huge: Vec<u8> = (0..=250_u8).cycle().take(5 * LARGE_BYTES).collect();
    let source = file(&huge);
    let (uploading, path) = (files.clone(), source.path.clone());
    let upload = actix_web::rt::spawn(async move { uploading.keep(&path).await });
    while line.n_answered() < 1_300 {
        tokio::task::yield_now().await;
    }

    server.stop();

    assert!(upload.await.unwrap().is_err());
    server.start_again();
    let key = store.put(b"something else");
    let sha256 = store.object(key).ancestors().nth(3).unwrap().to_owned();
    assert_eq!(
        std::fs::read_dir(sha256).unwrap().count(),
        1,
        "and nothing else"
    );
    let (key, _) = files.keep(&source.path).await.unwrap();
    assert!(std::fs::read(store.object(key)).unwrap() == huge);
}
